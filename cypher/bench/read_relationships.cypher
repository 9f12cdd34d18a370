// The relationships of a source, plainly, a row a relationship.
// mode: read
// on: live
// params: source
// columns: id, type, from, to, properties
// scan: as in live/nodes
MATCH (a)-[r]->(b)
WHERE a.source = $source
RETURN elementId(r) AS id, type(r) AS type, elementId(a) AS from, elementId(b) AS to, properties(r) AS properties
