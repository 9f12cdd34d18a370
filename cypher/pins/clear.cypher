// Take the pin of a snapshot away. The chain's lock is held.
// mode: write
// on: snapshots
// params: id
// columns: none
MATCH (p:Pin {snapshot_id: $id})
DETACH DELETE p
