// Take the lock of a case; no row where there is none.
// mode: write
// on: snapshots
// params: id
// columns: id
MATCH (c:Case {case_id: $id})
SET c.lock = true
REMOVE c.lock
RETURN c.case_id AS id
