// What retention knows of every snapshot, a row each: [id, seq, source, timestamp, trigger, severity, class, template, tags].
// Pins and cases are few, so they are found from their own side and given as rows that have the id alone: [id], pin, case.
// mode: read
// on: snapshots
// params: none
// columns: row, pin, case_id
CALL () {
  MATCH (s:Snapshot)
  RETURN [s.snapshot_id, s.seq, s.source, s.timestamp, s.trigger_type, s.severity, s.retention, s.template, s.tags] AS row, null AS pin, null AS case_id
  UNION ALL
  MATCH (p:Pin)-[:PINS]->(s:Snapshot)
  RETURN [s.snapshot_id] AS row, properties(p) AS pin, null AS case_id
  UNION ALL
  MATCH (c:Case)-[:HAS]->(s:Snapshot)
  RETURN [s.snapshot_id] AS row, null AS pin, coalesce(c.case_id, elementId(c)) AS case_id
}
RETURN row, pin, case_id
