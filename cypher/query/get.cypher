// One snapshot with its neighbours on the timeline and its pin.
// mode: read
// on: snapshots
// params: id
// columns: properties, previous, next, pin
MATCH (s:Snapshot {snapshot_id: $id})
OPTIONAL MATCH (p:Snapshot)-[:NEXT]->(s)
OPTIONAL MATCH (s)-[:NEXT]->(n:Snapshot)
OPTIONAL MATCH (pin:Pin {snapshot_id: $id})
RETURN properties(s) AS properties, coalesce(p.snapshot_id, '') AS previous, coalesce(n.snapshot_id, '') AS next, properties(pin) AS pin
