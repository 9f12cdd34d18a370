// The frozen relationships whose digests differ between two snapshots, or that only one of them has. Digests and numbers
// are aggregated first; the elements themselves are fetched only where they differ.
// mode: read
// on: snapshots
// params: a, b
// columns: key, type, from, to, a_properties, b_properties
MATCH (n:Frozen)
WHERE n.seq IN [$a, $b] AND n.key IS NOT NULL
MATCH (n)-[r]->(:Frozen)
WITH r.rk AS key, max(CASE WHEN n.seq = $a THEN r.h END) AS ha, max(CASE WHEN n.seq = $b THEN r.h END) AS hb,
     max(CASE WHEN n.seq = $a THEN id(r) END) AS ia, max(CASE WHEN n.seq = $b THEN id(r) END) AS ib
WHERE ha IS NULL OR hb IS NULL OR ha <> hb
OPTIONAL MATCH ()-[a]->() WHERE id(a) = ia
OPTIONAL MATCH ()-[b]->() WHERE id(b) = ib
WITH key, a, b, coalesce(a, b) AS r
RETURN key, type(r) AS type, startNode(r).key AS from, endNode(r).key AS to,
       properties(a) AS a_properties, properties(b) AS b_properties
ORDER BY key
