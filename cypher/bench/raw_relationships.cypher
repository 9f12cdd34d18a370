// Create relationships plainly; a row is [type, id of start, id of end, properties].
// mode: write
// on: snapshots
// params: rows
// columns: none
UNWIND $rows AS row
MATCH (a) WHERE elementId(a) = row[1]
MATCH (b) WHERE elementId(b) = row[2]
CREATE (a)-[r:$(row[0])]->(b)
SET r = row[3]
