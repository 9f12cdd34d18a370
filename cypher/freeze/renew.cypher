// Renew the lease of a staged snapshot between batches; no row where it ran out.
// mode: write
// on: snapshots
// params: seq, owner, lease_s
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
SET s.lock = true
REMOVE s.lock
WITH s
WHERE s.owner = $owner AND s.expires_at >= datetime()
SET s.expires_at = datetime() + duration({seconds: $lease_s})
RETURN s.seq AS seq
