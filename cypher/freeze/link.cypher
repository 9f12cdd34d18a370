// Link two snapshots as neighbours.
// mode: write
// on: snapshots
// params: from, to
// columns: none
MATCH (a:Snapshot {snapshot_id: $from})
MATCH (b:Snapshot {snapshot_id: $to})
CREATE (a)-[:NEXT]->(b)
