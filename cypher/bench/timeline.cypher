// Make a long timeline of small snapshots at once; each holds one pair of tables with one latency.
// mode: write
// on: snapshots
// params: source, first, last, properties
// columns: none
UNWIND range($first, $last) AS i
CREATE (s:Snapshot)
SET s = $properties, s.snapshot_id = 'snap_bench_' + toString(i), s.seq = -i, s.source = $source,
    s.timestamp = datetime('2025-01-01T00:00:00Z') + duration({minutes: i})
CREATE (s)-[:CONTAINS]->(a:Frozen:Table {seq: -i, key: 'users:Table', h: i})
CREATE (s)-[:CONTAINS]->(b:Frozen:Table {seq: -i, key: 'products:Table', h: i})
CREATE (a)-[:AVG_LATENCY_MS {rk: 'users:Table-[AVG_LATENCY_MS]->products:Table', h: i, value: toFloat(i)}]->(b)
