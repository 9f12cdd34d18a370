// One snapshot with its neighbours on the timeline.
// mode: read
// on: snapshots
// params: id
// columns: properties, previous, next
MATCH (s:Snapshot {snapshot_id: $id})
OPTIONAL MATCH (p:Snapshot)-[:NEXT]->(s)
OPTIONAL MATCH (s)-[:NEXT]->(n:Snapshot)
RETURN properties(s) AS properties, coalesce(p.snapshot_id, '') AS previous, coalesce(n.snapshot_id, '') AS next
