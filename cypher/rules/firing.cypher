// One firing.
// mode: read
// on: snapshots
// params: id
// columns: properties
MATCH (f:Firing {firing_id: $id})
RETURN properties(f) AS properties
