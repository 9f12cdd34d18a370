// All links of all timelines.
// mode: read
// on: snapshots
// params: none
// columns: source, from, to
MATCH (a:Snapshot)-[:NEXT]->(b)
RETURN a.source AS source, a.snapshot_id AS from, coalesce(b.snapshot_id, '') AS to
ORDER BY a.source, a.timestamp, a.seq
