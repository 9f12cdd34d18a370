// Remove relationships that vanished from the source.
// mode: write
// on: live
// params: ids
// columns: none
UNWIND $ids AS id
MATCH ()-[r]->() WHERE elementId(r) = id
DELETE r
