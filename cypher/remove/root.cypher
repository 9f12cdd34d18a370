// Delete the emptied root of a deleted or swept snapshot and what is left of its ledger.
// mode: write
// on: snapshots
// params: seq
// columns: none
MATCH (s:DeletingSnapshot {seq: $seq})
DETACH DELETE s
WITH DISTINCT $seq AS seq
MATCH (b:CaptureBatch)
WHERE b.seq = seq AND b.no IS NOT NULL
DELETE b
