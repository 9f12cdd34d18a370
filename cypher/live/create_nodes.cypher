// Add nodes of a tick; the ids come back in the order of the rows.
// mode: write
// on: live
// params: rows
// columns: id
UNWIND $rows AS row
CREATE (n:$(row.labels))
SET n = row.properties
RETURN elementId(n) AS id
