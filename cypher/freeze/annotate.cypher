// Write the summary of a diff onto the link of two neighbours.
// mode: write
// on: snapshots
// params: from, to, properties
// columns: none
MATCH (:Snapshot {snapshot_id: $from})-[r:NEXT]->(:Snapshot {snapshot_id: $to})
SET r = $properties
