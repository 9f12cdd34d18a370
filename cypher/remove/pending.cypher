// The deletions that are not finished.
// mode: read
// on: snapshots
// params: none
// columns: seq
MATCH (s:DeletingSnapshot)
RETURN s.seq AS seq
ORDER BY seq
