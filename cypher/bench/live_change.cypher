// Move the value of every tenth relationship of a source, as a tick would.
// mode: write
// on: live
// params: source
// columns: count
// scan: as in live/nodes
MATCH (a)-[r]->()
WHERE a.source = $source AND r.moves
SET r.value = r.value + 5
RETURN count(*) AS count
