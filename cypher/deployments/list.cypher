// Deployments, newest first. Null parameters select everything.
// mode: read
// on: snapshots
// params: source, name, limit
// columns: properties
MATCH (d:Deployment)
WHERE d.started_at IS NOT NULL AND ($source IS NULL OR d.source = $source) AND ($name IS NULL OR d.name = $name)
RETURN properties(d) AS properties
ORDER BY d.started_at DESC
LIMIT $limit
