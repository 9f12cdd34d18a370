package trigger

import (
	"math"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
)

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		text, metric string
		op           string
		value        float64
	}{
		{"> 1000ms", "avg_latency", ">", 1000},
		{"> 1s", "avg_latency", ">", 1000},
		{">= 1.5 min", "avg_latency", ">=", 90_000},
		{"> 1000", "avg_latency", ">", 1000},
		{"> 500", "queries_per_sec", ">", 500},
		{"<200/s", "total_qps", "<", 200},
		{"> 5%", "error_rate", ">", 5},
		{"> 5", "error_rate", ">", 5},
		{"> 5", "deadlock_count", ">", 5},
		{"> 80", "bottleneck_score", ">", 80},
		{"> 90 %", "connections", ">", 90},
		{"> 30s", "replication_lag", ">", 30},
		{"> 500ms", "replication_lag", ">", 0.5},
		{"> 2h", "lock_chain", ">", 7200},
		{"< 90%", "parse_coverage", "<", 0.9},
		{"> 2s", "AVG_LATENCY_MS", ">", 2000},
		{"> 10/s", "ROWS_PER_SEC", ">", 10},
		{"> 20%", "dead_rows_pct", ">", 20},
		{"> 1min", "transaction_s", ">", 60},
		{"!= 0", "no_such_thing", "!=", 0},
		{"> 1e3", "avg_latency", ">", 1000},
		{"== -1", "connections", "==", -1},
	} {
		got, err := ParseCondition(c.text, c.metric)
		if err != nil || got.Op != c.op || math.Abs(got.Value-c.value) > 1e-9 {
			t.Errorf("%q for %s: %+v, %v (%s)", c.text, c.metric, got, err, engine.HintOf(err))
		}
	}
	for _, c := range [][2]string{
		{"", "avg_latency"}, {"1000", "avg_latency"}, {"> ", "avg_latency"}, {"=> 5", "avg_latency"}, {"> 5%", "avg_latency"}, {"> 5ms", "error_rate"},
		{"> 5s", "deadlocks"}, {"> 5/s", "connections"}, {"> 1e400", "avg_latency"}, {"> 1e299h", "avg_latency"}, {"> 5 s", "queries_per_sec"}, {"> 5 apples", "x"}, {"> NaN", "x"},
	} {
		if got, err := ParseCondition(c[0], c[1]); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" || strings.Contains(err.Error()+engine.HintOf(err), "%!") {
			t.Errorf("%q for %s: %+v, %v (%s)", c[0], c[1], got, err, engine.HintOf(err))
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{"> 1000ms", ">= 5 %", "< 200/s", "> 5", "!= -1.5e3h", "== 0", "> 1e308h", " <=  7 min "} {
		for _, metric := range []string{"avg_latency", "error_rate", "connections", "parse_coverage", "x", ""} {
			f.Add(text, metric)
		}
	}
	f.Fuzz(func(t *testing.T, text, metric string) {
		c, err := ParseCondition(text, metric)
		if err != nil {
			if engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
				t.Fatalf("%q: %v has no kind or no hint", text, err)
			}
			return
		}
		if math.IsNaN(c.Value) || math.IsInf(c.Value, 0) {
			t.Fatalf("%q gives %v", text, c.Value)
		}
		// Written without a unit, in the metric's own, it is the same.
		again, err := ParseCondition(c.Op+" "+trimmed(c.Value), metric)
		if err != nil || again.Value != c.Value || again.Op != c.Op {
			t.Fatalf("%q: %+v, again %+v, %v", text, c, again, err)
		}
		if c.Holds(c.Value) != (c.Op == ">=" || c.Op == "<=" || c.Op == "==") {
			t.Fatalf("%+v holds for its own value: %v", c, c.Holds(c.Value))
		}
	})
}

