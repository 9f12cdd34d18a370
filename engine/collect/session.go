package collect

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"time"

	"graphsnap/engine"
)

// session is a client's connection that works, waits or holds others up.
type session struct {
	pid                      int64
	user, application, state string
	waitType, waitEvent      string
	transactionS, statementS float64
	query                    int64 // query id; 0 where unknown
	blockers                 []int64
	waitedMS                 float64
	mode, lockType           string
	table                    int64 // OID of what it waits for; 0 where unknown
}

const (
	querySessions = `SELECT ` + mark + ` a.pid::bigint, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''),
       coalesce(a.wait_event_type, ''), coalesce(a.wait_event, ''),
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8, coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)::float8, %s
FROM pg_stat_activity a
WHERE a.datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.backend_type = 'client backend'
  AND a.pid <> pg_backend_pid() AND a.application_name <> 'graphsnap'
ORDER BY a.pid`

	// What the waiting ones wait for. A session that waits for another transaction holds, or queues for, the lock on the
	// row's table meanwhile.
	queryLocks = `SELECT ` + mark + ` w.pid::bigint, pg_blocking_pids(w.pid)::bigint[], coalesce(l.mode, ''), coalesce(l.locktype, ''),
       coalesce(l.relation, (SELECT t.relation FROM pg_locks t WHERE t.pid = w.pid AND t.locktype = 'tuple' LIMIT 1),
                (SELECT t.relation FROM pg_locks t WHERE t.pid = w.pid AND t.locktype = 'relation' AND t.mode IN ('RowExclusiveLock', 'RowShareLock')
                 AND EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.relation AND c.relkind IN ('r', 'p')) ORDER BY t.relation LIMIT 1), 0)::bigint,
       coalesce(extract(epoch FROM clock_timestamp() - %s) * 1000, 0)::float8
FROM unnest($1::int[]) w(pid) LEFT JOIN pg_locks l ON l.pid = w.pid AND NOT l.granted`
)

const (
	// mostWaiting bounds the sessions whose blockers are asked for: it takes the lock manager's locks.
	mostWaiting = 30
	// longTransaction is from when a session is shown although it blocks nobody.
	longTransaction = 5.0 // s
	mostSessions    = 60
)

