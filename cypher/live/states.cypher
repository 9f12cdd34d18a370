// The state of every source that a collector of ours writes.
// mode: read
// on: live
// params: none
// columns: properties
MATCH (l:LiveGraph)
RETURN properties(l) AS properties
ORDER BY l.source
