// All relationships that leave a node of one source, a row a node: [id, type, id of the end, properties]. One row a
// relationship takes twice as long.
// mode: read
// on: live
// params: source, default
// columns: from, relationships
// scan: as in live/nodes
MATCH (a)
WHERE coalesce(a.source, $default) = $source AND NOT a:LiveGraph AND NOT a:Migration AND EXISTS { (a)-->() }
RETURN id(a) AS from, [(a)-[r]->(b) | [id(r), type(r), id(b), properties(r)]] AS relationships
