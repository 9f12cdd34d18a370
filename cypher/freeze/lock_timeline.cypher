// Take the lock of a source's timeline.
// mode: write
// on: snapshots
// params: source
// columns: source
MERGE (t:Timeline {source: $source})
SET t.touched_at = datetime()
RETURN t.source AS source
