package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/collect"
	"graphsnap/engine/enginetest"
	"graphsnap/engine/local"
)

var faultTable = flag.String("fault-table", "", "write the table of faults and their traces to this file, in Markdown")

// lastTick is the live graph of one source in memory: what a collector wrote last.
type lastTick struct {
	mu   sync.Mutex
	n    int64
	tick *engine.Tick
}

func (l *lastTick) WriteTick(_ context.Context, t *engine.Tick) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	t.State.Tick = l.n
	l.tick = t
	return l.n, t.Graph.Check()
}

func (l *lastTick) Sources(context.Context) ([]engine.LiveState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []engine.LiveState{l.tick.State}, nil
}

func (l *lastTick) ReadLive(ctx context.Context, _ string, _ engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sink, err := open()
	if err == nil {
		err = engine.Feed(ctx, &l.tick.Graph, sink)
	}
	return &engine.LiveRead{State: l.tick.State}, err
}

// at gives the number of ticks so far.
func (l *lastTick) at() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// seen is a diff that traces are looked for in.
type seen struct{ *engine.Diff }

func (d seen) change(key string) *engine.Change {
	for i := range d.Changes {
		if d.Changes[i].Key == key {
			return &d.Changes[i]
		}
	}
	return &engine.Change{}
}

func (d seen) prop(key, name string) (from, to float64) {
	for _, p := range d.change(key).Properties {
		if p.Name == name {
			return number(p.From), number(p.To)
		}
	}
	return 0, 0
}

// trace is what must be found in the diff after one fault, and in that of no other fault.
type trace struct {
	says  string // for people
	found func(d seen) bool
}

const shopDatabase = "postgres:Database"

var traces = map[string]trace{
	"drop-index": {"`users_category_id_idx:Index` is removed, plans of users change to Seq Scan", func(d seen) bool {
		return d.change("users_category_id_idx:Index").Status == engine.StatusRemoved && d.planLost("users_category_id_idx")
	}},
	"fk-without-index": {"`has_index` of order_items -> products turns false, FK_CHECK shows slow searches on delete", func(d seen) bool {
		check := d.change("order_items:Table-[FK_CHECK:order_items_product_id_fkey delete]->products:Table")
		_, ms := d.prop(check.Key, "latency_ms")
		return d.change("order_items_product_id_idx:Index").Status == engine.StatusRemoved && ms > 1
	}},
	"stale-statistics": {"`options` of reviews has autovacuum_enabled=false, `modified_since_analyze` rises with `row_count`", func(d seen) bool {
		before, after := d.prop("reviews:Table", "row_count")
		_, modified := d.prop("reviews:Table", "modified_since_analyze")
		return after > 2*before && modified > before
	}},
	"plan-flip": {"`column_options` of orders gets n_distinct=1, a plan changes without an index or a setting", func(d seen) bool {
		return d.text("orders:Table", "column_options") != "" && d.plansChanged() > 0
	}},
	"table-bloat": {"`dead_rows_pct` and `size_bytes` of inventory rise, its row_count does not", func(d seen) bool {
		before, after := d.prop("inventory:Table", "dead_rows_pct")
		small, large := d.prop("inventory:Table", "size_bytes")
		return after > before+30 && large > 2*small
	}},
	"lock-blocker": {"LOCK_WAIT_MS on inventory, LOCK_WAIT between sessions", func(d seen) bool {
		c := d.change("inventory:Table-[LOCK_WAIT_MS]->inventory:Table")
		return c.Status == engine.StatusAdded && c.SeverityTo.IsBottleneck()
	}},
	"deadlocks": {"`deadlocks` of the database rises", func(d seen) bool {
		_, n := d.prop(shopDatabase, "deadlocks")
		return n > 0
	}},
	"n-plus-one": {"a new Statement of one row a call with hundreds of `calls_per_s`", func(d seen) bool {
		for _, c := range d.Changes {
			_, calls := d.prop(c.Key, "calls_per_s")
			_, rows := d.prop(c.Key, "rows_per_call")
			if c.Type == "Statement" && c.Status == engine.StatusAdded && calls > 100 && rows == 1 {
				return true
			}
		}
		return false
	}},
	"traffic-surge": {"QUERIES_PER_SEC of order_items -> orders and inventory -> products rises sixfold, of other pairs not", func(d seen) bool {
		one := d.change("order_items:Table-[QUERIES_PER_SEC]->orders:Table")
		two := d.change("inventory:Table-[QUERIES_PER_SEC]->products:Table")
		other := d.change("payments:Table-[QUERIES_PER_SEC]->orders:Table")
		return d.factor(one) > 2.5 && d.factor(two) > 2.5 && d.factor(other) < 2.5
	}},
	"cache-squeeze": {"a table archive, `blocks_read_per_s` of the database rises, `cache_hit` falls", func(d seen) bool {
		before, after := d.prop(shopDatabase, "blocks_read_per_s")
		return d.change("archive:Table").Status == engine.StatusAdded && after > 2*before+100
	}},
	"setting-change": {"`random_page_cost:Setting` is added, plans change to Seq Scan", func(d seen) bool {
		return d.change("random_page_cost:Setting").Status == engine.StatusAdded && d.plansChanged() > 0
	}},
	"temp-spill": {"`temp_bytes_per_s` of the database, `temp_blocks_per_call` of a new Statement", func(d seen) bool {
		_, bytes := d.prop(shopDatabase, "temp_bytes_per_s")
		for _, c := range d.Changes {
			_, blocks := d.prop(c.Key, "temp_blocks_per_call")
			if c.Type == "Statement" && c.Status == engine.StatusAdded && blocks > 0 && bytes > 1e6 {
				return true
			}
		}
		return false
	}},
	"connection-storm": {"`connections` and `new_sessions_per_s` of the database rise", func(d seen) bool {
		before, after := d.prop(shopDatabase, "connections")
		_, fresh := d.prop(shopDatabase, "new_sessions_per_s")
		return after-before >= 20 && fresh > 4
	}},
}

