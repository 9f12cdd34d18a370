// What stands on a snapshot.
// mode: read
// on: snapshots
// params: id
// columns: properties, labels
MATCH (s:Snapshot {snapshot_id: $id})
RETURN properties(s) AS properties, labels(s) AS labels
