package trigger

import (
	"slices"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
)

// TestDetectors shows one healthy frame and one that is not to a rule each: it fires at the second only, with the right figures.
func TestDetectors(t *testing.T) {
	incident := func(detector, text string) Rule {
		r := Rule{Name: detector, Incident: &Incident{Detector: detector}}
		if text != "" {
			metric := map[string]string{DetectConnections: MetricConnections}[detector]
			if metric == "" {
				metric = detector
			}
			r.Incident.Condition = ptr(condition(t, text, metric))
		}
		return r
	}
	totals := func(change func(*engine.Totals)) func(*engine.Frame) {
		return func(f *engine.Frame) { change(&f.State.Totals) }
	}
	add := func(rels ...engine.Relationship) func(*engine.Frame) {
		return func(f *engine.Frame) { f.Graph.Relationships = append(f.Graph.Relationships, rels...) }
	}
	set := func(node int, property string, v any) func(*engine.Frame) {
		return func(f *engine.Frame) { f.Graph.Nodes[node].Properties[property] = v }
	}
	slow := metric("users", engine.RelAvgLatencyMS, "products", 1200, "critical")
	slow.Key += "2"
	for name, c := range map[string]struct {
		rule     Rule
		spoil    func(*engine.Frame)
		reason   string
		metric   string
		key      string
		severity engine.Severity
		trigger  engine.TriggerType
	}{
		"latency":         {threshold(t, "avg_latency", "", "> 1000ms"), totals(func(x *engine.Totals) { x.AvgLatencyMS = ptr(1200.0) }), "avg_latency 1.2 s > 1 s", "avg_latency", "", "", engine.TriggerThreshold},
		"load":            {threshold(t, "qps", "", "> 500"), totals(func(x *engine.Totals) { x.TotalQPS = ptr(600.0) }), "queries_per_sec 600/s > 500/s", "queries_per_sec", "", "", engine.TriggerThreshold},
		"no load":         {threshold(t, "qps", "", "< 50/s"), totals(func(x *engine.Totals) { x.TotalQPS = ptr(0.0) }), "queries_per_sec 0/s < 50/s", "queries_per_sec", "", "", engine.TriggerThreshold},
		"errors":          {threshold(t, "error_rate", "", "> 2%"), totals(func(x *engine.Totals) { x.ErrorRate = ptr(2.5) }), "error_rate 2.5 % > 2 %", "error_rate", "", "", engine.TriggerThreshold},
		"score":           {threshold(t, "bottleneck_score", "", "> 80"), add(slow), "bottleneck_score 90 > 80", "bottleneck_score", "", "", engine.TriggerThreshold},
		"hot":             {threshold(t, "bottleneck_score", "", "> 80"), func(f *engine.Frame) { set(0, "hotspot_score", 85.0)(f); set(0, "severity", "high")(f) }, "bottleneck_score 85 > 80", "bottleneck_score", "", "", engine.TriggerThreshold},
		"other source":    {threshold(t, "avg_latency", "source:shop", "> 1s"), totals(func(x *engine.Totals) { x.AvgLatencyMS = ptr(1200.0) }), "avg_latency 1.2 s", "avg_latency", "", "", engine.TriggerThreshold},
		"node":            {threshold(t, "avg_latency", "users:Table", "> 100ms"), set(0, "avg_latency_ms", 150.0), "avg_latency of users 150 ms > 100 ms", "avg_latency", "users:Table", "", engine.TriggerThreshold},
		"node property":   {threshold(t, "dead_rows_pct", "users", "> 20%"), set(0, "dead_rows_pct", int64(30)), "dead_rows_pct of users 30 % > 20 %", "dead_rows_pct", "users:Table", "", engine.TriggerThreshold},
		"node to itself":  {threshold(t, "lock_wait", "users", "> 1s"), add(metric("users", engine.RelLockWaitMS, "users", 4000, "high")), "lock_wait of users (LOCK_WAIT_MS) 4 s > 1 s", "lock_wait", "users:Table-[LOCK_WAIT_MS]->users:Table", "", engine.TriggerThreshold},
		"pair":            {threshold(t, "avg_latency", "users->products", "> 1s"), add(slow), "avg_latency of users->products 1.2 s > 1 s", "avg_latency", slow.Key, "", engine.TriggerThreshold},
		"label":           {threshold(t, "dead_rows_pct", "label:Table", "> 20%"), set(1, "dead_rows_pct", 30.0), "dead_rows_pct of products 30 % > 20 %", "dead_rows_pct", "products:Table", "", engine.TriggerThreshold},
		"type":            {Rule{Name: "t", Threshold: &Threshold{Scope: "type:AVG_LATENCY_MS", Condition: condition(t, "> 1s", "AVG_LATENCY_MS")}}, add(slow), "avg_latency_ms of users->products 1.2 s > 1 s", engine.RelAvgLatencyMS, slow.Key, "", engine.TriggerThreshold},
		"relationship":    {Rule{Name: "t", Threshold: &Threshold{Metric: "value", Scope: slow.Key, Condition: condition(t, "> 1s", "AVG_LATENCY_MS")}}, add(slow), "1.2 s > 1 s", engine.RelAvgLatencyMS, slow.Key, "", engine.TriggerThreshold},
		"gone":            {threshold(t, "active_sessions", "", "> 10"), set(2, "active_sessions", 12.0), "active_sessions 12 > 10", "active_sessions", "", "", engine.TriggerThreshold},
		"bottleneck":      {incident(DetectBottleneck, ""), add(slow), "critical bottleneck users->products: avg_latency_ms 1.2 s", engine.RelAvgLatencyMS, slow.Key, engine.SeverityCritical, engine.TriggerIncident},
		"only critical":   {Rule{Name: "b", Incident: &Incident{Detector: DetectBottleneck, Severities: []engine.Severity{"critical"}}}, set(1, "severity", "critical"), "critical bottleneck products: hotspot_score 20", "hotspot_score", "products:Table", engine.SeverityCritical, engine.TriggerIncident},
		"deadlocks":       {incident(DetectDeadlocks, ""), totals(func(x *engine.Totals) { x.Deadlocks = ptr(int64(1)) }), "deadlocks 1 > 0", "deadlocks", "", engine.SeverityHigh, engine.TriggerIncident},
		"many deadlocks":  {incident(DetectDeadlocks, "> 5"), totals(func(x *engine.Totals) { x.Deadlocks = ptr(int64(6)) }), "deadlocks 6 > 5", "deadlocks", "", engine.SeverityHigh, engine.TriggerIncident},
		"error incident":  {incident(DetectErrorRate, ""), totals(func(x *engine.Totals) { x.ErrorRate = ptr(7.0) }), "error_rate 7 % > 5 %", "error_rate", "", engine.SeverityHigh, engine.TriggerIncident},
		"lock chain":      {incident(DetectLockChain, ""), func(f *engine.Frame) { lockChain(f, 4200, "11", "12", "13") }, "2 sessions wait behind session 13 on users: lock_chain 4.2 s > 3 s", "lock_chain", "", engine.SeverityHigh, engine.TriggerIncident},
		"long lock chain": {incident(DetectLockChain, "> 30s"), func(f *engine.Frame) { lockChain(f, 31_000, "11", "12") }, "session 11 waits for session 12 on users: lock_chain 31 s > 30 s", "lock_chain", "", engine.SeverityHigh, engine.TriggerIncident},
		"connections":     {incident(DetectConnections, ""), totals(func(x *engine.Totals) { x.Connections = ptr(int64(95)) }), "connection_usage 95 % > 90 %", "connection_usage", "", engine.SeverityHigh, engine.TriggerIncident},
		"so many":         {incident(DetectConnections, "> 50"), totals(func(x *engine.Totals) { x.Connections = ptr(int64(60)) }), "connections 60 > 50", "connections", "", engine.SeverityHigh, engine.TriggerIncident},
		"lag": {incident(DetectReplicationLag, ""), func(f *engine.Frame) {
			f.Graph.Nodes = append(f.Graph.Nodes, engine.Node{Key: "r1:Replica", Labels: []string{"Replica"}, Properties: engine.Properties{"lag_s": 40.0}})
		}, "replication_lag 40 s > 30 s", "replication_lag", "", engine.SeverityHigh, engine.TriggerIncident},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, c.rule)
			for i, spoil := range []func(*engine.Frame){nil, nil, c.spoil, c.spoil} {
				at := start.Add(time.Duration(i) * 5 * time.Second)
				made, met := d.frame(frameAt(at, spoil), at)
				firings, _ := split(made)
				if (len(met) == 1) != (spoil != nil) {
					t.Fatalf("frame %d is met by %+v", i, met)
				}
				if i != 2 {
					if len(firings) > 0 {
						t.Fatalf("frame %d fired: %+v", i, firings)
					}
					continue
				}
				if len(firings) != 1 {
					t.Fatalf("frame 2 fired %d times", len(firings))
				}
				f := firings[0]
				if !strings.Contains(f.Reason, c.reason) || f.Metric != c.metric || f.Key != c.key || f.Severity != c.severity || f.Trigger != c.trigger {
					t.Errorf("%+v", f)
				}
				if f.ID == "" || f.Source != "shop" || !f.At.Equal(at) || f.State != engine.FiringPending || f.Onset.IsZero() || f.Onset.After(at) || f.Case != (c.rule.Incident != nil) {
					t.Errorf("%+v", f)
				}
				if c.rule.Incident == nil && (f.Value == nil || f.Threshold == nil) {
					t.Errorf("its numbers are missing: %+v", f)
				}
				if met[0].ID != "" || met[0].Rule != c.rule.Name {
					t.Errorf("met %+v", met[0])
				}
			}
		})
	}
}