// sessions reads who works and who waits for whom.
func (r *reader) sessions(ctx context.Context) ([]session, error) {
	queryID, since := "0::bigint", "NULL::timestamptz"
	if r.version >= 140000 {
		queryID, since = "coalesce(a.query_id, 0)", "l.waitstart"
	}
	rows, err := r.conn.Query(ctx, fmt.Sprintf(querySessions, queryID))
	if err != nil {
		return nil, err
	}
	var list []session
	var waiting []int64
	for rows.Next() {
		var s session
		if err := rows.Scan(&s.pid, &s.user, &s.application, &s.state, &s.waitType, &s.waitEvent, &s.transactionS, &s.statementS, &s.query); err != nil {
			rows.Close()
			return nil, err
		}
		if s.waitType == "Lock" && len(waiting) < mostWaiting {
			waiting = append(waiting, s.pid)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil || len(waiting) == 0 {
		return list, err
	}
	rows, err = r.conn.Query(ctx, fmt.Sprintf(queryLocks, since), waiting)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := map[int64]int{}
	for i, s := range list {
		at[s.pid] = i
	}
	for rows.Next() {
		var pid, table int64
		var w session
		if err := rows.Scan(&pid, &w.blockers, &w.mode, &w.lockType, &table, &w.waitedMS); err != nil {
			return nil, err
		}
		s := &list[at[pid]]
		s.blockers, s.mode, s.lockType, s.table, s.waitedMS = w.blockers, w.mode, w.lockType, table, w.waitedMS
		if s.waitedMS == 0 {
			s.waitedMS = s.statementS * 1000
		}
	}
	return list, rows.Err()
}

// sample is what one look at the sessions gave; figures of samples are means or maxima over the window.
type sample struct {
	at                        time.Time
	active, idleInTransaction float64
	waits                     map[string]float64 // sessions by wait
	blocked                   map[string]float64 // sessions by node key of the table they wait for
	waitedMS                  map[string]float64 // the longest of them
}

func newSample(at time.Time, sessions []session, byOID map[uint32]*relation) sample {
	s := sample{at: at, waits: map[string]float64{}, blocked: map[string]float64{}, waitedMS: map[string]float64{}}
	for _, x := range sessions {
		switch x.state {
		case "active":
			s.active++
			wait := x.waitType + ":" + x.waitEvent
			if x.waitType == "" {
				wait = "CPU"
			}
			s.waits[wait]++
		case "idle in transaction", "idle in transaction (aborted)":
			s.idleInTransaction++
		}
		if rel := byOID[uint32(x.table)]; rel != nil && len(x.blockers) > 0 {
			s.blocked[rel.key()]++
			s.waitedMS[rel.key()] = max(s.waitedMS[rel.key()], x.waitedMS)
		}
	}
	return s
}

// samples are the looks of the window.
type samples []sample

func (s samples) add(one sample, length time.Duration) samples {
	s = append(s, one)
	for len(s) > 1 && one.at.Sub(s[0].at) > length {
		s = s[1:]
	}
	return s
}

// activity gives the mean numbers of sessions, by property name.
func (s samples) activity() map[string]float64 {
	mean := map[string]float64{"active_sessions": 0, "idle_in_transaction": 0, "blocked_sessions": 0}
	for _, x := range s {
		n := float64(len(s))
		mean["active_sessions"] += x.active / n
		mean["idle_in_transaction"] += x.idleInTransaction / n
		for _, blocked := range x.blocked {
			mean["blocked_sessions"] += blocked / n
		}
	}
	return mean
}

// waits gives the mean number of sessions by wait.
func (s samples) waits() map[string]float64 {
	mean := map[string]float64{}
	for _, x := range s {
		for wait, n := range x.waits {
			mean[wait] += n / float64(len(s))
		}
	}
	return mean
}

// sessionNodes adds waits, lock waits by table, and the sessions that block, are blocked, or take long.
func (r *round) sessionNodes(b *builder) {
	database := engine.NodeKey(r.database, labelDatabase)
	waits := r.samples.waits()
	for _, wait := range sortedNames(waits) {
		key := engine.NodeKey(wait, labelWait)
		b.node(key, labelWait, engine.Properties{"name": wait, "sessions": r.levels.of(key, waits[wait], waitTolerance)})
		b.link(database, relHasWait, key, "", nil)
	}
	r.lockWaits(b)

	byPID, shown := map[int64]session{}, map[int64]bool{}
	for _, s := range r.evidence.sessions {
		byPID[s.pid] = s
		if len(s.blockers) > 0 || s.transactionS >= longTransaction {
			shown[s.pid] = true
		}
		for _, blocker := range s.blockers {
			shown[blocker] = true
		}
	}
	pids := make([]int64, 0, len(shown))
	for pid := range shown {
		if _, ours := byPID[pid]; ours {
			pids = append(pids, pid)
		}
	}
	sort.Slice(pids, func(i, j int) bool { return pids[i] < pids[j] })
	for _, pid := range pids[:min(len(pids), mostSessions)] {
		s := byPID[pid]
		key := sessionKey(pid)
		p := engine.Properties{
			"name": fmt.Sprintf("session %d", pid), "user": s.user, "application": s.application, "state": s.state,
			"wait": s.waitType + ":" + s.waitEvent, "transaction_s": r.levels.of(key, s.transactionS, waitTolerance),
		}
		if s.waitType == "" {
			p["wait"] = ""
		}
		b.node(key, labelSession, p)
		b.link(database, relHasSession, key, "", nil)
	}
	for _, pid := range pids[:min(len(pids), mostSessions)] {
		s := byPID[pid]
		if rel := r.byOID[uint32(s.table)]; rel != nil && len(s.blockers) > 0 {
			b.link(sessionKey(pid), relWaitsFor, rel.key(), "", engine.Properties{"mode": s.mode, "lock": s.lockType})
		}
		for _, blocker := range s.blockers {
			b.link(sessionKey(pid), relLockWait, sessionKey(blocker), "", engine.Properties{
				"mode": s.mode, "lock": s.lockType, "waited_ms": r.levels.of(sessionKey(pid)+" waited", s.waitedMS, waitTolerance),
			})
		}
	}
}

func sessionKey(pid int64) string { return engine.NodeKey(strconv.FormatInt(pid, 10), labelSession) }

// lockWaits adds the longest wait for each table in the window, as a metric of the table with itself. Samples miss what
// is short, so it is a lower bound.
func (r *round) lockWaits(b *builder) {
	longest, most := map[string]float64{}, map[string]float64{}
	for _, x := range r.samples {
		for key, ms := range x.waitedMS {
			longest[key], most[key] = max(longest[key], ms), max(most[key], x.blocked[key])
		}
	}
	for _, key := range sortedNames(longest) {
		rel := engine.RelationshipKey(key, engine.RelLockWaitMS, key, "")
		b.link(key, engine.RelLockWaitMS, key, "", engine.Properties{
			"value": longest[key], "unit": engine.MetricUnits[engine.RelLockWaitMS], "sessions": most[key],
			"timestamp": r.at.Unix(), "updated_at": r.at, "quality": string(lowerBound),
			"trend": r.trends.add(rel, longest[key]), "severity": string(r.thresholds.lockWait(longest[key])),
		})
	}
}
