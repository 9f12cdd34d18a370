// Open a staged snapshot under the next seq, on a lease that each batch renews.
// mode: write
// on: snapshots
// params: source, owner, lease_s, capture_id
// columns: seq
MERGE (c:Counter {name: 'seq'})
SET c.value = coalesce(c.value, 0) + 1
WITH c.value AS seq
CREATE (s:StagedSnapshot {seq: seq, source: $source, owner: $owner, capture_id: $capture_id, staged_at: datetime(),
                          expires_at: datetime() + duration({seconds: $lease_s})})
RETURN s.seq AS seq
