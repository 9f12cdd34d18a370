// What proves snapshots: the audit trail, manifests, and the records of captures that failed.
CREATE CONSTRAINT audit_no IF NOT EXISTS FOR (e:AuditEvent) REQUIRE e.no IS UNIQUE;
CREATE CONSTRAINT manifest_part IF NOT EXISTS FOR (m:Manifest) REQUIRE (m.seq, m.no) IS UNIQUE;
CREATE CONSTRAINT failed_seq IF NOT EXISTS FOR (f:FailedCapture) REQUIRE f.seq IS UNIQUE;
CREATE INDEX audit_snapshot IF NOT EXISTS FOR (e:AuditEvent) ON (e.snapshot_id);
