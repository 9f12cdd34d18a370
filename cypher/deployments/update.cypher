// Write what changed of a deployment. A null property goes away. No row where there is none.
// mode: write
// on: snapshots
// params: id, properties
// columns: id
MATCH (d:Deployment {deployment_id: $id})
SET d += $properties
RETURN d.deployment_id AS id
