// Take the lock of the publishing order; gives the chain hash of the snapshot published last, the head of the audit trail
// and the server's time.
// mode: write
// on: snapshots
// params: none
// columns: chain_hash, audit_no, audit_hash, now
MERGE (c:Counter {name: 'chain'})
SET c.touched_at = datetime()
RETURN coalesce(c.chain_hash, '') AS chain_hash, coalesce(c.audit_no, 0) AS audit_no, coalesce(c.audit_hash, '') AS audit_hash,
       c.touched_at AS now
