// Delete the emptied root of a deleted or swept snapshot with its manifest and what is left of its ledger.
// mode: write
// on: snapshots
// params: seq
// columns: none
MATCH (s:DeletingSnapshot {seq: $seq})
OPTIONAL MATCH (s)-[:HAS_MANIFEST]->(m:Manifest)
DETACH DELETE m, s
WITH DISTINCT $seq AS seq
MATCH (b:CaptureBatch)
WHERE b.seq = seq AND b.no IS NOT NULL
DELETE b
