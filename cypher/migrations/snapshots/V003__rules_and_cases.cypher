// What lets captures fire by themselves, once each: the ids of captures, leases, firings, what rules remember, cases and
// deployments. open_source and open_name stand on open ones only, so there is one open case a source, and one open
// deployment a name.
CREATE CONSTRAINT snapshot_capture_id IF NOT EXISTS FOR (s:Snapshot) REQUIRE s.capture_id IS UNIQUE;
CREATE CONSTRAINT lease_name IF NOT EXISTS FOR (l:Lease) REQUIRE l.name IS UNIQUE;
CREATE CONSTRAINT firing_id IF NOT EXISTS FOR (f:Firing) REQUIRE f.firing_id IS UNIQUE;
CREATE CONSTRAINT rule_memory IF NOT EXISTS FOR (m:RuleMemory) REQUIRE (m.rule, m.source) IS UNIQUE;
CREATE CONSTRAINT case_id IF NOT EXISTS FOR (c:Case) REQUIRE c.case_id IS UNIQUE;
CREATE CONSTRAINT case_open_source IF NOT EXISTS FOR (c:Case) REQUIRE c.open_source IS UNIQUE;
CREATE CONSTRAINT deployment_id IF NOT EXISTS FOR (d:Deployment) REQUIRE d.deployment_id IS UNIQUE;
CREATE CONSTRAINT deployment_open_name IF NOT EXISTS FOR (d:Deployment) REQUIRE d.open_name IS UNIQUE;
CREATE INDEX firing_time IF NOT EXISTS FOR (f:Firing) ON (f.at);
CREATE INDEX firing_pending IF NOT EXISTS FOR (f:Firing) ON (f.pending);
CREATE INDEX case_time IF NOT EXISTS FOR (c:Case) ON (c.opened_at, c.case_id);
CREATE INDEX deployment_time IF NOT EXISTS FOR (d:Deployment) ON (d.started_at);