func TestScopes(t *testing.T) {
	for text, want := range map[string]Scope{
		"":                    {Kind: ScopeTotals},
		"source:shop":         {Kind: ScopeTotals, Source: "shop"},
		"users":               {Kind: ScopeNode, Name: "users"},
		" users:Table ":       {Kind: ScopeNode, Name: "users:Table"},
		"public.users:Table":  {Kind: ScopeNode, Name: "public.users:Table"},
		"users->products":     {Kind: ScopePair, From: "users", To: "products"},
		"users -> products":   {Kind: ScopePair, From: "users", To: "products"},
		"a:Table->b:View":     {Kind: ScopePair, From: "a:Table", To: "b:View"},
		"label:Table":         {Kind: ScopeLabel, Name: "Table"},
		"type:AVG_LATENCY_MS": {Kind: ScopeType, Name: "AVG_LATENCY_MS"},
		"users:Table-[AVG_LATENCY_MS]->products:Table": {Kind: ScopeRelationship, Name: "users:Table-[AVG_LATENCY_MS]->products:Table"},
	} {
		if got, err := ParseScope(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"label:", "type:", "source: ", "->b", "a->", "a->b->c", "a-[X]->", "-[X]->b", "a-[]->b", "a-[X", "a\nb", "\xff"} {
		if got, err := ParseScope(text); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzScope(f *testing.F) {
	for _, text := range []string{"", "users", "users:Table", "users->products", "a:T-[X]->b:T", "label:Table", "type:X", "source:shop", "label:a->b", "a- >b", "->"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScope(text)
		if err != nil {
			if engine.HintOf(err) == "" {
				t.Fatalf("%q: no hint", text)
			}
			return
		}
		if again, err := ParseScope(s.String()); err != nil || again != s {
			t.Fatalf("%q: %+v, again %+v, %v", text, s, again, err)
		}
		newView(frameAt(start, nil)).values(s, "avg_latency")
	})
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{1200, "ms", "1.2 s"}, {45, "ms", "45 ms"}, {0.25, "ms", "0.25 ms"}, {90_000, "ms", "90 s"}, {600, "s", "10 min"}, {0, "s", "0 s"}, {86400, "s", "24 h"},
		{5, "%", "5 %"}, {0.5, "ratio", "50 %"}, {512.4, "/s", "512/s"}, {3, "", "3"}, {-7, "", "-7"}, {1234567, "", "1234567"}, {2.345, "ms/s", "2.35 ms/s"},
	} {
		if got := amount(c.v, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func condition(t *testing.T, text, metric string) Condition {
	t.Helper()
	c, err := ParseCondition(text, metric)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func threshold(t *testing.T, metric, scope, text string) Rule {
	t.Helper()
	return Rule{Name: metric + scope, Threshold: &Threshold{Metric: metric, Scope: scope, Condition: condition(t, text, metric)}}
}

func TestBrokenRules(t *testing.T) {
	over := Condition{Op: ">", Value: 5}
	low := condition(t, "< 4", "connections")
	for name, r := range map[string]struct {
		rule Rule
		hint string
	}{
		"no name":           {Rule{Schedule: &Schedule{Every: time.Minute}}, "name"},
		"reserved name":     {Rule{Name: "baseline/x", Schedule: &Schedule{Every: time.Minute}}, "another name"},
		"nothing":           {Rule{Name: "r"}, "split"},
		"two":               {Rule{Name: "r", Schedule: &Schedule{Every: time.Minute}, Incident: &Incident{Detector: DetectDeadlocks}}, "split"},
		"calendar":          {Rule{Name: "r", When: "lunch", Schedule: &Schedule{Every: time.Minute}}, BusinessHours},
		"severity":          {Rule{Name: "r", Severity: "bad", Schedule: &Schedule{Every: time.Minute}}, "critical"},
		"cool-down":         {Rule{Name: "r", Cooldown: -1, Schedule: &Schedule{Every: time.Minute}}, "leave"},
		"unknown metric":    {Rule{Name: "r", Threshold: &Threshold{Metric: "latancy", Condition: over}}, MetricAvgLatency},
		"no metric":         {Rule{Name: "r", Threshold: &Threshold{Scope: "users", Condition: over}}, "name a metric"},
		"odd metric":        {Rule{Name: "r", Threshold: &Threshold{Metric: "a b", Scope: "users", Condition: over}}, "property"},
		"total in scope":    {Rule{Name: "r", Threshold: &Threshold{Metric: "parse_coverage", Scope: "users", Condition: over}}, "scope out"},
		"scope":             {Rule{Name: "r", Threshold: &Threshold{Metric: "avg_latency", Scope: "a->b->c", Condition: over}}, "users->products"},
		"type":              {Rule{Name: "r", Threshold: &Threshold{Scope: "type:latency of", Condition: over}}, "type:AVG"},
		"operator":          {Rule{Name: "r", Threshold: &Threshold{Metric: "avg_latency", Condition: Condition{Op: "~"}}}, "operators"},
		"unit of what":      {Rule{Name: "r", Threshold: &Threshold{Metric: "size", Scope: "users", Condition: Condition{Op: ">", Value: 1, Unit: "s"}}}, "number alone"},
		"negative for":      {Rule{Name: "r", Threshold: &Threshold{Metric: "avg_latency", Condition: over, For: -1}}, "leave"},
		"clear level":       {Rule{Name: "r", Threshold: &Threshold{Metric: "connections", Condition: Condition{Op: "<", Value: 5}, Clear: &low}}, "other side"},
		"clear too high":    {Rule{Name: "r", Threshold: &Threshold{Metric: "connections", Condition: Condition{Op: ">", Value: 3}, Clear: &low}}, "other side"},
		"incident":          {Rule{Name: "r", Incident: &Incident{Detector: "fire"}}, "deadlocks"},
		"bottleneck number": {Rule{Name: "r", Incident: &Incident{Detector: DetectBottleneck, Condition: &over}}, "bottleneck_score"},
		"severities":        {Rule{Name: "r", Incident: &Incident{Detector: DetectBottleneck, Severities: []engine.Severity{"odd"}}}, "critical"},
		"deadlock severity": {Rule{Name: "r", Incident: &Incident{Detector: DetectDeadlocks, Severities: []engine.Severity{"high"}}}, "condition"},
		"smart":             {Rule{Name: "r", Smart: &Smart{Detector: "clever"}}, "degradation"},
		"smart metric":      {Rule{Name: "r", Smart: &Smart{Detector: DetectDegradation, Metric: "x"}}, MetricAvgLatency},
		"smart on many":     {Rule{Name: "r", Smart: &Smart{Detector: DetectDegradation, Scope: "label:Table"}}, "name one"},
		"predicted what":    {Rule{Name: "r", Smart: &Smart{Detector: DetectPredicted}}, "threshold"},
		"predicted equal":   {Rule{Name: "r", Smart: &Smart{Detector: DetectPredicted, Condition: &Condition{Op: "=="}}}, "write >"},
		"needless":          {Rule{Name: "r", Smart: &Smart{Detector: DetectTraffic, Condition: &over}}, "predicted"},
	} {
		err := Set{Rules: []Rule{r.rule}}.Check()
		if engine.KindOf(err) != engine.KindInvalid || !strings.Contains(engine.HintOf(err), r.hint) || strings.Contains(err.Error()+engine.HintOf(err), "%!") {
			t.Errorf("%s: %v (%s)", name, err, engine.HintOf(err))
		}
	}
	twice := threshold(t, "avg_latency", "", "> 1s")
	if err := (Set{Rules: []Rule{twice, twice}}).Check(); engine.KindOf(err) != engine.KindInvalid {
		t.Error("two rules of one name:", err)
	}
	for name, w := range map[string]Window{
		"no name": {Start: start, End: start.Add(1)}, "nothing": {Name: "w"}, "both": {Name: "w", Start: start, End: start.Add(1), Cron: "@daily"}, "backwards": {Name: "w", Start: start, End: start},
		"no start": {Name: "w", End: start}, "length": {Name: "w", Cron: "@daily"}, "overlap": {Name: "w", Cron: "@daily", Length: 25 * time.Hour}, "cron": {Name: "w", Cron: "x", Length: time.Hour},
		"both lengths": {Name: "w", Start: start, End: start.Add(time.Hour), Length: time.Hour},
	} {
		if err := (Set{Maintenance: []Window{w}}).Check(); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("window %s: %v", name, err)
		}
	}
	if err := (Set{Maintenance: []Window{{Name: "a", Cron: "@daily", Length: time.Hour}, {Name: "a", Cron: "@daily", Length: time.Hour}}}).Check(); err == nil {
		t.Error("two windows of one name")
	}
}

func TestRulesDescribeThemselves(t *testing.T) {
	r := threshold(t, "avg_latency", "", "> 1s")
	r.Threshold.For = 30 * time.Second
	clear := condition(t, "< 800ms", "avg_latency")
	r.Threshold.Clear = &clear
	for want, rule := range map[string]Rule{
		"avg_latency > 1 s for 30 s, clear at < 800 ms":               r,
		"every 5 min in business_hours":                               {Name: "a", When: BusinessHours, Schedule: &Schedule{Every: 5 * time.Minute}},
		"cron 0 */5 * * * * (UTC)":                                    {Name: "a", Schedule: &Schedule{Cron: "0 */5 * * * *"}},
		"bottleneck of severity critical or high":                     {Name: "a", Incident: &Incident{Detector: DetectBottleneck}},
		"connection_usage > 90 %":                                     {Name: "a", Incident: &Incident{Detector: DetectConnections}},
		"lock_chain > 3 s":                                            {Name: "a", Incident: &Incident{Detector: DetectLockChain}},
		"avg_latency 4 deviations above its baseline for 90 s":        {Name: "a", Smart: &Smart{Detector: DetectDegradation}},
		"queries_per_sec 3 deviations off its baseline for 90 s":      {Name: "a", Smart: &Smart{Detector: DetectTraffic, Sensitivity: 3}},
		"avg_latency on its way to > 5 ms within 5 min":               {Name: "a", Smart: &Smart{Detector: DetectPredicted, Condition: &Condition{Op: ">", Value: 5}}},
		"avg_latency of users->products > 100 ms":                     threshold(t, "avg_latency", "users->products", "> 100"),
		"LOCK_WAIT_MS of type:LOCK_WAIT_MS > 2 s":                     {Name: "a", Threshold: &Threshold{Scope: "type:LOCK_WAIT_MS", Condition: condition(t, "> 2s", "LOCK_WAIT_MS")}},
		"dead_rows_pct of label:Table > 20 %":                         threshold(t, "dead_rows_pct", "label:Table", "> 20%"),
		"ROWS_PER_SEC of a:Table-[ROWS_PER_SEC]->b:Table > 1000000/s": {Name: "a", Threshold: &Threshold{Scope: "a:Table-[ROWS_PER_SEC]->b:Table", Condition: condition(t, "> 1e6/s", "ROWS_PER_SEC")}},
	} {
		c, err := Set{}.compile(rule)
		if err != nil || c.text != want {
			t.Errorf("%q, want %q (%v %s)", c.text, want, err, engine.HintOf(err))
		}
	}
}
