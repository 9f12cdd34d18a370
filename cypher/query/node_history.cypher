// One node in the newest snapshots of a source within a span, as one list of [id, moment, properties] with null properties
// where a snapshot does not hold it. A row a snapshot takes twice as long.
// mode: read
// on: snapshots
// params: source, since, until, key, limit
// columns: points
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp >= $since AND s.timestamp < $until AND s.seq IS NOT NULL
WITH s ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC LIMIT $limit
OPTIONAL MATCH (n:Frozen {seq: s.seq, key: $key})
RETURN collect([s.snapshot_id, s.timestamp, properties(n)]) AS points
