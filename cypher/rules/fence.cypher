// Hold a lease until the transaction ends, so that it cannot change hands meanwhile; no row where it has passed to another or
// ran out.
// mode: write
// on: snapshots
// params: name, holder, token
// columns: token
MATCH (l:Lease {name: $name})
SET l.lock = true
REMOVE l.lock
WITH l
WHERE l.holder = $holder AND l.token = $token AND l.expires_at > datetime.realtime()
RETURN l.token AS token
