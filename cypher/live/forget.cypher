// Forget a source whose elements are gone.
// mode: write
// on: live
// params: source
// columns: none
MATCH (l:LiveGraph {source: $source})
DELETE l
