// The frozen relationships of a snapshot.
// mode: read
// on: snapshots
// params: seq
// columns: type, from, to, properties
MATCH (a:Frozen)
WHERE a.seq = $seq AND a.key IS NOT NULL
MATCH (a)-[r]->(b:Frozen)
RETURN type(r) AS type, a.key AS from, b.key AS to, properties(r) AS properties