func (d seen) text(key, name string) string {
	for _, p := range d.change(key).Properties {
		if p.Name == name {
			s, _ := p.To.(string)
			return s
		}
	}
	return ""
}

func (d seen) factor(c *engine.Change) float64 {
	if c.ValueFrom == nil || c.ValueTo == nil || *c.ValueFrom == 0 {
		return 0
	}
	return *c.ValueTo / *c.ValueFrom
}

func (d seen) plansChanged() (n int) {
	for _, c := range d.Changes {
		for _, p := range c.Properties {
			if c.Type == "Plan" && c.Status == engine.StatusChanged && p.Name == "shape" {
				n++
			}
		}
	}
	return n
}

// planLost says whether a plan used an index before and does not any more.
func (d seen) planLost(index string) bool {
	for _, c := range d.Changes {
		for _, p := range c.Properties {
			from, _ := p.From.(string)
			to, _ := p.To.(string)
			if c.Type == "Plan" && p.Name == "shape" && strings.Contains(from, index) && to != "" && !strings.Contains(to, index) {
				return true
			}
		}
	}
	return false
}

// TestFaultsLeaveTraces starts each fault of the demo on a real database under the demo's workload, captures before and
// after, and looks for the trace of each fault in the diff: its own must be there, those of the others must not.
func TestFaultsLeaveTraces(t *testing.T) {
	if *faultTable == "" {
		t.Skip("takes four minutes: go test ./cmd/graphsnap -run FaultsLeaveTraces -fault-table FILE")
	}
	ctx := context.Background()
	dsn := enginetest.Postgres(t, "pg_stat_statements.track=all", "jit=off")
	quiet := slog.New(slog.DiscardHandler)
	db, err := collect.OpenDB(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	demo, err := local.OpenDemo(ctx, dsn, local.Options{OpenDB: collect.OpenDB, Clock: engine.SystemClock{}, Logger: quiet, Rate: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = demo.Close(ctx) }()
	if _, err := db.Exec(`CHECKPOINT`); err != nil {
		t.Fatal(err)
	}
	live := &lastTick{}
	const window = 4 * time.Second
	collector := collect.New(collect.Options{
		Source: collect.Source{Name: "shop", DSN: dsn, Interval: time.Second}, Window: window,
		Thresholds: collect.DefaultThresholds(), Writer: live, Clock: engine.SystemClock{}, Logger: quiet,
	})
	if err := collector.Open(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = collector.Close(ctx) }()
	e := engine.New(engine.Options{Live: live, Store: &enginetest.MemoryStore{}})
	ticks := func(n int64) {
		t.Helper()
		until := live.at() + n
		for deadline := time.Now().Add(2 * time.Minute); live.at() < until; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no tick: %+v", collector.State())
			}
		}
	}
	ticks(14) // past the first plans

	state, err := demo.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(state.Faults) < 12 || len(state.Faults) != len(traces) {
		t.Fatalf("%d faults, %d traces", len(state.Faults), len(traces))
	}
	var table strings.Builder
	table.WriteString("| fault | true cause | trace in the diff | found after |\n|---|---|---|---|\n")
	for _, fault := range state.Faults {
		t.Run(fault.Name, func(t *testing.T) {
			before, _, err := e.Capture(ctx, engine.CaptureRequest{Description: "before"})
			if err != nil {
				t.Fatal(err)
			}
			if err := demo.StartFault(ctx, fault.Name); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			var d seen
			for {
				ticks(1)
				if time.Since(begun) < window {
					continue
				}
				after, _, err := e.Capture(ctx, engine.CaptureRequest{Description: fault.Name})
				if err != nil {
					t.Fatal(err)
				}
				diff, err := e.Compare(ctx, before.ID, after.ID, engine.CompareOptions{})
				if err != nil {
					t.Fatal(err)
				}
				d = seen{diff}
				if traces[fault.Name].found(d) {
					break
				}
				if time.Since(begun) > 30*time.Second {
					t.Errorf("no trace of %s: %s", fault.Name, outline(d))
					break
				}
			}
			fmt.Fprintf(&table, "| `%s` | %s | %s | %.0f s |\n", fault.Name, fault.Cause, traces[fault.Name].says, time.Since(begun).Seconds())
			for name, other := range traces {
				if name != fault.Name && other.found(d) {
					t.Errorf("the diff after %s also shows %s: %s", fault.Name, name, outline(d))
				}
			}
			if err := demo.ClearFaults(ctx); err != nil {
				t.Fatal(err)
			}
			ticks(int64(window/time.Second) + 2)
			if s, err := demo.State(ctx); err != nil {
				t.Fatal(err)
			} else {
				for _, f := range s.Faults {
					if f.Active {
						t.Errorf("%s is active after all faults were cleared", f.Name)
					}
				}
			}
		})
	}
	if err := os.WriteFile(*faultTable, []byte(table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// outline gives the changes of a diff that are not of tables and metrics alone.
func outline(d seen) string {
	var b strings.Builder
	for _, c := range d.Changes {
		if c.Kind == engine.KindNode || strings.Contains(c.Key, "FK_CHECK") || strings.Contains(c.Key, "LOCK") {
			fmt.Fprintf(&b, "\n%s %s", c.Status, c.Key)
			for _, p := range c.Properties {
				fmt.Fprintf(&b, " %s: %.80s -> %.80s;", p.Name, fmt.Sprint(p.From), fmt.Sprint(p.To))
			}
		}
	}
	return b.String()
}

func number(v any) float64 {
	n, _ := engine.Properties{"v": v}.Number("v")
	return n
}
