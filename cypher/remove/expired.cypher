// Mark the staged snapshots whose lease ran out as being deleted, and keep why; their writers can publish no more. The
// lock comes before the second look: what was published or renewed meanwhile is left alone.
// mode: write
// on: snapshots
// params: none
// columns: seq
MATCH (s:StagedSnapshot)
WHERE s.expires_at < datetime()
SET s.lock = true
REMOVE s.lock
WITH s
WHERE s.expires_at < datetime()
REMOVE s:StagedSnapshot, s.expires_at
SET s:DeletingSnapshot
CREATE (:FailedCapture {seq: s.seq, capture_id: s.capture_id, source: s.source, failed_at: datetime(),
                        reason: 'the process that captured it was silent until its lease ran out'})
RETURN s.seq AS seq
