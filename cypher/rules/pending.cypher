// Firings whose capture is under way or was cut off, newest first. A null source selects all.
// mode: read
// on: snapshots
// params: source, limit
// columns: properties
MATCH (f:Firing)
WHERE f.pending = true AND ($source IS NULL OR f.source = $source)
RETURN properties(f) AS properties
ORDER BY f.at DESC
LIMIT $limit
