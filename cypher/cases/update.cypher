// Write what changed of a case. A null property goes away.
// mode: write
// on: snapshots
// params: id, properties
// columns: none
MATCH (c:Case {case_id: $id})
SET c += $properties
