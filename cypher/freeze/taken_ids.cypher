// The ids that begin like a wanted one.
// mode: read
// on: snapshots
// params: id
// columns: snapshot_id
MATCH (s:Snapshot)
WHERE s.snapshot_id STARTS WITH $id
RETURN s.snapshot_id AS snapshot_id
