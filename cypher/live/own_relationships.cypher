// The relationships between nodes that carry a source explicitly, for a tick to update or remove.
// mode: read
// on: live
// params: source
// columns: id, type, from, to, key
// scan: as in live/own_nodes
MATCH (a)-[r]->(b)
WHERE a.source = $source AND b.source = $source
RETURN elementId(r) AS id, type(r) AS type, elementId(a) AS from, elementId(b) AS to, r.key AS key
