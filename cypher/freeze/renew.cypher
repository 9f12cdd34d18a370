// Renew the lease of a staged snapshot between batches; no row where it was swept.
// mode: write
// on: snapshots
// params: seq, owner, lease_s
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
WHERE s.owner = $owner
SET s.expires_at = datetime() + duration({seconds: $lease_s})
RETURN s.seq AS seq
