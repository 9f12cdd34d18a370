// Take a lease that is free or ran out, under the next token, or renew one's own; gives who has it now. All times are the
// server's. The lock comes before the look.
// mode: write
// on: snapshots
// params: name, holder, ttl_ms
// columns: holder, token, expires_at
MERGE (l:Lease {name: $name})
ON CREATE SET l.holder = '', l.token = 0, l.expires_at = datetime.realtime()
SET l.lock = true
REMOVE l.lock
WITH l, datetime.realtime() AS now
WITH l, now, l.holder = $holder AND l.expires_at > now AS own, l.holder = '' OR l.expires_at <= now AS free
FOREACH (token IN CASE WHEN own THEN [l.token] WHEN free THEN [l.token + 1] ELSE [] END |
  SET l.holder = $holder, l.token = token, l.expires_at = now + duration({milliseconds: $ttl_ms}))
RETURN l.holder AS holder, l.token AS token, l.expires_at AS expires_at
