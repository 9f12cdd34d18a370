// Make a snapshot the head of its timeline.
// mode: write
// on: snapshots
// params: source, id
// columns: none
MATCH (t:Timeline {source: $source})
MATCH (s:Snapshot {snapshot_id: $id})
OPTIONAL MATCH (t)-[old:HEAD]->()
DELETE old
CREATE (t)-[:HEAD]->(s)
