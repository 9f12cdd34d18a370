package trigger

import (
	"strconv"
	"testing"
	"time"

	"graphsnap/engine"
)

// trimmed writes a number so that it reads back as the same.
func trimmed(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// start is a Wednesday, 10 o'clock UTC.
var start = time.Date(2026, 1, 7, 10, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// frameAt makes a frame of a healthy shop; change may spoil it.
func frameAt(at time.Time, change func(f *engine.Frame)) *engine.Frame {
	table := func(name string, p engine.Properties) engine.Node {
		return engine.Node{Key: name + ":Table", Labels: []string{"Table"}, Properties: p}
	}
	f := &engine.Frame{
		Source: "shop", At: at,
		State: engine.LiveState{Source: "shop", Tick: at.Unix(), CollectedAt: at, Status: "ok", Totals: engine.Totals{
			TotalQPS: ptr(200.0), AvgLatencyMS: ptr(45.0), ErrorRate: ptr(0.1), Deadlocks: ptr(int64(0)), Connections: ptr(int64(20)), WindowS: ptr(60.0), TimeMSPerS: ptr(900.0),
		}},
		Graph: &engine.Graph{
			Nodes: []engine.Node{
				table("users", engine.Properties{"hotspot_score": 30.0, "severity": "low", "avg_latency_ms": 12.0, "dead_rows_pct": 3.0}),
				table("products", engine.Properties{"hotspot_score": 20.0, "severity": "low", "avg_latency_ms": 7.0, "dead_rows_pct": 1.0}),
				{Key: "shop:Database", Labels: []string{"Database"}, Properties: engine.Properties{"max_connections": int64(100), "active_sessions": 2.0, "idle_in_transaction": 0.0}},
			},
			Relationships: []engine.Relationship{
				metric("users", engine.RelAvgLatencyMS, "products", 45, "low"),
				metric("users", engine.RelHotspotScore, "products", 35, "low"),
			},
		},
	}
	if change != nil {
		change(f)
	}
	return f
}

func metric(from, relType, to string, v float64, severity string) engine.Relationship {
	return engine.Relationship{
		Key: engine.RelationshipKey(from+":Table", relType, to+":Table", ""), Type: relType, From: from + ":Table", To: to + ":Table",
		Properties: engine.Properties{"value": v, "severity": severity},
	}
}

// latency makes a frame with a mean latency, in ms.
func latency(at time.Time, ms float64) *engine.Frame {
	return frameAt(at, func(f *engine.Frame) { f.State.Totals.AvgLatencyMS = &ms })
}

// lockChain adds sessions of which each waits for the next, the first for so many ms.
func lockChain(f *engine.Frame, ms float64, pids ...string) {
	for i, pid := range pids {
		f.Graph.Nodes = append(f.Graph.Nodes, engine.Node{Key: pid + ":Session", Labels: []string{"Session"}, Properties: engine.Properties{}})
		if i > 0 {
			from, to := pids[i-1]+":Session", pid+":Session"
			f.Graph.Relationships = append(f.Graph.Relationships,
				engine.Relationship{Key: engine.RelationshipKey(from, "LOCK_WAIT", to, ""), Type: "LOCK_WAIT", From: from, To: to, Properties: engine.Properties{"waited_ms": ms / float64(i)}},
				engine.Relationship{Key: engine.RelationshipKey(from, "WAITS_FOR", "users:Table", ""), Type: "WAITS_FOR", From: from, To: "users:Table", Properties: engine.Properties{}})
		}
	}
}

func decide(t *testing.T, rules ...Rule) *decider {
	t.Helper()
	d, err := newDecider(Set{Rules: rules}, nil)
	if err != nil {
		t.Fatal(err, engine.HintOf(err))
	}
	return d
}

// split takes decisions apart.
func split(made []decision) (firings []engine.Firing, suppressions []engine.Suppression) {
	for _, m := range made {
		if m.firing != nil {
			firings = append(firings, *m.firing)
		}
		if m.suppression != nil {
			suppressions = append(suppressions, *m.suppression)
		}
	}
	return firings, suppressions
}

// feed lets a metric go by, a value every 5 s, and gives the offsets in seconds at which a rule fired.
func feed(t *testing.T, d *decider, values ...float64) (fired []int, suppressed []string) {
	t.Helper()
	for i, ms := range values {
		at := start.Add(time.Duration(i) * 5 * time.Second)
		made, _ := d.frame(latency(at, ms), at)
		firings, suppressions := split(made)
		for range firings {
			fired = append(fired, i*5)
		}
		for _, s := range suppressions {
			suppressed = append(suppressed, s.Reason)
		}
	}
	return fired, suppressed
}

func repeat(n int, pattern ...float64) (out []float64) {
	for len(out) < n {
		out = append(out, pattern...)
	}
	return out[:n]
}

// restarted gives a decider of the same rules that knows what the store would.
func restarted(t *testing.T, d *decider, now time.Time) *decider {
	t.Helper()
	again, err := newDecider(d.set, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []engine.RuleMemory
	for source, s := range d.sources {
		for name := range s.rules {
			list = append(list, s.written(name, source, now))
		}
		for name, l := range s.learners {
			list = append(list, engine.RuleMemory{Rule: name, Source: source, Data: l.encode(), At: now})
		}
	}
	again.load(list)
	return again
}
