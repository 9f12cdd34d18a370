// Delete a batch of what a deleted or swept snapshot contains; 0 when nothing is left.
// mode: write
// on: snapshots
// params: seq, limit
// columns: count
MATCH (n:Frozen)
WHERE n.seq = $seq AND n.key IS NOT NULL
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*) AS count
