// Remove a part of what was created plainly.
// mode: write
// on: snapshots
// params: limit
// columns: count
MATCH (n:BenchRaw)
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*) AS count
