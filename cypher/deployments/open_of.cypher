// The deployment of a name that has not finished; no row where there is none.
// mode: read
// on: snapshots
// params: name
// columns: properties
MATCH (d:Deployment {open_name: $name})
RETURN properties(d) AS properties