func TestLockChainListsWhoIsAffected(t *testing.T) {
	d := decide(t, Rule{Name: "locks", Incident: &Incident{Detector: DetectLockChain}})
	made, _ := d.frame(frameAt(start, func(f *engine.Frame) { lockChain(f, 9000, "1", "2", "3") }), start)
	firings, _ := split(made)
	if want := []string{"3:Session", "users:Table", "2:Session", "1:Session"}; len(firings) != 1 || !slices.Equal(firings[0].Affected, want) {
		t.Errorf("%+v", firings)
	}
	// A ring of sessions, as a deadlock is before it is found, ends too.
	made, _ = d.frame(frameAt(start.Add(time.Hour), func(f *engine.Frame) { lockChain(f, 9000, "1", "2", "1") }), start.Add(time.Hour))
	if firings, _ := split(made); len(firings) > 1 {
		t.Errorf("%+v", firings)
	}
}

func TestUnknownFiguresAreNotZero(t *testing.T) {
	d := decide(t, threshold(t, "qps", "", "< 50"), threshold(t, "replication_lag", "", "< 1"), Rule{Name: "l", Incident: &Incident{Detector: DetectLockChain, Condition: ptr(condition(t, "< 1s", DetectLockChain))}})
	foreign := func(f *engine.Frame) {
		f.State.Tick = 0
		f.State.Totals = engine.Totals{}
	}
	made, met := d.frame(frameAt(start, foreign), start)
	if len(made)+len(met) > 0 {
		t.Errorf("%+v %+v", made, met)
	}
	down := func(f *engine.Frame) { f.State.Status = "down"; f.State.Totals.TotalQPS = ptr(0.0) }
	made, met = d.frame(frameAt(start.Add(5*time.Second), down), start.Add(5*time.Second))
	if len(made)+len(met) > 0 {
		t.Errorf("%+v %+v", made, met)
	}
}

