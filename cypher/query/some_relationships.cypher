// Those of the asked frozen relationships that a snapshot holds; a start is [key of the node that they leave, their keys].
// mode: read
// on: snapshots
// params: seq, starts
// columns: type, from, to, properties
UNWIND $starts AS start
MATCH (a:Frozen {seq: $seq, key: start[0]})-[r]->(b:Frozen)
WHERE r.rk IN start[1]
RETURN type(r) AS type, a.key AS from, b.key AS to, properties(r) AS properties
