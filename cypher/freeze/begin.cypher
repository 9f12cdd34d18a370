// Open a staged snapshot under the next seq, on a lease that each batch renews; the same one again where the answer to the
// first attempt was lost. The counter's lock makes the second attempt wait for the first.
// mode: write
// on: snapshots
// params: source, owner, token, lease_s, capture_id
// columns: seq
MERGE (c:Counter {name: 'seq'})
SET c.value = coalesce(c.value, 0) + 1
WITH c.value AS seq
MERGE (s:StagedSnapshot {owner: $owner, token: $token})
ON CREATE SET s.seq = seq, s.source = $source, s.capture_id = $capture_id, s.staged_at = datetime()
SET s.expires_at = datetime() + duration({seconds: $lease_s})
RETURN s.seq AS seq
