// The summary that stands on the link between two neighbours.
// mode: read
// on: snapshots
// params: from, to
// columns: properties
MATCH (:Snapshot {snapshot_id: $from})-[r:NEXT]->(:Snapshot {snapshot_id: $to})
RETURN properties(r) AS properties
