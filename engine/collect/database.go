package collect

import (
	"context"

	"graphsnap/engine"
)

// gauges are states of the whole database at one moment.
type gauges struct {
	maxConnections int64
	standby        bool
	replayLagS     float64 // of a standby; -1 where it does not apply
}

// replica is a standby that this server sends its WAL to.
type replica struct {
	name, state, sync string
	lagBytes          float64
	lagS              float64
}

const (
	queryGauges = `SELECT ` + mark + ` current_setting('max_connections')::bigint, pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8 ELSE -1 END`

	queryReplicas = `SELECT ` + mark + ` coalesce(application_name, '') || coalesce(' ' || host(client_addr), ''), coalesce(state, ''), coalesce(sync_state, ''),
       coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, replay_lsn), 0)::float8,
       coalesce(extract(epoch FROM replay_lag), 0)::float8
FROM pg_stat_replication ORDER BY 1`
)

func (r *reader) gauges(ctx context.Context) (g gauges, err error) {
	err = r.conn.QueryRow(ctx, queryGauges).Scan(&g.maxConnections, &g.standby, &g.replayLagS)
	return g, err
}

func (r *reader) replicas(ctx context.Context) ([]replica, error) {
	rows, err := r.conn.Query(ctx, queryReplicas)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []replica
	for rows.Next() {
		var x replica
		if err := rows.Scan(&x.name, &x.state, &x.sync, &x.lagBytes, &x.lagS); err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, rows.Err()
}

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
		p["replay_lag_s"] = level("replay lag", g.replayLagS, waitTolerance)
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
	for _, x := range r.evidence.replicas {
		to := engine.NodeKey(x.name, labelReplica)
		b.node(to, labelReplica, engine.Properties{
			"name": x.name, "state": x.state, "sync": x.sync,
			"lag_bytes": r.levels.of(to+" bytes", x.lagBytes, waitTolerance), "lag_s": r.levels.of(to+" s", x.lagS, waitTolerance),
		})
		b.link(key, relReplicatesTo, to, "", nil)
	}
}
