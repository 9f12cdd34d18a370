// Write a new case.
// mode: write
// on: snapshots
// params: properties
// columns: none
CREATE (c:Case)
SET c = $properties
