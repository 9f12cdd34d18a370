// Pins stand beside snapshots, one each; a snapshot that has one is found from it.
CREATE CONSTRAINT pin_snapshot IF NOT EXISTS FOR (p:Pin) REQUIRE p.snapshot_id IS UNIQUE;
