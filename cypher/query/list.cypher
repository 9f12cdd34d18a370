// One page of the snapshots of a source, newest first; before and before_seq are the cursor or the end of the span. Null
// parameters select everything. The index gives the order, so a page costs what it shows; without the hint the planner
// sorts all snapshots where it planned the statement while there were few.
// mode: read
// on: snapshots
// params: source, since, before, before_seq, trigger, severity, text, tag, prefix, limit
// columns: properties, pin
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp >= $since AND s.timestamp <= $before AND s.seq IS NOT NULL
  AND NOT (s.timestamp = $before AND s.seq >= $before_seq)
  AND ($trigger IS NULL OR s.trigger_type = $trigger)
  AND ($severity IS NULL OR s.severity = $severity)
  AND ($tag IS NULL OR $tag IN s.tags)
  AND ($prefix IS NULL OR s.snapshot_id STARTS WITH $prefix)
  AND ($text IS NULL OR toLower(s.snapshot_id) CONTAINS $text OR toLower(s.description) CONTAINS $text)
WITH s
ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC
LIMIT $limit
OPTIONAL MATCH (p:Pin {snapshot_id: s.snapshot_id})
RETURN properties(s) AS properties, properties(p) AS pin
ORDER BY s.timestamp DESC, s.seq DESC
