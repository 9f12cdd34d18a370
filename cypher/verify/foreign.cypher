// The relationships that join a frozen element with something that is not of its snapshot.
// mode: read
// on: snapshots
// params: seq, limit
// columns: key
MATCH (n:Frozen)
WHERE n.seq = $seq AND n.key IS NOT NULL
MATCH (n)-[r]-(m)
WHERE coalesce(m.seq, -1) <> $seq OR NOT (m:Frozen OR (m:Snapshot AND type(r) = 'CONTAINS'))
RETURN DISTINCT coalesce(r.rk, n.key + ' ' + type(r)) AS key
ORDER BY key
LIMIT $limit
