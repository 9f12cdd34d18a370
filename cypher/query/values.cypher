// Values of relationships in one snapshot; starts are the keys of the nodes that they leave.
// mode: read
// on: snapshots
// params: id, starts, keys
// columns: key, value
MATCH (s:Snapshot {snapshot_id: $id})
UNWIND $starts AS start
MATCH (a:Frozen {seq: s.seq, key: start})-[r]->(:Frozen)
WHERE r.rk IN $keys AND r.value IS NOT NULL
RETURN r.rk AS key, r.value AS value
