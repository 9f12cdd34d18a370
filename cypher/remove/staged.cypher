// Mark a staged snapshot of this writer as being deleted, because its capture failed or was not wanted. A reason is kept.
// mode: write
// on: snapshots
// params: seq, owner, reason
// columns: none
MATCH (s:StagedSnapshot {seq: $seq})
WHERE s.owner = $owner
REMOVE s:StagedSnapshot
SET s:DeletingSnapshot
WITH s WHERE $reason <> ''
CREATE (:FailedCapture {seq: s.seq, capture_id: s.capture_id, source: s.source, failed_at: datetime(), reason: $reason})
