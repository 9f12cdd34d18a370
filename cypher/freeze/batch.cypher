// Enter a batch into the ledger and renew the lease; no row where the lease ran out, a constraint error where the batch was
// written already by a transaction whose answer was lost. The lock comes before the look, so no sweep comes in between.
// mode: write
// on: snapshots
// params: seq, owner, no, lease_s
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
SET s.lock = true
REMOVE s.lock
WITH s
WHERE s.owner = $owner AND s.expires_at >= datetime()
SET s.expires_at = datetime() + duration({seconds: $lease_s})
CREATE (:CaptureBatch {seq: $seq, no: $no})
RETURN s.seq AS seq
