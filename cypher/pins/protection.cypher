// What keeps a snapshot from being removed: its pin and the cases that it belongs to.
// mode: read
// on: snapshots
// params: id
// columns: source, tags, pin, cases
MATCH (s:Snapshot {snapshot_id: $id})
OPTIONAL MATCH (p:Pin {snapshot_id: $id})
RETURN s.source AS source, s.tags AS tags, properties(p) AS pin,
       COLLECT { MATCH (c:Case)-[:HAS]->(s) RETURN coalesce(c.case_id, elementId(c)) AS id ORDER BY id } AS cases
