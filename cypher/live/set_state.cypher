// Write the state of a source; part of the transaction of its tick.
// mode: write
// on: live
// params: source, properties
// columns: none
MATCH (l:LiveGraph {source: $source})
SET l = $properties
