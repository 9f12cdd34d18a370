// Values of relationships in the snapshots of a source before one of them, newest first; starts are the keys of the
// nodes that the relationships leave.
// mode: read
// on: snapshots
// params: source, timestamp, seq, starts, keys, limit
// columns: snapshot_id, timestamp, values
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp <= $timestamp AND s.seq IS NOT NULL
  AND CASE WHEN s.timestamp = $timestamp THEN s.seq < $seq ELSE true END
WITH s ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC LIMIT $limit
CALL (s) {
  UNWIND $starts AS start
  MATCH (a:Frozen {seq: s.seq, key: start})-[r]->(:Frozen)
  WHERE r.rk IN $keys AND r.value IS NOT NULL
  RETURN collect([r.rk, r.value]) AS values
}
RETURN s.snapshot_id AS snapshot_id, s.timestamp AS timestamp, values
ORDER BY s.timestamp DESC, s.seq DESC
