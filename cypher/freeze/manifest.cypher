// Write one part of the manifest of a staged snapshot.
// mode: write
// on: snapshots
// params: seq, no, content
// columns: none
MATCH (s:StagedSnapshot {seq: $seq})
CREATE (s)-[:HAS_MANIFEST]->(:Manifest {seq: $seq, no: $no, content: $content})
