// Write down a firing.
// mode: write
// on: snapshots
// params: properties
// columns: none
CREATE (f:Firing)
SET f = $properties
