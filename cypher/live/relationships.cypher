// All relationships that leave a node of one source, with the source of their other end.
// mode: read
// on: live
// params: source, default
// columns: id, type, from, to, to_source, properties
// scan: as in live/nodes
MATCH (a)-[r]->(b)
WHERE coalesce(a.source, $default) = $source AND NOT a:LiveGraph AND NOT a:Migration
RETURN elementId(r) AS id, type(r) AS type, elementId(a) AS from, elementId(b) AS to,
       coalesce(b.source, $default) AS to_source, properties(r) AS properties
