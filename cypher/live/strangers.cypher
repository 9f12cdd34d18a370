// The sources that stand in the live graph without a :LiveGraph node, as other producers write them.
// mode: read
// on: live
// params: default
// columns: source
// scan: the live database holds nothing but live graphs, and a stranger's labels are unknown
MATCH (n) WHERE NOT n:LiveGraph AND NOT n:Migration
WITH DISTINCT coalesce(n.source, $default) AS source
WHERE NOT EXISTS { MATCH (:LiveGraph {source: source}) }
RETURN source
ORDER BY source
