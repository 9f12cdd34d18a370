// Append an event to the audit trail. The chain's lock is held.
// mode: write
// on: snapshots
// params: no, hash, properties
// columns: none
MATCH (c:Counter {name: 'chain'})
SET c.audit_no = $no, c.audit_hash = $hash
CREATE (e:AuditEvent)
SET e = $properties
