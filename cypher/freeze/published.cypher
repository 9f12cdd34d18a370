// The id under which a staged snapshot was published already; no row where it was not. It answers a publish that is
// repeated because the answer to its commit was lost.
// mode: read
// on: snapshots
// params: source, timestamp, seq
// columns: snapshot_id
MATCH (s:Snapshot)
WHERE s.source = $source AND s.timestamp = $timestamp AND s.seq = $seq
RETURN s.snapshot_id AS snapshot_id
