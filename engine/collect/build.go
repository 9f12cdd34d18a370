package collect

import (
	"sort"
	"time"

	"graphsnap/engine"
)

// tableState holds the gauges of one table; a partitioned table's are the sums of its partitions'.
type tableState struct {
	rel       *relation
	rows      float64 // -1 if unknown
	estimate  float64 // what the planner believes; -1 if it was never told
	bytes     int64
	deadRows  int64
	modified  int64     // rows changed since the planner's statistics were taken
	vacuumed  time.Time // zero if never
	analyzed  time.Time
	options   string
	partition bool
}

// round is all that one round knows, ready to become a tick. Pure from here on.
type round struct {
	source      string
	at          time.Time
	catalog     *catalog
	tables      map[string]*tableState // by node key
	usages      map[int64]*usage       // by query id; absent if unparsed or utility
	utility     map[int64]bool
	own         map[int64]bool
	sum         *delta // nil in the first round
	thresholds  Thresholds
	trends      trends
	connections int64

	// What explains the figures.
	database, version string
	evidence          evidence
	levels            levels
	sizes             map[int64]int64 // by OID
	samples           samples
	activity          map[string]float64
	byOID             map[uint32]*relation
	digests           map[int64]string // by query id
	texts             map[int64]string // by query id, without values; empty where texts are not kept
	checks            map[int64]check
	shown             map[string]bool            // statement digests of the last round
	gapFrom, gapTo    time.Time                  // the last time without figures; zero where there was none
	finish            func(*round, *engine.Tick) // MySQL: its own properties in place of those that only PostgreSQL has
}

// load is what was done to a node or pair within the window.
type load struct {
	calls   int64
	rows    int64
	execMS  float64 // of all statements that use it
	timeMS  float64 // its own part, additive
	joins   int64
	quality quality
	basis   string
	times   counters // the execution times of all statements that use it, for their deviation
}

func (l *load) deviation() float64 { return l.times.deviation() }

func (l *load) add(calls, rows int64, execMS, timeMS float64, q quality) {
	l.calls, l.rows, l.execMS, l.timeMS = l.calls+calls, l.rows+rows, l.execMS+execMS, l.timeMS+timeMS
	if l.quality == "" {
		l.quality = exact
	}
	l.quality = worst(l.quality, q)
}

// attribution spreads the statements of a window over nodes and pairs.
type attribution struct {
	pairs        map[[2]string]*load
	nodes        map[string]*load // time: single-table statements only; calls: all statements that touch the table
	single       map[string]*load // single-table statements
	calls        int64
	execMS       float64
	unattributed float64 // ms
	parsed       float64 // ms
}

func (r *round) attribute() *attribution {
	a := &attribution{pairs: map[[2]string]*load{}, nodes: map[string]*load{}, single: map[string]*load{}}
	orders := r.statementOrders()
	ids := make([]statementID, 0, len(r.sum.statements))
	for id := range r.sum.statements {
		ids = append(ids, id)
	}
	// Sums of floats depend on the order; a fixed one makes equal input give equal output.
	sort.Slice(ids, func(i, j int) bool {
		if ids[i].query != ids[j].query {
			return ids[i].query < ids[j].query
		}
		return ids[i].user < ids[j].user
	})
	for _, id := range ids {
		s := r.sum.statements[id]
		if r.own[id.query] {
			continue
		}
		a.execMS += s.execMS
		if !r.utility[id.query] {
			a.calls += s.calls
		}
		u := r.usages[id.query]
		if u == nil {
			a.unattributed += s.execMS
			continue
		}
		a.parsed += s.execMS
		tables := r.known(u.tables)
		if u.maintenance {
			// Its time is the table's, but it is no query that anybody waits for.
			if len(tables) > 0 {
				at(a.nodes, tables[0]).timeMS += s.execMS
			} else {
				a.unattributed += s.execMS
			}
			continue
		}
		for _, t := range tables {
			at(a.nodes, t).add(s.calls, s.rows, s.execMS, 0, s.quality)
		}
		var pairs []joinedPair
		for _, p := range u.pairs {
			if r.tables[p.a] != nil && r.tables[p.b] != nil {
				pairs = append(pairs, p)
			}
		}
		switch {
		case len(pairs) > 0:
			weight := 1 / float64(len(pairs))
			for _, p := range pairs {
				l := at(a.pairs, r.direct(p, orders))
				l.add(s.calls, s.rows, s.execMS, s.execMS*weight, s.quality)
				l.joins += s.calls * int64(p.times)
				l.times = l.times.plus(s.counters)
				if bases[p.basis] > bases[l.basis] {
					l.basis = p.basis
				}
			}
		case len(tables) > 0:
			at(a.nodes, tables[0]).timeMS += s.execMS
			at(a.single, tables[0]).add(s.calls, s.rows, s.execMS, s.execMS, s.quality)
		default:
			a.unattributed += s.execMS
		}
	}
	return a
}

