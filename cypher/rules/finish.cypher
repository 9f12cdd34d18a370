// Say how a firing ended; no row where it is not known.
// mode: write
// on: snapshots
// params: id, state, snapshot_id, failure
// columns: id
MATCH (f:Firing {firing_id: $id})
SET f.state = $state, f.snapshot_id = $snapshot_id, f.failure = $failure,
    f.pending = CASE $state WHEN 'pending' THEN true END
RETURN f.firing_id AS id
