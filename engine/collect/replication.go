package collect

import (
	"context"
	"math"
	"time"

	"graphsnap/engine"
)

// gauges are states of the whole database at one moment.
type gauges struct {
	maxConnections int64
	standby        bool
	paused         bool    // replay on a standby waits for pg_wal_replay_resume
	replayLagS     float64 // of a standby; -1 where it is unknown or does not apply
}

// replica is a standby that this server sends its WAL to.
type replica struct {
	name, state, sync string
	lagBytes          *float64 // nil where nothing was replayed yet, as during a base backup
	lagS              float64  // -1 where it is unknown
}

const (
	// A standby that has replayed all that it received, and still receives, lags by nothing, however old its last
	// transaction is.
	queryGauges = `SELECT ` + mark + ` current_setting('max_connections')::bigint, pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint, pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint,
       EXISTS (SELECT FROM pg_stat_wal_receiver), extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8`

	queryReplicas = `SELECT ` + mark + ` coalesce(application_name, '') || coalesce(' ' || host(client_addr), ''), coalesce(state, ''), coalesce(sync_state, ''),
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, replay_lsn)::float8,
       pg_wal_lsn_diff(replay_lsn, '0/0')::bigint, extract(epoch FROM replay_lag)::float8
FROM pg_stat_replication ORDER BY 1`
)

// course tells when a log stood at which position. The server measures a lag only when a standby replays something: of
// one that does not replay, it shows none or that of the last time. What was written when, and is not replayed, bounds the
// lag from both sides.
type course []stand

// stand is a position, bytes, and when it was seen first and last.
type stand struct {
	position    int64
	from, until time.Time
}

// courseTolerance is how far apart stands need to be, as a part of their age: what is long ago is remembered in wide
// steps, and some hundred stands tell of years.
const courseTolerance = 0.05

func (c course) add(at time.Time, position int64) course {
	if n := len(c); n > 0 {
		switch last := &c[n-1]; {
		case position == last.position:
			last.until = at
			return c
		case position < last.position:
			c = nil // another history: a failover, or a restored backup
		}
	}
	c = append(c, stand{position, at, at})
	thin := c[:1]
	for i := 1; i < len(c); i++ {
		if i+1 < len(c) {
			next := c[i+1].from
			if next.Sub(thin[len(thin)-1].from).Seconds() <= courseTolerance*at.Sub(next).Seconds() {
				continue
			}
		}
		thin = append(thin, c[i])
	}
	return thin
}

// lag gives for how long what follows a position is outstanding, s; reported is what the server says, nil for nothing.
// It is -1 where neither is known.
func (c course) lag(at time.Time, replayed int64, reported *float64) float64 {
	least, most := 0.0, math.Inf(1)
	known := reported != nil
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].position <= replayed {
			most = at.Sub(c[i].until).Seconds()
			known = true
			break
		}
		least = at.Sub(c[i].from).Seconds()
		known = known || least > 0
	}
	switch {
	case !known:
		return -1
	case reported == nil:
		return least
	}
	return max(least, min(most, *reported))
}

// gauges reads the states of the whole database; received is the course of what a standby received.
func (r *reader) gauges(ctx context.Context, at time.Time, received course) (gauges, course, error) {
	var g gauges
	var got, replayed *int64
	var receives bool
	var age *float64 // of the last transaction that was replayed
	if err := r.conn.QueryRow(ctx, queryGauges).Scan(&g.maxConnections, &g.standby, &g.paused, &got, &replayed, &receives, &age); err != nil {
		return g, received, err
	}
	g.replayLagS = -1
	switch {
	case !g.standby:
		return g, nil, nil
	case got == nil || replayed == nil || !receives:
		// It replays an archive, or its primary is gone: nobody here knows what it lacks but by the age of what it has.
		if age != nil {
			g.replayLagS = *age
		}
		return g, nil, nil
	}
	received = received.add(at, *got)
	if *replayed >= *got {
		g.replayLagS = 0
	} else {
		g.replayLagS = received.lag(at, *replayed, age)
	}
	return g, received, nil
}

// replicas reads the standbys of this server; written is the course of what it wrote.
func (r *reader) replicas(ctx context.Context, at time.Time, written course) ([]replica, error) {
	rows, err := r.conn.Query(ctx, queryReplicas)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []replica
	for rows.Next() {
		var x replica
		var replayed *int64
		var reported *float64
		if err := rows.Scan(&x.name, &x.state, &x.sync, &x.lagBytes, &replayed, &reported); err != nil {
			return nil, err
		}
		x.lagS = -1
		if replayed != nil && *x.lagBytes <= 0 {
			x.lagS = 0
		} else if replayed != nil {
			x.lagS = written.lag(at, *replayed, reported)
		}
		list = append(list, x)
	}
	return list, rows.Err()
}

// replicaNodes adds the standbys below the database.
func (r *round) replicaNodes(b *builder, database string) {
	for _, x := range r.evidence.replicas {
		key := engine.NodeKey(x.name, labelReplica)
		p := engine.Properties{"name": x.name, "state": x.state, "sync": x.sync}
		if x.lagBytes != nil {
			p["lag_bytes"] = r.levels.of(key+" bytes", *x.lagBytes, waitTolerance)
		}
		if x.lagS >= 0 {
			p["lag_s"] = r.levels.of(key+" s", x.lagS, waitTolerance)
		}
		b.node(key, labelReplica, p)
		b.link(database, relReplicatesTo, key, "", nil)
	}
}