func (r *round) known(tables []string) []string {
	out := make([]string, 0, len(tables))
	for _, t := range tables {
		if r.tables[t] != nil {
			out = append(out, t)
		}
	}
	return out
}

func at[K comparable](m map[K]*load, key K) *load {
	l, ok := m[key]
	if !ok {
		l = &load{}
		m[key] = l
	}
	return l
}

// statementOrders notes in which order of appearance the statements name each pair.
func (r *round) statementOrders() map[[2]string]bool {
	orders := map[[2]string]bool{}
	for _, u := range r.usages {
		if u.unordered {
			continue
		}
		for _, p := range u.pairs {
			orders[[2]string{p.a, p.b}] = true
		}
	}
	return orders
}

// direct gives a pair its direction: along the foreign key where exactly one way is backed by one, else in the order in
// which the statements name the tables, else, where they disagree, by the alphabet.
func (r *round) direct(p joinedPair, orders map[[2]string]bool) [2]string {
	forth, back := [2]string{p.a, p.b}, [2]string{p.b, p.a}
	switch f, b := r.catalog.references[forth], r.catalog.references[back]; {
	case f && !b:
		return forth
	case b && !f:
		return back
	}
	if orders[back] && (p.b < p.a || !orders[forth]) {
		return back
	}
	return forth
}

// tick builds the live graph of this round.
func (r *round) tick(state engine.LiveState) *engine.Tick {
	t := &engine.Tick{State: state}
	if r.sum == nil || r.sum.seconds <= 0 {
		r.structure(t, nil)
		r.explain(t, nil)
		if r.finish != nil {
			r.finish(r, t)
		}
		return t
	}
	a, seconds := r.attribute(), r.sum.seconds
	alive := map[string]bool{}
	r.structure(t, a)
	for key := range r.tables {
		alive[key] = true
	}
	pairs := make([][2]string, 0, len(a.pairs))
	for ends := range a.pairs {
		pairs = append(pairs, ends)
	}
	sort.Slice(pairs, func(i, j int) bool {
		return pairs[i][0] < pairs[j][0] || pairs[i][0] == pairs[j][0] && pairs[i][1] < pairs[j][1]
	})
	for _, ends := range pairs {
		t.Graph.Relationships = append(t.Graph.Relationships, r.metrics(ends, a.pairs[ends], a, alive)...)
	}
	r.explain(t, a)
	for _, rel := range t.Graph.Relationships {
		if rel.Type == engine.RelLockWaitMS {
			alive[rel.Key] = true
		}
	}
	r.trends.keep(alive)

	totals := &t.State.Totals
	totals.TotalQPS = ptr(float64(a.calls) / seconds)
	if a.calls > 0 {
		totals.AvgLatencyMS = ptr(a.execMS / float64(a.calls))
	}
	totals.TimeMSPerS = ptr(a.execMS / seconds)
	totals.UnattributedMSPerS = ptr(a.unattributed / seconds)
	if a.execMS > 0 {
		totals.ParseCoverage = ptr(a.parsed / a.execMS)
	}
	totals.WindowS = ptr(seconds)
	d := r.sum.database
	if all := d.commits + d.rollbacks; all > 0 {
		totals.ErrorRate = ptr(100 * float64(d.rollbacks) / float64(all))
	}
	totals.Deadlocks = ptr(d.deadlocks)
	if r.finish != nil {
		r.finish(r, t)
	}
	return t
}

func ptr[T any](v T) *T { return &v }

// metrics gives the relationships of one pair.
func (r *round) metrics(ends [2]string, l *load, a *attribution, alive map[string]bool) []engine.Relationship {
	if l.calls == 0 {
		return nil
	}
	seconds := r.sum.seconds
	latency := l.execMS / float64(l.calls)
	timeShare := share(l.timeMS, a.execMS)
	values := []struct {
		relType string
		value   float64
	}{
		{engine.RelQueriesPerSec, float64(l.calls) / seconds},
		{engine.RelAvgLatencyMS, latency},
		{engine.RelTimeMSPerS, l.timeMS / seconds},
		{engine.RelRowsPerSec, float64(l.rows) / seconds},
		{engine.RelJoinFrequency, float64(l.joins) / seconds},
		{engine.RelHotspotScore, hotspotScore(timeShare, latency, share(float64(l.calls), float64(a.calls)))},
	}
	both := r.sum.tables[ends[0]]
	if ends[0] != ends[1] {
		both = both.plus(r.sum.tables[ends[1]])
	}
	if v, ok := indexEfficiency(both); ok {
		values = append(values, struct {
			relType string
			value   float64
		}{engine.RelIndexEfficiency, v})
	}
	rels := make([]engine.Relationship, 0, len(values))
	for _, v := range values {
		key := engine.RelationshipKey(ends[0], v.relType, ends[1], "")
		alive[key] = true
		rels = append(rels, engine.Relationship{Key: key, Type: v.relType, From: ends[0], To: ends[1], Properties: engine.Properties{
			"value": v.value, "unit": engine.MetricUnits[v.relType], "timestamp": r.at.Unix(), "updated_at": r.at,
			"trend": r.trends.add(key, v.value), "severity": string(r.thresholds.severityOf(v.relType, v.value, timeShare, latency)),
			"window_s": seconds, "quality": string(l.quality), "basis": l.basis,
		}})
		if v.relType == engine.RelAvgLatencyMS && l.deviation() > 0 {
			rels[len(rels)-1].Properties["deviation_ms"] = l.deviation()
		}
	}
	return rels
}

