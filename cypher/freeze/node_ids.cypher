// The element ids of frozen nodes in the order of their keys, for a batch whose first answer was lost.
// mode: read
// on: snapshots
// params: seq, keys
// columns: id
UNWIND range(0, size($keys) - 1) AS i
MATCH (n:Frozen {seq: $seq, key: $keys[i]})
RETURN elementId(n) AS id
ORDER BY i
