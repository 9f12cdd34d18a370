package trigger

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"graphsnap/engine"
)

// view reads the metrics of one frame; what costs a walk over the graph is done once, when it is first asked for.
type view struct {
	frame  *engine.Frame
	walked bool
	totals map[string]float64
}

// value is a metric of one element; Key is "" for the whole source.
type value struct {
	key      string
	value    float64
	metric   string // where it is another one than the rule names
	severity engine.Severity
}

func newView(f *engine.Frame) *view { return &view{frame: f, totals: map[string]float64{}} }

// down says that the frame holds no news: its source did not answer.
func (v *view) down() bool { return v.frame.State.Status == "down" || v.frame.Graph == nil }

// total gives a metric of the whole source, in the unit of Metrics; ok is false where it is unknown.
func (v *view) total(name string) (float64, bool) {
	if v.down() {
		return 0, false
	}
	v.walk()
	x, ok := v.totals[name]
	return x, ok && !math.IsNaN(x) && !math.IsInf(x, 0)
}

func (v *view) walk() {
	if v.walked {
		return
	}
	v.walked = true
	t := v.frame.State.Totals
	for name, p := range map[string]*float64{
		MetricAvgLatency: t.AvgLatencyMS, MetricQueriesPerSec: t.TotalQPS, MetricErrorRate: t.ErrorRate, MetricTime: t.TimeMSPerS,
		MetricUnattributed: t.UnattributedMSPerS, MetricParseCoverage: t.ParseCoverage, MetricCollectMS: t.CollectMS,
	} {
		if p != nil {
			v.totals[name] = *p
		}
	}
	w := walker{score: math.NaN(), lag: math.NaN(), chain: math.NaN(), wait: math.NaN(), limit: math.NaN()}
	for _, n := range v.frame.Graph.Nodes {
		w.node(v, n)
	}
	for _, r := range v.frame.Graph.Relationships {
		w.relationship(r)
	}
	for name, p := range map[string]*int64{MetricDeadlocks: t.Deadlocks, MetricConnections: t.Connections} {
		if p != nil {
			v.totals[name] = float64(*p)
		}
	}
	// A collector of ours sees every lock, so where it shows none there is none; of other producers nothing is known.
	if ours := v.frame.State.Tick > 0; ours {
		w.chain, w.wait = larger(w.chain, 0), larger(w.wait, 0)
	}
	v.totals[MetricBottlenecks] = float64(w.bottlenecks)
	for name, x := range map[string]float64{MetricBottleneckScore: w.score, MetricReplicationLag: w.lag, MetricLockChain: w.chain / 1000, MetricLockWait: w.wait} {
		if !math.IsNaN(x) {
			v.totals[name] = x
		}
	}
	if n, ok := v.totals[MetricConnections]; ok && w.limit > 0 {
		v.totals[MetricConnectionUsage] = 100 * n / w.limit
	}
}

// walker gathers what stands on elements. NaN is unknown.
type walker struct {
	score, lag, chain, wait, limit float64
	bottlenecks                    int
}

func (w *walker) node(v *view, n engine.Node) {
	hotspot, known := n.Properties.Number("hotspot_score")
	w.judge(n.Properties, hotspot, known)
	switch n.Type() {
	case "Database":
		if x, ok := n.Properties.Number("max_connections"); ok {
			w.limit = larger(w.limit, x)
		}
		if x, ok := n.Properties.Number("replay_lag_s"); ok {
			w.lag = larger(w.lag, x)
		}
		for _, name := range []string{MetricActiveSessions, MetricIdleInTx, MetricBlockedSessions, MetricConnections} {
			if x, ok := n.Properties.Number(name); ok {
				v.totals[name] += x
			}
		}
	case "Replica":
		if x, ok := n.Properties.Number("lag_s"); ok {
			w.lag = larger(w.lag, x)
		}
	}
}

func (w *walker) relationship(r engine.Relationship) {
	x, known := r.Properties.Number("value")
	w.judge(r.Properties, x, known && r.Type == engine.RelHotspotScore)
	switch r.Type {
	case relLockWait:
		if ms, ok := r.Properties.Number("waited_ms"); ok {
			w.chain = larger(w.chain, ms)
		}
	case engine.RelLockWaitMS:
		if known {
			w.wait = larger(w.wait, x)
		}
	}
}

// relLockWait joins a session that waits to the one that holds the lock.
const relLockWait = "LOCK_WAIT"

// judge takes an element into the score: its hotspot score, kept within the band of its severity.
func (w *walker) judge(p engine.Properties, hotspot float64, known bool) {
	severity := engine.SeverityOf(p)
	if severity.IsBottleneck() {
		w.bottlenecks++
	}
	if !known {
		hotspot = 0
	}
	switch severity {
	case engine.SeverityCritical:
		hotspot = min(max(hotspot, 90), 100)
	case engine.SeverityHigh:
		hotspot = min(max(hotspot, 70), 90)
	case engine.SeverityMedium:
		hotspot = min(max(hotspot, 40), 70)
	case engine.SeverityLow:
		hotspot = min(hotspot, 40)
	default:
		if !known {
			return
		}
	}
	w.score = larger(w.score, hotspot)
}

