// One page of the snapshots of a source, newest first; before and before_seq are the cursor or the end of the span. Null
// parameters select everything. The page is one list of [properties, pin]: a hundred rows take twice as long. The index gives
// the order, so a page costs what it shows; without the hint the planner sorts all snapshots where it planned the statement
// while there were few, and without CASE it splits the condition in two and sorts what both give.
// mode: read
// on: snapshots
// params: source, since, before, before_seq, trigger, severity, text, tag, prefix, limit
// columns: page
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp >= $since AND s.timestamp <= $before AND s.seq IS NOT NULL
  AND CASE WHEN s.timestamp = $before THEN s.seq < $before_seq ELSE true END
  AND ($trigger IS NULL OR s.trigger_type = $trigger)
  AND ($severity IS NULL OR s.severity = $severity)
  AND ($tag IS NULL OR $tag IN s.tags)
  AND ($prefix IS NULL OR s.snapshot_id STARTS WITH $prefix)
  AND ($text IS NULL OR toLower(s.snapshot_id) CONTAINS $text OR toLower(s.description) CONTAINS $text)
WITH s
ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC
LIMIT $limit
OPTIONAL MATCH (p:Pin {snapshot_id: s.snapshot_id})
WITH s, p
ORDER BY s.timestamp DESC, s.seq DESC
RETURN collect([properties(s), properties(p)]) AS page
