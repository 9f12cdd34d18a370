// One case, and which of its snapshots are still there.
// mode: read
// on: snapshots
// params: id
// columns: properties, there
MATCH (c:Case {case_id: $id})
OPTIONAL MATCH (c)-[:HAS]->(s:Snapshot)
RETURN properties(c) AS properties, collect(s.snapshot_id) AS there
