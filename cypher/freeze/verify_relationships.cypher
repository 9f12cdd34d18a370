// Count the staged relationships and add up their digests modulo a prime, to compare with what was sent.
// mode: read
// on: snapshots
// params: seq
// columns: count, digest
MATCH (s:StagedSnapshot {seq: $seq})
OPTIONAL MATCH (s)-[:CONTAINS]->(:Frozen)-[r]->(:Frozen)
RETURN count(r) AS count, coalesce(sum(r.h % 1000000007), 0) AS digest
