// The newest snapshots of a source within a span as one list of light rows: [id, moment, trigger, severity, statements per
// second, latency, bottlenecks]. A row a snapshot takes twice as long, whole snapshots eight times.
// mode: read
// on: snapshots
// params: source, since, until, limit
// columns: rows
MATCH (s:Snapshot)
USING INDEX s:Snapshot(source, timestamp, seq)
WHERE s.source = $source AND s.timestamp >= $since AND s.timestamp < $until AND s.seq IS NOT NULL
WITH s ORDER BY s.source DESC, s.timestamp DESC, s.seq DESC LIMIT $limit
RETURN collect([s.snapshot_id, s.timestamp, s.trigger_type, s.severity, s.total_qps, s.avg_latency, s.bottlenecks_count]) AS rows
