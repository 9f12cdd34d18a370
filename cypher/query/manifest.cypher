// The parts of the manifest of a snapshot, in order.
// mode: read
// on: snapshots
// params: seq
// columns: content
MATCH (m:Manifest)
WHERE m.seq = $seq AND m.no IS NOT NULL
RETURN m.content AS content
ORDER BY m.seq, m.no
