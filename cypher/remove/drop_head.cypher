// Remove the head of a timeline; the caller moves it to the snapshot before, if there is one.
// mode: write
// on: snapshots
// params: source
// columns: none
MATCH (:Timeline {source: $source})-[h:HEAD]->()
DELETE h
