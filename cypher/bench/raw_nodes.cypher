// Create nodes plainly: the limit that freezing is measured against.
// mode: write
// on: snapshots
// params: rows
// columns: id
UNWIND $rows AS row
CREATE (n:BenchRaw:Table)
SET n = row
RETURN elementId(n) AS id
