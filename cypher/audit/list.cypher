// A page of the audit trail from a number on. Null parameters select everything.
// mode: read
// on: snapshots
// params: from, id, source, action, limit
// columns: properties
MATCH (e:AuditEvent)
WHERE e.no >= $from
  AND ($id IS NULL OR e.snapshot_id = $id)
  AND ($source IS NULL OR e.source = $source)
  AND ($action IS NULL OR e.action = $action)
RETURN properties(e) AS properties
ORDER BY e.no
LIMIT $limit
