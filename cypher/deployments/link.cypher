// Link a deployment with a published snapshot; role is pre_deploy or post_deploy.
// mode: write
// on: snapshots
// params: id, snapshot_id, role
// columns: none
MATCH (d:Deployment {deployment_id: $id})
MATCH (s:Snapshot {snapshot_id: $snapshot_id})
MERGE (d)-[r:HAS]->(s)
ON CREATE SET r.role = $role
