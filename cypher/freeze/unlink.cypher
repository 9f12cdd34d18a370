// Cut the link between two neighbours.
// mode: write
// on: snapshots
// params: from, to
// columns: none
MATCH (:Snapshot {snapshot_id: $from})-[r:NEXT]->(:Snapshot {snapshot_id: $to})
DELETE r
