// Mark a staged snapshot of this writer as being deleted, because its capture failed or was not wanted. A reason is kept.
// No row where it is staged no more: a publish whose answer was lost may have been committed.
// mode: write
// on: snapshots
// params: seq, owner, reason
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
SET s.lock = true
REMOVE s.lock
WITH s
WHERE s.owner = $owner AND s.expires_at IS NOT NULL
REMOVE s:StagedSnapshot, s.expires_at
SET s:DeletingSnapshot
FOREACH (reason IN CASE $reason WHEN '' THEN [] ELSE [$reason] END |
  CREATE (:FailedCapture {seq: s.seq, capture_id: s.capture_id, source: s.source, failed_at: datetime(), reason: reason}))
RETURN s.seq AS seq
