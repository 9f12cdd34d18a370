// The nodes of a source, plainly, a row a node.
// mode: read
// on: live
// params: source
// columns: id, labels, properties
// scan: as in live/nodes
MATCH (n)
WHERE n.source = $source
RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS properties
