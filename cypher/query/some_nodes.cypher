// Those of the asked frozen nodes that a snapshot holds.
// mode: read
// on: snapshots
// params: seq, keys
// columns: labels, properties
UNWIND $keys AS key
MATCH (n:Frozen {seq: $seq, key: key})
RETURN labels(n) AS labels, properties(n) AS properties
