// How many audit events there are, those that say more or less than an event does, and the last seq that was given out.
// mode: read
// on: snapshots
// params: limit
// columns: count, odd, last_seq
OPTIONAL MATCH (c:Counter {name: 'seq'})
WITH coalesce(c.value, 0) AS last_seq
OPTIONAL MATCH (e:AuditEvent)
RETURN count(e) AS count, collect(CASE WHEN size(keys(e)) <> 10 OR size(labels(e)) <> 1 THEN e.no END)[..$limit] AS odd, last_seq
