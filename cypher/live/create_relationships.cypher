// Add relationships of a tick between nodes given by element id.
// mode: write
// on: live
// params: rows
// columns: none
UNWIND $rows AS row
MATCH (a) WHERE elementId(a) = row.from
MATCH (b) WHERE elementId(b) = row.to
CREATE (a)-[r:$(row.type)]->(b)
SET r = row.properties
