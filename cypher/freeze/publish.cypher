// Turn a staged snapshot into a published one; no row where the staging is gone, belongs to another, or its lease ran out.
// mode: write
// on: snapshots
// params: seq, owner, properties, chain_hash
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
SET s.lock = true
REMOVE s.lock
WITH s
WHERE s.owner = $owner AND s.expires_at >= datetime()
REMOVE s:StagedSnapshot
SET s:Snapshot
SET s = $properties
WITH s
MATCH (c:Counter {name: 'chain'})
SET c.chain_hash = $chain_hash
WITH s
CALL (s) {
  MATCH (b:CaptureBatch)
  WHERE b.seq = s.seq AND b.no IS NOT NULL
  DELETE b
}
RETURN s.seq AS seq
