package collect

import "graphsnap/engine"

// databaseNode adds the database itself, which everything that belongs to no table hangs on.
func (r *round) databaseNode(b *builder, a *attribution) {
	key := engine.NodeKey(r.database, labelDatabase)
	g, bytes := r.evidence.gauges, int64(0)
	for _, n := range r.sizes {
		bytes += n
	}
	level := func(name string, v, tolerance float64) float64 { return r.levels.of(key+" "+name, v, tolerance) }
	p := engine.Properties{
		"name": r.database, "version": r.version, "size_bytes": int64(level("size", float64(bytes), sizeTolerance)), "max_connections": g.maxConnections,
		"connections": int64(level("connections", float64(r.connections), waitTolerance)), "standby": g.standby,
	}
	if !r.gapTo.IsZero() {
		p["gap_from"], p["gap_to"] = r.gapFrom, r.gapTo
	}
	if r.evidence.partial {
		p["partial"] = true
	}
	if n := len(r.evidence.unplanned); n > 0 {
		p["statements_not_planned"] = n
	}
	if g.standby {
		p["replay_paused"] = g.paused
		if g.replayLagS >= 0 {
			p["replay_lag_s"] = level("replay lag", g.replayLagS, waitTolerance)
		}
	}
	for name, n := range r.activity {
		p[name] = level(name, n, waitTolerance)
	}
	if a != nil {
		d, seconds := r.sum.database, r.sum.seconds
		p["quality"] = string(r.sum.quality)
		p["deadlocks"] = d.deadlocks
		p["commits_per_s"] = level("commits", float64(d.commits)/seconds, rateTolerance)
		p["rollbacks_per_s"] = level("rollbacks", float64(d.rollbacks)/seconds, rateTolerance)
		p["new_sessions_per_s"] = level("sessions", float64(d.sessions)/seconds, waitTolerance)
		p["temp_bytes_per_s"] = level("temp", float64(d.tempBytes)/seconds, rateTolerance)
		p["wal_bytes_per_s"] = level("wal", float64(d.walBytes)/seconds, rateTolerance)
		p["blocks_read_per_s"] = level("read", float64(d.read)/seconds, rateTolerance)
		if all := d.hit + d.read; all > 0 {
			p["cache_hit"] = level("hit", 100*float64(d.hit)/float64(all), 0.02)
		}
		p["updated_at"], p["window_s"] = r.at, seconds
	}
	b.node(key, labelDatabase, p)
	r.replicaNodes(b, key)
}
