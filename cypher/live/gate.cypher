// Hold off the ticks of a source until the transaction ends, which must be rolled back: ticks take the same lock first.
// mode: write
// on: live
// params: source
// columns: none
MATCH (l:LiveGraph {source: $source})
SET l.source = $source
