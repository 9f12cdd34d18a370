// The nodes that carry a source explicitly, for a tick to update or remove.
// mode: read
// on: live
// params: source
// columns: id, key, labels
// scan: the live database holds nothing but live graphs, and a source may use any label
MATCH (n)
WHERE n.source = $source AND NOT n:LiveGraph
RETURN elementId(n) AS id, n.key AS key, labels(n) AS labels
