// One node in the newest snapshots of a source within a span; null properties where a snapshot does not hold it.
// mode: read
// on: snapshots
// params: source, since, until, key, limit
// columns: snapshot_id, timestamp, properties
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp >= $since AND s.timestamp < $until AND s.seq IS NOT NULL
WITH s ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC LIMIT $limit
OPTIONAL MATCH (n:Frozen {seq: s.seq, key: $key})
RETURN s.snapshot_id AS snapshot_id, s.timestamp AS timestamp, properties(n) AS properties
