// All nodes of one source; nodes without a source belong to the default one. Ids are good for one transaction.
// mode: read
// on: live
// params: source, default
// columns: id, element_id, labels, properties
// scan: a capture copies the whole live graph, and a stranger's labels are unknown; an index could miss moving values
MATCH (n)
WHERE coalesce(n.source, $default) = $source AND NOT n:LiveGraph AND NOT n:Migration
RETURN id(n) AS id, elementId(n) AS element_id, labels(n) AS labels, properties(n) AS properties
