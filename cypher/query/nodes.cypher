// The frozen nodes of a snapshot, in key order.
// mode: read
// on: snapshots
// params: seq
// columns: labels, properties
MATCH (n:Frozen)
WHERE n.seq = $seq AND n.key IS NOT NULL
RETURN labels(n) AS labels, properties(n) AS properties
ORDER BY n.seq, n.key
