// Enter a batch into the ledger and renew the lease; no row where the staging was swept, a constraint error where the
// batch was written already by a transaction whose answer was lost.
// mode: write
// on: snapshots
// params: seq, owner, no, lease_s
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
WHERE s.owner = $owner
SET s.expires_at = datetime() + duration({seconds: $lease_s})
CREATE (:CaptureBatch {seq: $seq, no: $no})
RETURN s.seq AS seq
