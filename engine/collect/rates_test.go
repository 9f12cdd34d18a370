package collect

import (
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)

// at0 makes a reading so many seconds after t0 with one statement and one table.
func at0(seconds int, calls int64, ms float64, change func(*reading)) *reading {
	r := &reading{
		at: t0.Add(time.Duration(seconds) * time.Second), epoch: t0.Add(-time.Hour),
		statements: map[statementID]counters{{1, 7}: {calls: calls, rows: calls, execMS: ms}},
		tables:     map[string]tableCounters{"users:Table": {seqScan: calls, seqRows: calls * 10}},
		database:   databaseCounters{commits: calls},
	}
	if change != nil {
		change(r)
	}
	return r
}

func TestDifference(t *testing.T) {
	for name, test := range map[string]struct {
		before, after *reading
		calls         int64
		quality       quality
	}{
		"plain":                    {at0(0, 100, 50, nil), at0(5, 110, 55, nil), 10, exact},
		"idle":                     {at0(0, 100, 50, nil), at0(5, 100, 50, nil), 0, ""},
		"all reset":                {at0(0, 100, 50, nil), at0(5, 4, 2, func(r *reading) { r.reset = t0 }), 4, lowerBound},
		"all reset, soon passed":   {at0(0, 2, 1, nil), at0(5, 4, 2, func(r *reading) { r.reset = t0 }), 4, lowerBound},
		"new by the server's word": {at0(0, 2, 1, nil), at0(5, 4, 2, func(r *reading) { r.since = map[statementID]time.Time{{1, 7}: t0.Add(time.Second)} }), 4, lowerBound},
		"old by the server's word": {at0(0, 2, 1, nil), at0(5, 4, 2, func(r *reading) { r.forgotten, r.since = 3, map[statementID]time.Time{{1, 7}: t0.Add(-time.Hour)} }), 2, exact},
		"hidden until now":         {at0(0, 0, 0, func(r *reading) { r.statements, r.hidden = map[statementID]counters{}, map[uint32]bool{1: true} }), at0(5, 4, 2, nil), 0, ""},
		"in while others went out": {at0(0, 2, 1, nil), at0(5, 4, 2, func(r *reading) {
			r.forgotten = 3
			s := r.statements[statementID{1, 7}]
			s.most = 1
			r.statements[statementID{1, 7}] = s
		}), 2, lowerBound},
		"one reset, no mark":          {at0(0, 100, 50, nil), at0(5, 4, 2, nil), 4, lowerBound},
		"more calls but less time":    {at0(0, 100, 500, nil), at0(5, 120, 5, nil), 120, lowerBound},
		"new statement":               {at0(0, 0, 0, func(r *reading) { r.statements = map[statementID]counters{} }), at0(5, 4, 2, nil), 4, exact},
		"back after an eviction":      {at0(0, 0, 0, func(r *reading) { r.statements = map[statementID]counters{} }), at0(5, 4, 2, func(r *reading) { r.forgotten = 9 }), 4, lowerBound},
		"restart with kept counters":  {at0(0, 100, 50, nil), at0(5, 103, 51, func(r *reading) { r.epoch = t0 }), 3, lowerBound},
		"restart with empty counters": {at0(0, 100, 50, nil), at0(5, 3, 1, func(r *reading) { r.epoch = t0 }), 3, lowerBound},
	} {
		t.Run(name, func(t *testing.T) {
			d := difference(test.before, test.after)
			s := d.statements[statementID{1, 7}]
			if s.calls != test.calls || s.quality != test.quality || s.execMS < 0 || s.rows < 0 {
				t.Errorf("got %+v, want %d calls, %s", s, test.calls, test.quality)
			}
			if x := d.tables["users:Table"]; x.seqScan < 0 || x.seqRows < 0 || d.database.commits < 0 {
				t.Errorf("negative counters: %+v %+v", x, d.database)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	w := window{length: 60 * time.Second}
	if w.add(at0(0, 1_000_000, 1e6, nil)) != nil {
		t.Fatal("the first reading gives a rate, which can only be of a lifetime")
	}
	var last *delta
	for i := 1; i <= 40; i++ {
		last = w.add(at0(5*i, 1_000_000+int64(10*i), 1e6+float64(i), nil))
	}
	if last.seconds != 60 || last.statements[statementID{1, 7}].calls != 120 {
		t.Errorf("over %v s there were %d calls, want 120 in 60", last.seconds, last.statements[statementID{1, 7}].calls)
	}
	// A reset inside the window hides nothing of what was seen before it.
	last = w.add(at0(205, 3, 0.1, nil))
	if s := last.statements[statementID{1, 7}]; s.calls != 113 || s.quality != lowerBound {
		t.Errorf("with a reset: %+v, want 113 calls at least", s)
	}
	if w.add(at0(205, 3, 0.1, nil)) != nil {
		t.Error("a clock that stands still gives a rate")
	}
	w.forget()
	if w.add(at0(300, 5, 1, nil)) != nil {
		t.Error("a forgotten window gives a rate")
	}
}

func TestTrend(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   string
	}{
		"too few":   {[]float64{1, 100, 1}, stable},
		"flat":      {[]float64{10, 10.1, 9.9, 10, 10.05, 9.95}, stable},
		"rising":    {[]float64{10, 11, 12, 13, 14, 15, 16}, increasing},
		"falling":   {[]float64{16, 15, 14, 13, 12, 11, 10}, decreasing},
		"wild":      {[]float64{1, 50, 2, 60, 3, 55, 1, 48}, volatile},
		"all zero":  {[]float64{0, 0, 0, 0, 0}, stable},
		"one spike": {[]float64{10, 10, 10, 10, 10, 10, 100}, volatile},
	} {
		if got := trendOf(test.values); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestSeverity(t *testing.T) {
	th := DefaultThresholds()
	for name, test := range map[string]struct {
		relType               string
		value, share, latency float64
		want                  string
	}{
		"fast":                           {"AVG_LATENCY_MS", 5, 0.5, 5, "low"},
		"slow":                           {"AVG_LATENCY_MS", 300, 0.5, 300, "high"},
		"very slow":                      {"AVG_LATENCY_MS", 1000, 0.5, 1000, "critical"},
		"very slow but rare":             {"AVG_LATENCY_MS", 5000, 0.001, 5000, "low"},
		"no index, felt":                 {"INDEX_EFFICIENCY", 1, 0.5, 20, "critical"},
		"no index on a table of ten":     {"INDEX_EFFICIENCY", 1, 0.5, 0.1, "low"},
		"good index":                     {"INDEX_EFFICIENCY", 99, 0.5, 20, "low"},
		"load is no trouble":             {"QUERIES_PER_SEC", 1e6, 1, 1, "low"},
		"an unknown metric is no danger": {"X", 1e9, 1, 1, "low"},
	} {
		if got := th.severityOf(test.relType, test.value, test.share, test.latency); string(got) != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://u:secret@h/d":                    "postgres://u:xxxxx@h/d",
		"postgres://u@h/d":                           "postgres://u@h/d",
		"host=h password=secret dbname=d":            "host=h password=xxxxx dbname=d",
		"host=h password='sec ret' dbname=d":         "host=h password=xxxxx dbname=d",
		"postgres://h/d?user=u&password=secret&x=1":  "postgres://h/d?user=u&password=xxxxx&x=1",
		"postgres://u:se%cret@h/d that is no URL %%": "postgres://u:xxxxx@h/d that is no URL %%",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%s gives %s, want %s", in, got, want)
		}
	}
}

func TestDeviation(t *testing.T) {
	sample := func(ms ...float64) (c counters) {
		for _, v := range ms {
			c = c.plus(counters{calls: 1, execMS: v})
		}
		return c
	}
	near := func(got, want float64) bool { return got > want-1e-9 && got < want+1e-9 }
	all, first := sample(2, 4, 4, 4, 5, 5, 7, 9), sample(2, 4, 4)
	if !near(all.deviation(), 2) {
		t.Errorf("the deviation is %v, want 2", all.deviation())
	}
	if rest, want := all.minus(first), sample(4, 5, 5, 7, 9); rest.calls != 5 || !near(rest.deviation(), want.deviation()) || !near(rest.mean(), 6) {
		t.Errorf("the rest is %+v, want %+v", rest, want)
	}
	if again := first.plus(all.minus(first)); !near(again.deviation(), 2) {
		t.Errorf("both together have %v", again.deviation())
	}
}

// TestTablesCountByRow moves rows between nodes: renamed tables and dropped partitions give no lifetime and no reset.
func TestTablesCountByRow(t *testing.T) {
	with := func(seconds int, owner map[string]string, scans map[string]int64) *reading {
		r := at0(seconds, 1, 1, nil)
		r.owner, r.tables = owner, map[string]tableCounters{}
		for row, n := range scans {
			r.tables[row] = tableCounters{seqScan: n}
		}
		return r
	}
	a := with(0, map[string]string{"1": "users:Table", "2": "parts:Table", "3": "parts:Table"}, map[string]int64{"1": 900, "2": 700, "3": 500})
	b := with(5, map[string]string{"1": "people:Table", "2": "parts:Table", "4": "parts:Table"}, map[string]int64{"1": 903, "2": 701, "4": 6})
	d := difference(a, b)
	if d.tables["people:Table"].seqScan != 3 || d.tables["parts:Table"].seqScan != 7 || len(d.tableQuality) != 0 {
		t.Errorf("got %+v, %v", d.tables, d.tableQuality)
	}
	b.tables["2"] = tableCounters{seqScan: 2}
	if d = difference(a, b); d.tables["parts:Table"].seqScan != 8 || d.tableQuality["parts:Table"] != lowerBound {
		t.Errorf("with one row reset: %+v, %v", d.tables, d.tableQuality)
	}
}
