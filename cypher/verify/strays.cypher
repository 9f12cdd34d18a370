// What hangs on a snapshot by :CONTAINS or :HAS_MANIFEST and is not of it, or was written upon.
// mode: read
// on: snapshots
// params: id, seq, limit
// columns: key
MATCH (s:Snapshot {snapshot_id: $id})-[r:CONTAINS|HAS_MANIFEST]-(m)
WHERE size(keys(r)) > 0 OR startNode(r) <> s OR coalesce(m.seq, -1) <> $seq
  OR (type(r) = 'CONTAINS' AND NOT m:Frozen) OR (type(r) = 'HAS_MANIFEST' AND NOT m:Manifest)
RETURN DISTINCT type(r) + ' ' + coalesce(toStringOrNull(m.key), elementId(m)) AS key
ORDER BY key
LIMIT $limit
