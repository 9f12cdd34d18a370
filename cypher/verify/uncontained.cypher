// The frozen nodes that are not linked to their snapshot by exactly one :CONTAINS.
// mode: read
// on: snapshots
// params: id, seq, limit
// columns: key
MATCH (s:Snapshot {snapshot_id: $id})
MATCH (n:Frozen)
WHERE n.seq = $seq AND n.key IS NOT NULL AND COUNT { (s)-[:CONTAINS]->(n) } <> 1
RETURN n.key AS key
ORDER BY n.seq, n.key
LIMIT $limit
