// Take the lock of the publishing order and the chain hash of the snapshot published last.
// mode: write
// on: snapshots
// params: none
// columns: chain_hash
MERGE (c:Counter {name: 'chain'})
SET c.touched_at = datetime()
RETURN coalesce(c.chain_hash, '') AS chain_hash
