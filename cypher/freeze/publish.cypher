// Turn a staged snapshot into a published one; no row where the staging is gone or belongs to another.
// mode: write
// on: snapshots
// params: seq, owner, properties, chain_hash
// columns: seq
MATCH (s:StagedSnapshot {seq: $seq})
WHERE s.owner = $owner
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
