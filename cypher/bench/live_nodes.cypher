// Write nodes into the live graph as a producer would; the ids come back in the order of the rows.
// mode: write
// on: live
// params: rows
// columns: id
UNWIND $rows AS row
CREATE (n:Table)
SET n = row
RETURN elementId(n) AS id
