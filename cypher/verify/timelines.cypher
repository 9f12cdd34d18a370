// What the head of each timeline names.
// mode: read
// on: snapshots
// params: none
// columns: source, snapshot_id
MATCH (t:Timeline)-[:HEAD]->(s)
RETURN t.source AS source, coalesce(s.snapshot_id, '') AS snapshot_id
