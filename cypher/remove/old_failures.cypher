// Forget failed captures that nobody needs any more: all but the newest thousand.
// mode: write
// on: snapshots
// params: none
// columns: none
MATCH (f:FailedCapture)
WITH f ORDER BY f.seq DESC SKIP 1000
DELETE f
