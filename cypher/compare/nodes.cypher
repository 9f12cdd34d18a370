// The frozen nodes whose digests differ between two snapshots, or that only one of them has.
// mode: read
// on: snapshots
// params: a, b
// columns: key, a_labels, a_properties, b_labels, b_properties
MATCH (n:Frozen)
WHERE n.seq IN [$a, $b] AND n.key IS NOT NULL
WITH n.key AS key, collect(CASE WHEN n.seq = $a THEN n END)[0] AS a, collect(CASE WHEN n.seq = $b THEN n END)[0] AS b
WHERE a IS NULL OR b IS NULL OR a.h <> b.h
RETURN key, labels(a) AS a_labels, properties(a) AS a_properties, labels(b) AS b_labels, properties(b) AS b_properties
ORDER BY key
