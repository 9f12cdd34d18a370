// One page of cases, newest first, with which of their snapshots are still there. Null parameters select everything; before
// and before_id are the cursor.
// mode: read
// on: snapshots
// params: source, state, severity, since, until, before, before_id, limit
// columns: properties, there
MATCH (c:Case)
WHERE c.opened_at <= $before AND (c.opened_at < $before OR c.case_id < $before_id)
  AND ($until IS NULL OR c.opened_at < $until)
  AND ($since IS NULL OR c.opened_at >= $since)
  AND ($source IS NULL OR c.source = $source)
  AND ($state IS NULL OR c.state = $state)
  AND ($severity IS NULL OR c.severity = $severity)
WITH c ORDER BY c.opened_at DESC, c.case_id DESC LIMIT $limit
CALL (c) {
  OPTIONAL MATCH (c)-[:HAS]->(s:Snapshot)
  RETURN collect(s.snapshot_id) AS there
}
RETURN c {.*, points: null} AS properties, there
ORDER BY c.opened_at DESC, c.case_id DESC
