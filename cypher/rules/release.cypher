// Give a lease back. The fence is held. The token stays, so that the next holder has a higher one.
// mode: write
// on: snapshots
// params: name
// columns: none
MATCH (l:Lease {name: $name})
SET l.holder = '', l.expires_at = datetime.realtime()
