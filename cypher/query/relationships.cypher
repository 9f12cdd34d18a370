// The frozen relationships of a snapshot, a row a node that they leave: [type, key of the end, properties]. One row a
// relationship takes twice as long.
// mode: read
// on: snapshots
// params: seq
// columns: from, relationships
MATCH (a:Frozen)
WHERE a.seq = $seq AND a.key IS NOT NULL AND EXISTS { (a)-->(:Frozen) }
RETURN a.key AS from, [(a)-[r]->(b:Frozen) | [type(r), b.key, properties(r)]] AS relationships
