// One page of snapshots, newest first. Null parameters select everything; before and before_seq are the cursor.
// mode: read
// on: snapshots
// params: source, trigger, severity, since, until, text, tag, prefix, before, before_seq, limit
// columns: properties, pin
MATCH (s:Snapshot)
WHERE s.timestamp <= $before AND (s.timestamp < $before OR s.seq < $before_seq)
  AND ($until IS NULL OR s.timestamp < $until)
  AND ($since IS NULL OR s.timestamp >= $since)
  AND ($source IS NULL OR s.source = $source)
  AND ($trigger IS NULL OR s.trigger_type = $trigger)
  AND ($severity IS NULL OR s.severity = $severity)
  AND ($tag IS NULL OR $tag IN s.tags)
  AND ($prefix IS NULL OR s.snapshot_id STARTS WITH $prefix)
  AND ($text IS NULL OR toLower(s.snapshot_id) CONTAINS $text OR toLower(s.description) CONTAINS $text)
WITH s
ORDER BY s.timestamp DESC, s.seq DESC
LIMIT $limit
OPTIONAL MATCH (p:Pin {snapshot_id: s.snapshot_id})
RETURN properties(s) AS properties, properties(p) AS pin
ORDER BY s.timestamp DESC, s.seq DESC
