// Forget firings that nobody needs any more: all but the newest ten thousand, and those that are pending. The audit trail
// keeps what they decided.
// mode: write
// on: snapshots
// params: none
// columns: none
MATCH (f:Firing)
WHERE f.at IS NOT NULL
WITH f ORDER BY f.at DESC SKIP 10000
WHERE f.pending IS NULL
DELETE f
