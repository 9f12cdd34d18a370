// Write down a deployment that begins.
// mode: write
// on: snapshots
// params: properties
// columns: none
CREATE (d:Deployment)
SET d = $properties
