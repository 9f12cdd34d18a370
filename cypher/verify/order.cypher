// All snapshots in the order of their timelines.
// mode: read
// on: snapshots
// params: none
// columns: source, snapshot_id
MATCH (s:Snapshot)
RETURN s.source AS source, s.snapshot_id AS snapshot_id
ORDER BY s.source, s.timestamp, s.seq
