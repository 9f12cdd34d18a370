// Announce the next tick of a source before its transaction begins, so that a reader knows when one may be under way.
// mode: write
// on: live
// params: source
// columns: tick
MERGE (l:LiveGraph {source: $source})
SET l.writing = coalesce(l.tick, 0) + 1
RETURN l.writing AS tick
