// Replace the properties of nodes of a tick.
// mode: write
// on: live
// params: rows
// columns: none
UNWIND $rows AS row
MATCH (n) WHERE elementId(n) = row.id
SET n = row.properties
