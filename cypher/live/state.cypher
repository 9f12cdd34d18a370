// The state of one source that a collector of ours writes; no row where none does.
// mode: read
// on: live
// params: source
// columns: properties
MATCH (l:LiveGraph {source: $source})
RETURN properties(l) AS properties
