// Link a case with a published snapshot; no row where there is no such snapshot.
// mode: write
// on: snapshots
// params: id, snapshot_id, role
// columns: at
MATCH (c:Case {case_id: $id})
MATCH (s:Snapshot {snapshot_id: $snapshot_id})
MERGE (c)-[r:HAS]->(s)
ON CREATE SET r.role = $role
RETURN s.timestamp AS at
