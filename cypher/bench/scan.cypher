// Look at every element of a snapshot inside the server and give one row: the limit that comparing is measured against.
// mode: read
// on: snapshots
// params: seq
// columns: count, nodes, relationships
MATCH (n:Frozen)
WHERE n.seq = $seq AND n.key IS NOT NULL
OPTIONAL MATCH (n)-[r]->(:Frozen)
RETURN count(r) AS count, sum(n.h % 97) AS nodes, sum(r.h % 97) AS relationships
