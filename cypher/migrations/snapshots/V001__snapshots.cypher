// Identity, and the orders in which snapshots and their elements are read.
CREATE CONSTRAINT counter_name IF NOT EXISTS FOR (c:Counter) REQUIRE c.name IS UNIQUE;
CREATE CONSTRAINT timeline_source IF NOT EXISTS FOR (t:Timeline) REQUIRE t.source IS UNIQUE;
CREATE CONSTRAINT snapshot_id IF NOT EXISTS FOR (s:Snapshot) REQUIRE s.snapshot_id IS UNIQUE;
CREATE CONSTRAINT staged_seq IF NOT EXISTS FOR (s:StagedSnapshot) REQUIRE s.seq IS UNIQUE;
CREATE CONSTRAINT deleting_seq IF NOT EXISTS FOR (s:DeletingSnapshot) REQUIRE s.seq IS UNIQUE;
CREATE CONSTRAINT capture_batch IF NOT EXISTS FOR (b:CaptureBatch) REQUIRE (b.seq, b.no) IS UNIQUE;
CREATE CONSTRAINT frozen_seq_key IF NOT EXISTS FOR (n:Frozen) REQUIRE (n.seq, n.key) IS UNIQUE;
CREATE INDEX snapshot_time IF NOT EXISTS FOR (s:Snapshot) ON (s.timestamp, s.seq);
CREATE INDEX snapshot_source_time IF NOT EXISTS FOR (s:Snapshot) ON (s.source, s.timestamp, s.seq);
