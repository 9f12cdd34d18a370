// The frozen relationships whose digests differ between two snapshots, or that only one of them has.
// mode: read
// on: snapshots
// params: a, b
// columns: key, type, from, to, a_properties, b_properties
MATCH (n:Frozen)
WHERE n.seq IN [$a, $b] AND n.key IS NOT NULL
MATCH (n)-[r]->(:Frozen)
WITH r.rk AS key, collect(CASE WHEN n.seq = $a THEN r END)[0] AS a, collect(CASE WHEN n.seq = $b THEN r END)[0] AS b
WHERE a IS NULL OR b IS NULL OR a.h <> b.h
WITH key, a, b, coalesce(a, b) AS r
RETURN key, type(r) AS type, startNode(r).key AS from, endNode(r).key AS to,
       properties(a) AS a_properties, properties(b) AS b_properties
ORDER BY key
