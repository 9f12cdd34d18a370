// Mark a staged snapshot of this writer as being deleted, because its capture failed.
// mode: write
// on: snapshots
// params: seq, owner
// columns: none
MATCH (s:StagedSnapshot {seq: $seq})
WHERE s.owner = $owner
REMOVE s:StagedSnapshot
SET s:DeletingSnapshot