// larger takes NaN for nothing.
func larger(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// values gives a metric of the elements in a scope, in the order of the graph. A node holds it as a property or as a relationship with
// itself, a pair as relationships between its ends.
func (v *view) values(s Scope, metric string) []value {
	if s.Kind == ScopeTotals {
		if x, ok := v.total(canonical(metric)); ok && (s.Source == "" || s.Source == v.frame.Source) {
			return []value{{value: x}}
		}
		return nil
	}
	if v.down() {
		return nil
	}
	relType, property := places(metric)
	var out []value
	add := func(key string, p engine.Properties, name string) {
		if x, ok := p.Number(name); ok && !math.IsNaN(x) && !math.IsInf(x, 0) {
			out = append(out, value{key: key, value: x, severity: engine.SeverityOf(p)})
		}
	}
	if s.Kind == ScopeNode || s.Kind == ScopeLabel {
		for _, n := range v.frame.Graph.Nodes {
			if s.Kind == ScopeNode && named(n.Key, s.Name) || s.Kind == ScopeLabel && slices.Contains(n.Labels, s.Name) {
				add(n.Key, n.Properties, property)
			}
		}
		if s.Kind == ScopeLabel || len(out) > 0 {
			return out
		}
	}
	for _, r := range v.frame.Graph.Relationships {
		switch s.Kind {
		case ScopeNode:
			if r.From == r.To && r.Type == relType && named(r.From, s.Name) {
				add(r.Key, r.Properties, "value")
			}
		case ScopePair:
			if r.Type == relType && named(r.From, s.From) && named(r.To, s.To) {
				add(r.Key, r.Properties, "value")
			}
		case ScopeRelationship:
			if r.Key == s.Name {
				add(r.Key, r.Properties, valueProperty(metric))
			}
		case ScopeType:
			if r.Type == s.Name {
				add(r.Key, r.Properties, valueProperty(metric))
			}
		}
	}
	return out
}

// valueProperty is the property of a relationship that is named by itself: its value, unless the rule names another.
func valueProperty(metric string) string {
	if metric == "" {
		return "value"
	}
	return metric
}

// bottlenecks gives the elements of some severities, worst first; latency and waits say more than scores and come before them.
func (v *view) bottlenecks(of []engine.Severity) []value {
	if v.down() {
		return nil
	}
	var out []value
	take := func(key, metric string, p engine.Properties, name string) {
		severity := engine.SeverityOf(p)
		if !slices.Contains(of, severity) {
			return
		}
		x, ok := p.Number(name)
		if !ok {
			x = math.NaN()
		}
		out = append(out, value{key: key, value: x, metric: metric, severity: severity})
	}
	for _, n := range v.frame.Graph.Nodes {
		take(n.Key, "hotspot_score", n.Properties, "hotspot_score")
	}
	for _, r := range v.frame.Graph.Relationships {
		take(r.Key, r.Type, r.Properties, "value")
	}
	slices.SortFunc(out, func(a, b value) int {
		return cmp.Or(b.severity.Rank()-a.severity.Rank(), telling(a.metric)-telling(b.metric), cmp.Compare(b.value, a.value), strings.Compare(a.key, b.key))
	})
	return out
}

// telling ranks metrics by how much their value says to a person, 0 first.
func telling(metric string) int {
	order := []string{engine.RelAvgLatencyMS, engine.RelLockWaitMS, engine.RelErrorRate, engine.RelTimeMSPerS, engine.RelHotspotScore}
	if i := slices.Index(order, metric); i >= 0 {
		return i
	}
	return len(order)
}

// chain describes the lock chain whose session has waited longest: the session at its head, who waits, and for what tables.
func (v *view) chain() (head string, waiting, tables []string) {
	if v.down() {
		return "", nil, nil
	}
	blocks, waitsFor, table := map[string][]string{}, map[string]string{}, map[string]string{}
	worst, worstMS := "", -1.0
	for _, r := range v.frame.Graph.Relationships {
		switch r.Type {
		case relLockWait:
			blocks[r.To] = append(blocks[r.To], r.From)
			if _, known := waitsFor[r.From]; !known {
				waitsFor[r.From] = r.To
			}
			if ms, ok := r.Properties.Number("waited_ms"); ok && ms > worstMS {
				worst, worstMS = r.From, ms
			}
		case "WAITS_FOR":
			table[r.From] = r.To
		}
	}
	seen := map[string]bool{}
	for head = worst; waitsFor[head] != "" && !seen[head]; head = waitsFor[head] {
		seen[head] = true
	}
	seen = map[string]bool{head: true}
	for next := []string{head}; len(next) > 0; next = next[1:] {
		for _, s := range blocks[next[0]] {
			if !seen[s] {
				seen[s] = true
				waiting, next = append(waiting, s), append(next, s)
				if t := table[s]; t != "" && !slices.Contains(tables, t) {
					tables = append(tables, t)
				}
			}
		}
	}
	return head, waiting, tables
}

// ValueOf gives what a rule looks at in a frame: a total where key is "", else the metric of a node or the value of a relationship. Nil is
// unknown.
func ValueOf(f *engine.Frame, metric, key string) *float64 {
	if key != "" {
		_, property := places(metric)
		return f.Element(key, property)
	}
	if x, ok := newView(f).total(canonical(metric)); ok {
		return &x
	}
	return nil
}
