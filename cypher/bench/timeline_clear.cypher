// Remove a part of the long timeline.
// mode: write
// on: snapshots
// params: source, limit
// columns: count
MATCH (s:Snapshot)
WHERE s.source = $source AND s.timestamp IS NOT NULL
WITH s LIMIT $limit
OPTIONAL MATCH (s)-[:CONTAINS]->(n:Frozen)
DETACH DELETE n
WITH DISTINCT s
DETACH DELETE s
RETURN count(*) AS count
