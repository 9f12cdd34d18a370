// The id of the snapshot that a capture made; no row where it made none, or where that one was deleted.
// mode: read
// on: snapshots
// params: capture_id
// columns: snapshot_id
MATCH (s:Snapshot {capture_id: $capture_id})
RETURN s.snapshot_id AS snapshot_id
