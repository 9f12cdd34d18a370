// Pin a snapshot, or put a new note on the pin that is there. The chain's lock is held. No row where there is no snapshot.
// mode: write
// on: snapshots
// params: id, actor, note, at
// columns: source
MATCH (s:Snapshot {snapshot_id: $id})
MERGE (p:Pin {snapshot_id: $id})
SET p.actor = $actor, p.note = $note, p.at = $at
MERGE (p)-[:PINS]->(s)
RETURN s.source AS source
