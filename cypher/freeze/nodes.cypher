// Write a batch of frozen nodes; a row is [labels, properties]. The ids come back in the order of the rows.
// mode: write
// on: snapshots
// params: seq, rows
// columns: id
MATCH (s:StagedSnapshot {seq: $seq})
UNWIND $rows AS row
CREATE (s)-[:CONTAINS]->(n:Frozen:$(row[0]))
SET n = row[1]
RETURN elementId(n) AS id
