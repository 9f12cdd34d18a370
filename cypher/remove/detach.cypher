// Take a snapshot off its timeline and mark it as being deleted, from where a deletion resumes after a crash.
// mode: write
// on: snapshots
// params: id, owner
// columns: seq, previous, next
MATCH (s:Snapshot {snapshot_id: $id})
OPTIONAL MATCH (p:Snapshot)-[before:NEXT]->(s)
OPTIONAL MATCH (s)-[after:NEXT]->(n:Snapshot)
DELETE before, after
REMOVE s:Snapshot
SET s:DeletingSnapshot, s.owner = $owner, s.deleting_since = datetime()
RETURN s.seq AS seq, coalesce(p.snapshot_id, '') AS previous, coalesce(n.snapshot_id, '') AS next
