// What is being staged, failed or being deleted, newest first.
// mode: read
// on: snapshots
// params: limit
// columns: state, properties
CALL () {
  MATCH (s:StagedSnapshot)
  RETURN 'capturing' AS state, s
  UNION ALL
  MATCH (s:FailedCapture)
  RETURN 'failed' AS state, s
  UNION ALL
  MATCH (s:DeletingSnapshot)
  RETURN 'deleting' AS state, s
}
RETURN state, properties(s) AS properties
ORDER BY s.seq DESC
LIMIT $limit
