// The sources that have snapshots.
// mode: read
// on: snapshots
// params: none
// columns: source
MATCH (t:Timeline)-[:HEAD]->(:Snapshot)
RETURN t.source AS source
ORDER BY source
