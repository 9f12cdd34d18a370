// What stands on a snapshot.
// mode: read
// on: snapshots
// params: id
// columns: properties
MATCH (s:Snapshot {snapshot_id: $id})
RETURN properties(s) AS properties
