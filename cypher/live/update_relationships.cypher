// Replace the properties of relationships of a tick.
// mode: write
// on: live
// params: rows
// columns: none
UNWIND $rows AS row
MATCH ()-[r]->() WHERE elementId(r) = row.id
SET r = row.properties
