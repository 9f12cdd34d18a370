// Count the staged nodes and add up their digests modulo a prime, to compare with what was sent.
// mode: read
// on: snapshots
// params: seq
// columns: count, digest
MATCH (s:StagedSnapshot {seq: $seq})
OPTIONAL MATCH (s)-[:CONTAINS]->(n:Frozen)
RETURN count(n) AS count, coalesce(sum(n.h % 1000000007), 0) AS digest
