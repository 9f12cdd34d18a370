// One relationship in the newest snapshots of a source within a span, as query/node_history gives a node.
// mode: read
// on: snapshots
// params: source, since, until, from, key, limit
// columns: points
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp >= $since AND s.timestamp < $until AND s.seq IS NOT NULL
WITH s ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC LIMIT $limit
OPTIONAL MATCH (:Frozen {seq: s.seq, key: $from})-[r {rk: $key}]->(:Frozen)
RETURN collect([s.snapshot_id, s.timestamp, properties(r)]) AS points
