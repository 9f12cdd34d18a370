// Remove nodes that vanished from the source, with all their relationships.
// mode: write
// on: live
// params: ids
// columns: none
UNWIND $ids AS id
MATCH (n) WHERE elementId(n) = id
DETACH DELETE n
