// One page of the snapshots of all sources, as query/list gives those of one.
// mode: read
// on: snapshots
// params: since, before, before_seq, trigger, severity, text, tag, prefix, limit
// columns: page
MATCH (s:Snapshot)
USING INDEX s:Snapshot(timestamp, seq)
WHERE s.timestamp >= $since AND s.timestamp <= $before AND s.seq IS NOT NULL
  AND CASE WHEN s.timestamp = $before THEN s.seq < $before_seq ELSE true END
  AND ($trigger IS NULL OR s.trigger_type = $trigger)
  AND ($severity IS NULL OR s.severity = $severity)
  AND ($tag IS NULL OR $tag IN s.tags)
  AND ($prefix IS NULL OR s.snapshot_id STARTS WITH $prefix)
  AND ($text IS NULL OR toLower(s.snapshot_id) CONTAINS $text OR toLower(s.description) CONTAINS $text)
WITH s
ORDER BY s.timestamp DESC, s.seq DESC
LIMIT $limit
OPTIONAL MATCH (p:Pin {snapshot_id: s.snapshot_id})
WITH s, p
ORDER BY s.timestamp DESC, s.seq DESC
RETURN collect([properties(s), properties(p)]) AS page