// structure adds tables and foreign keys, with what is known of their load.
func (r *round) structure(t *engine.Tick, a *attribution) {
	keys := make([]string, 0, len(r.tables))
	for key := range r.tables {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		t.Graph.Nodes = append(t.Graph.Nodes, engine.Node{Key: key, Labels: []string{"Table"}, Properties: r.nodeProperties(key, a)})
	}
	for _, fk := range r.catalog.keys {
		if r.tables[fk.from] == nil || r.tables[fk.to] == nil {
			continue
		}
		key := engine.RelationshipKey(fk.from, engine.RelReferences, fk.to, fk.name)
		p := engine.Properties{
			"key": key, "name": fk.name, "columns": fk.columns, "referenced_columns": fk.referenced, "on_delete": fk.onDelete, "has_index": fk.index != "",
		}
		if fk.index != "" {
			p["index"] = fk.index
		}
		t.Graph.Relationships = append(t.Graph.Relationships, engine.Relationship{Key: key, Type: engine.RelReferences, From: fk.from, To: fk.to, Properties: p})
	}
}

func (r *round) nodeProperties(key string, a *attribution) engine.Properties {
	s := r.tables[key]
	p := engine.Properties{"name": s.rel.qualified(), "schema": s.rel.schema, "size_bytes": s.bytes, "dead_rows": s.deadRows}
	if s.rows >= 0 {
		p["row_count"] = int64(s.rows)
	}
	if s.partition {
		p["partitioned"] = true
	}
	level := func(name string, v float64) float64 { return r.levels.of(key+" "+name, v, rateTolerance) }
	if s.estimate >= 0 {
		p["planner_rows"] = int64(level("planner rows", s.estimate))
	}
	if all := s.rows + float64(s.deadRows); all > 0 {
		p["dead_rows_pct"] = level("dead", 100*float64(s.deadRows)/all)
	}
	p["modified_since_analyze"] = int64(level("modified", float64(s.modified)))
	if !s.vacuumed.IsZero() {
		p["last_vacuum"] = s.vacuumed
	}
	if !s.analyzed.IsZero() {
		p["last_analyze"] = s.analyzed
	}
	if s.rel.columnOptions != "" {
		p["column_options"] = s.rel.columnOptions
	}
	if s.options != "" {
		p["options"] = s.options
	}
	if a == nil {
		return p
	}
	seconds := r.sum.seconds
	c := r.sum.tables[key]
	p["seq_scans_per_s"], p["index_scans_per_s"] = float64(c.seqScan)/seconds, float64(c.idxScan)/seconds
	if v, ok := indexEfficiency(c); ok {
		p["index_efficiency"] = v
	}
	if v, ok := cacheHit(c); ok {
		p["cache_hit"] = v
	}
	touched, single := a.nodes[key], a.single[key]
	if touched == nil {
		touched = &load{}
	}
	p["total_queries"], p["queries_per_sec"] = touched.calls, float64(touched.calls)/seconds
	p["updated_at"], p["window_s"] = r.at, seconds
	if touched.quality != "" {
		p["quality"] = string(worst(touched.quality, r.sum.tableQuality[key]))
	}
	own, latency := touched.timeMS, 0.0
	if single != nil && single.calls > 0 {
		latency = single.execMS / float64(single.calls)
		p["avg_latency_ms"] = latency
	}
	p["time_ms_per_s"] = own / seconds
	// A table also carries half of each of its joins, so that the score finds it where all its work is joins.
	carried := own
	for ends, l := range a.pairs {
		if ends[0] == key || ends[1] == key {
			carried += l.timeMS / 2
		}
	}
	mean := 0.0
	if touched.calls > 0 {
		mean = touched.execMS / float64(touched.calls)
	}
	score := hotspotScore(share(carried, a.execMS), mean, share(float64(touched.calls), float64(a.calls)))
	p["hotspot_score"] = score
	severity := r.thresholds.severityOf(engine.RelHotspotScore, score, share(carried, a.execMS), mean)
	if s := r.thresholds.severityOf(engine.RelAvgLatencyMS, latency, share(own, a.execMS), latency); s.Rank() > severity.Rank() {
		severity = s
	}
	p["severity"] = string(severity)
	p["trend"] = r.trends.add(key, score)
	return p
}