func TestStateMachine(t *testing.T) {
	second := time.Second
	with := func(change func(*Rule)) Rule {
		r := threshold(t, "avg_latency", "", "> 1000ms")
		change(&r)
		return r
	}
	hour := 720 // frames
	for name, c := range map[string]struct {
		rule       Rule
		values     []float64
		fired      []int
		suppressed int
	}{
		"at once":                   {with(func(*Rule) {}), []float64{45, 1200, 1200, 1200, 45}, []int{5}, 0},
		"at the boundary":           {with(func(*Rule) {}), []float64{1000, 1000, 1000.1}, []int{10}, 0},
		"for 30 s":                  {with(func(r *Rule) { r.Threshold.For = 30 * second }), repeat(20, 1200), []int{30}, 0},
		"for 30 s, broken":          {with(func(r *Rule) { r.Threshold.For = 30 * second }), repeat(60, 1200, 1200, 1200, 1200, 1200, 45), nil, 0},
		"in 3 frames":               {with(func(r *Rule) { r.Threshold.Count = 3 }), []float64{1200, 1200, 45, 1200, 1200, 1200, 1200}, []int{25}, 0},
		"once while it lasts":       {with(func(r *Rule) { r.Cooldown = 60 * second }), repeat(60, 1200), []int{0}, 0},
		"again after the cool-down": {with(func(r *Rule) { r.Cooldown = 60 * second }), append(append([]float64{1200, 1200}, repeat(12, 45)...), 1200), []int{0, 70}, 0},
		"flapping":                  {with(func(*Rule) {}), repeat(hour, 1200, 45), []int{0, 600, 1200, 1800, 2400, 3000}, 6},
		"flapping, two in a row":    {with(func(r *Rule) { r.Threshold.Count = 2 }), repeat(hour, 1200, 45), nil, 0},
		"flapping, clear level":     {with(func(r *Rule) { r.Threshold.Clear = ptr(condition(t, "< 500ms", "avg_latency")) }), repeat(hour, 1200, 900), []int{0}, 0},
		"cleared": {with(func(r *Rule) {
			r.Threshold.Clear = ptr(condition(t, "< 500ms", "avg_latency"))
			r.Cooldown = 10 * second
		}), []float64{1200, 900, 900, 900, 1200, 450, 450, 1200}, []int{0, 35}, 0},
		"twice an hour":                     {with(func(r *Rule) { r.Cooldown = 5 * second; r.MaxPerHour = 2 }), repeat(hour, 1200, 45), []int{0, 10}, 1},
		"still met when the cool-down ends": {with(func(r *Rule) { r.Cooldown = 60 * second }), append([]float64{1200, 45}, repeat(30, 1200)...), []int{0, 60}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fired, suppressed := feed(t, decide(t, c.rule), c.values...)
			if !slices.Equal(fired, c.fired) {
				t.Errorf("fired at %v, want %v", fired, c.fired)
			}
			told := 0
			for _, s := range suppressed {
				if !strings.HasPrefix(s, "held back") {
					told++
				}
			}
			if told < c.suppressed || told > 2*c.suppressed {
				t.Errorf("%d suppressions, such as %q", told, suppressed[:min(3, len(suppressed))])
			}
		})
	}
}

