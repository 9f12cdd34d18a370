// Remove a part of what the benchmark wrote into the live graph.
// mode: write
// on: live
// params: source, limit
// columns: count
// scan: as in live/nodes
MATCH (n)
WHERE n.source = $source
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*) AS count
