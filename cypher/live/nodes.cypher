// All nodes of one source; nodes without a source belong to the default one.
// mode: read
// on: live
// params: source, default
// columns: id, labels, properties
// scan: a capture copies the whole live graph, and a stranger's labels are unknown; an index could miss moving values
MATCH (n)
WHERE coalesce(n.source, $default) = $source AND NOT n:LiveGraph AND NOT n:Migration
RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS properties