func TestSuppressionsAreToldOncePerChange(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1000ms")
	r.Cooldown = time.Minute
	_, told := feed(t, decide(t, r), append(append([]float64{1200, 45}, repeat(8, 1500)...), 45, 45, 45, 45)...)
	want := []string{
		"avg_latency 1.5 s > 1 s: cool-down until 10:01:00Z, it fired at 10:00:00Z",
		"held back by cooldown 8 times from 10:00:10Z to 10:01:00Z, the worst 1.5 s",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

func TestElementsFireOnTheirOwn(t *testing.T) {
	r := threshold(t, "dead_rows_pct", "label:Table", "> 20%")
	r.Cooldown = 10 * time.Second
	d := decide(t, r)
	var keys []string
	for i, bad := range [][2]float64{{30, 0}, {30, 0}, {30, 40}, {30, 40}, {30, 40}} {
		at := start.Add(time.Duration(i) * 5 * time.Second)
		made, _ := d.frame(frameAt(at, func(f *engine.Frame) {
			f.Graph.Nodes[0].Properties["dead_rows_pct"], f.Graph.Nodes[1].Properties["dead_rows_pct"] = bad[0], bad[1]
		}), at)
		firings, _ := split(made)
		for _, f := range firings {
			keys = append(keys, f.Key)
		}
	}
	if want := []string{"users:Table", "products:Table"}; !slices.Equal(keys, want) {
		t.Errorf("%q", keys)
	}
}

func TestGapsAndClockJumps(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1000ms")
	r.Threshold.For = 30 * time.Second
	run := func(offsets ...time.Duration) (fired []time.Duration) {
		d := decide(t, r)
		for _, o := range offsets {
			at := start.Add(o)
			made, _ := d.frame(latency(at, 1200), at)
			if firings, _ := split(made); len(firings) > 0 {
				fired = append(fired, o)
			}
		}
		return fired
	}
	seconds := func(from, to int) (out []time.Duration) {
		for s := from; s <= to; s += 5 {
			out = append(out, time.Duration(s)*time.Second)
		}
		return out
	}
	for name, c := range map[string]struct{ offsets, want []time.Duration }{
		"steady":            {seconds(0, 60), seconds(30, 30)},
		"a jump ahead":      {append(seconds(0, 20), seconds(3600, 3640)...), seconds(3630, 3630)},
		"a slow tick":       {append(seconds(0, 10), seconds(50, 60)...), seconds(50, 50)},
		"a small step back": {append(seconds(0, 20), seconds(0, 60)...), seconds(30, 30)},
		"a jump back":       {append(seconds(3600, 3620), seconds(0, 60)...), seconds(30, 30)},
		"fired, then back":  {append(seconds(3600, 3660), seconds(0, 900)...), seconds(3630, 3630)},
	} {
		if got := run(c.offsets...); !slices.Equal(got, c.want) {
			t.Errorf("%s: fired at %v, want %v", name, got, c.want)
		}
	}
	// A firing in a future that never was must not silence the rule for longer than a cool-down.
	d := decide(t, r)
	for _, o := range append(seconds(100*3600, 100*3600+60), append(seconds(0, 60), time.Duration(0))...) {
		d.frame(latency(start.Add(o), 45), start.Add(o))
	}
	var fired int
	for _, o := range seconds(1200, 1260) {
		made, _ := d.frame(latency(start.Add(o), 1200), start.Add(o))
		firings, _ := split(made)
		fired += len(firings)
	}
	if fired != 1 {
		t.Errorf("after a jump back of 100 hours it fired %d times", fired)
	}
}

func TestMemoriesSurviveARestart(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1000ms")
	r.Threshold.For = 30 * time.Second
	// A process is stopped at each frame in turn; the firing is the same, once.
	for stop := range 14 {
		d := decide(t, r)
		var fired []int
		for i := range 14 {
			at := start.Add(time.Duration(i) * 5 * time.Second)
			if i == stop {
				list := d.changed(at)
				for _, m := range list {
					if len(m.Data) > 64<<10 {
						t.Fatalf("%d bytes", len(m.Data))
					}
				}
				d = decide(t, r)
				d.load(list)
			}
			ms := 1200.0
			if i == 0 {
				ms = 45
			}
			made, _ := d.frame(latency(at, ms), at)
			if firings, _ := split(made); len(firings) > 0 {
				fired = append(fired, i)
			}
		}
		// What had not been written when it stopped may come late, but never twice.
		if len(fired) != 1 && stop <= 7 || len(fired) > 1 {
			t.Errorf("stopped at %d: fired at %v", stop, fired)
		}
	}
}

func TestAnotherFormOfARuleBeginsAnew(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1000ms")
	d := decide(t, r)
	feed(t, d, 1200)
	same := r
	same.Description = "described otherwise"
	again, err := newDecider(Set{Rules: []Rule{same}}, d)
	if err != nil {
		t.Fatal(err)
	}
	if fired, _ := feed(t, again, 45, 1200); len(fired) != 0 {
		t.Error("an unchanged rule forgot its cool-down")
	}
	other := threshold(t, "avg_latency", "", "> 900ms")
	again, err = newDecider(Set{Rules: []Rule{other}}, d)
	if err != nil {
		t.Fatal(err)
	}
	if fired, _ := feed(t, again, 45, 1200); len(fired) != 1 {
		t.Error("a changed rule kept the memory of the old one")
	}
}

func TestOnsetComesFromTheFramesBefore(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1000ms")
	r.Threshold.For = 30 * time.Second
	d := decide(t, r)
	// The mean over the last 60 s rises from the frame after the fault at 300 s on, the threshold is met at 350 s.
	for s := 0; ; s += 5 {
		at := start.Add(time.Duration(s) * time.Second)
		ms := 45 + float64(s%7) // some noise
		if s > 300 {
			ms += 1200 * min(1, float64(s-300)/60)
		}
		made, _ := d.frame(latency(at, ms), at)
		if firings, _ := split(made); len(firings) > 0 {
			if o := firings[0].Onset.Sub(start); o < 300*time.Second || o > 310*time.Second {
				t.Errorf("fired at %d s with onset at %v", s, o)
			}
			return
		}
		if s > 600 {
			t.Fatal("never fired")
		}
	}
}

func TestCalendarOfARule(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1000ms")
	r.When = BusinessHours
	d := decide(t, r)
	evening := start.Add(7*time.Hour - 10*time.Second) // 16:59:50
	var fired int
	var told []engine.Suppression
	for i := range 20 {
		at := evening.Add(time.Duration(i) * 5 * time.Second)
		ms := 45.0
		if i >= 5 {
			ms = 1200
		}
		made, met := d.frame(latency(at, ms), at)
		firings, suppressions := split(made)
		fired, told = fired+len(firings), append(told, suppressions...)
		if (len(met) > 0) != (i >= 5) {
			t.Errorf("met %+v", met)
		}
	}
	if fired != 0 || len(told) != 1 || !strings.Contains(told[0].Reason, "outside business_hours") {
		t.Errorf("fired %d, told %+v", fired, told)
	}
	if s := d.statuses(evening.Add(time.Minute))[0]; s.State != stateSuppressed || !strings.Contains(s.Detail, "business_hours") {
		t.Errorf("%+v", s)
	}
}

func TestOnsetOfWhatWasNotThereBefore(t *testing.T) {
	d := decide(t, Rule{Name: "waits", Incident: &Incident{Detector: DetectBottleneck}})
	for i := range 20 {
		at := start.Add(time.Duration(i) * 5 * time.Second)
		made, _ := d.frame(frameAt(at, func(f *engine.Frame) {
			if i >= 10 { // it comes at 50 s, and is bad from 60 s on
				severity := "medium"
				if i >= 12 {
					severity = "high"
				}
				f.Graph.Relationships = append(f.Graph.Relationships, metric("users", engine.RelLockWaitMS, "users", float64(i-9)*500, severity))
			}
		}), at)
		if firings, _ := split(made); len(firings) > 0 {
			if o := firings[0].Onset.Sub(start); i != 12 || o != 50*time.Second {
				t.Errorf("frame %d fired with onset at %v", i, o)
			}
			return
		}
	}
	t.Error("never fired")
}
