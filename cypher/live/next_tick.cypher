// Take the next tick number of a source; holds the source's lock until the tick is committed.
// mode: write
// on: live
// params: source
// columns: tick
MERGE (l:LiveGraph {source: $source})
SET l.tick = coalesce(l.tick, 0) + 1
RETURN l.tick AS tick
