// Mark the staged snapshots whose lease ran out as being deleted; their writers can publish no more.
// mode: write
// on: snapshots
// params: none
// columns: seq
MATCH (s:StagedSnapshot)
WHERE s.expires_at < datetime()
REMOVE s:StagedSnapshot
SET s:DeletingSnapshot
RETURN s.seq AS seq
