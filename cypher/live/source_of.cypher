// The sources of nodes at which relationships of another source end.
// mode: read
// on: live
// params: ids, default
// columns: source
UNWIND $ids AS id
MATCH (n) WHERE id(n) = id
RETURN coalesce(n.source, $default) AS source
