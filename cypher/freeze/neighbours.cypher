// The snapshots of a source right before and right after a place in time; 0 where there is none.
// mode: read
// on: snapshots
// params: source, timestamp, seq
// columns: previous, next
OPTIONAL MATCH (p:Snapshot)
WHERE p.source = $source AND p.timestamp <= $timestamp AND (p.timestamp < $timestamp OR p.seq < $seq)
WITH p ORDER BY p.timestamp DESC, p.seq DESC LIMIT 1
OPTIONAL MATCH (n:Snapshot)
WHERE n.source = $source AND n.timestamp >= $timestamp AND (n.timestamp > $timestamp OR n.seq > $seq)
WITH p, n ORDER BY n.timestamp, n.seq LIMIT 1
RETURN coalesce(p.snapshot_id, '') AS previous, coalesce(n.snapshot_id, '') AS next
