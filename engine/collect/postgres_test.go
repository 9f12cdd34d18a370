package collect

import (
	"context"
	"database/sql"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// ticks keeps what a collector writes.
type ticks struct {
	mu   sync.Mutex
	list []*engine.Tick
}

func (w *ticks) WriteTick(_ context.Context, t *engine.Tick) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, t)
	return int64(len(w.list)), t.Graph.Check()
}

func newCollector(t *testing.T, dsn string, w engine.LiveWriter) *Collector {
	t.Helper()
	c := New(Options{
		Source: Source{Name: "test", DSN: dsn}, Thresholds: DefaultThresholds(), Writer: w, Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() { c.disconnect(context.Background()) })
	return c
}

// round runs one collection round as the loop does.
func (w *ticks) round(t *testing.T, c *Collector) *engine.Tick {
	t.Helper()
	state, err := c.round(context.Background())
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, engine.HintOf(err))
	}
	c.report(state, nil)
	return w.list[len(w.list)-1]
}

func open(t *testing.T, dsn string, statements ...string) *sql.DB {
	t.Helper()
	db, err := OpenDB(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec(t, db, statements...)
	return db
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

var shopSchema = []string{
	`CREATE TABLE categories (id int PRIMARY KEY)`,
	`CREATE TABLE users (id int PRIMARY KEY, category_id int REFERENCES categories)`,
	`CREATE TABLE products (id int PRIMARY KEY, category_id int REFERENCES categories)`,
	`INSERT INTO categories SELECT generate_series(1, 50)`,
	`INSERT INTO users SELECT i, 1 + i % 50 FROM generate_series(1, 2000) i`,
	`INSERT INTO products SELECT i, 1 + i % 50 FROM generate_series(1, 500) i`,
	`CREATE INDEX users_category_id_idx ON users (category_id)`,
	`SELECT pg_stat_force_next_flush()`, // else the rows inserted are counted once more after ANALYZE counted them
	`ANALYZE`,
}

const (
	joinSQL   = `SELECT count(*) FROM users u JOIN products p ON p.category_id = u.category_id WHERE u.category_id = $1`
	lookupSQL = `SELECT id FROM users WHERE id = $1`
)

func find(t *testing.T, tick *engine.Tick, key string) engine.Relationship {
	t.Helper()
	for _, r := range tick.Graph.Relationships {
		if r.Key == key {
			return r
		}
	}
	t.Fatalf("%s is not in the tick", key)
	return engine.Relationship{}
}

// tables counts the tables of a tick.
func tables(tick *engine.Tick) (n int) {
	for _, node := range tick.Graph.Nodes {
		if node.Type() == "Table" {
			n++
		}
	}
	return n
}

// carriedTime adds up what nodes and pairs carry and what nobody carries, ms/s.
func carriedTime(tick *engine.Tick) float64 {
	total := *tick.State.Totals.UnattributedMSPerS
	for _, n := range tick.Graph.Nodes {
		if n.Type() == "Table" {
			v, _ := n.Properties.Number("time_ms_per_s")
			total += v
		}
	}
	for _, r := range tick.Graph.Relationships {
		if r.Type == engine.RelTimeMSPerS {
			v, _ := r.Properties.Number("value")
			total += v
		}
	}
	return total
}

func TestCollectsARealDatabase(t *testing.T) {
	dsn := enginetest.Postgres(t)
	db := open(t, dsn, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	exec(t, db, `SELECT count(*) FROM users u JOIN products p ON p.category_id = u.category_id WHERE u.category_id = 1`)
	w := &ticks{}
	c := newCollector(t, dsn, w)

	first := w.round(t, c)
	if tables(first) != 3 || first.State.Totals.TotalQPS != nil {
		t.Fatalf("the first tick has %d tables and QPS %v, want 3 and none", tables(first), first.State.Totals.TotalQPS)
	}
	for _, r := range first.Graph.Relationships {
		if engine.MetricUnits[r.Type] != "" {
			t.Errorf("the first tick has %s, which can only be of a lifetime", r.Key)
		}
	}

	const joins, lookups = 60, 140
	for i := range joins {
		if _, err := db.Exec(joinSQL, 1+i%50); err != nil {
			t.Fatal(err)
		}
	}
	for i := range lookups {
		if _, err := db.Exec(lookupSQL, i); err != nil {
			t.Fatal(err)
		}
	}
	second := w.round(t, c)
	window := *second.State.Totals.WindowS
	near := func(what string, got float64, want int) {
		t.Helper()
		if math.Abs(got*window-float64(want)) > 0.5 {
			t.Errorf("%s: %.2f in the window, sent were %d", what, got*window, want)
		}
	}
	rate := find(t, second, "users:Table-[QUERIES_PER_SEC]->products:Table")
	v, _ := rate.Properties.Number("value")
	near("joins", v, joins)
	if rate.Properties["quality"] != "exact" {
		t.Errorf("quality is %v", rate.Properties["quality"])
	}
	near("total", *second.State.Totals.TotalQPS, joins+lookups)
	for _, n := range second.Graph.Nodes {
		if n.Key == "users:Table" {
			v, _ := n.Properties.Number("queries_per_sec")
			near("users", v, joins+lookups)
			if rows, _ := n.Properties.Number("row_count"); rows != 2000 {
				t.Errorf("users has %v rows, want 2000", rows)
			}
		}
	}
	// Conservation: what elements carry and what nobody carries is the whole.
	total := carriedTime(second)
	if whole := *second.State.Totals.TimeMSPerS; math.Abs(total-whole) > 0.01*whole {
		t.Errorf("the parts add up to %v ms/s of %v", total, whole)
	}

	indexed := find(t, second, "users:Table-[REFERENCES:users_category_id_fkey]->categories:Table")
	bare := find(t, second, "products:Table-[REFERENCES:products_category_id_fkey]->categories:Table")
	if indexed.Properties["has_index"] != true || indexed.Properties["index"] != "users_category_id_idx" || bare.Properties["has_index"] != false {
		t.Errorf("foreign keys are %v and %v", indexed.Properties, bare.Properties)
	}

	// A reset in the middle: nothing negative, nothing of a lifetime, and the values say that they are lower bounds.
	exec(t, db, `SELECT pg_stat_statements_reset()`)
	for i := range 5 {
		if _, err := db.Exec(joinSQL, i); err != nil {
			t.Fatal(err)
		}
	}
	third := w.round(t, c)
	after := find(t, third, "users:Table-[QUERIES_PER_SEC]->products:Table")
	v, _ = after.Properties.Number("value")
	if calls := v * *third.State.Totals.WindowS; math.Abs(calls-joins-5) > 0.5 || after.Properties["quality"] != "lower_bound" {
		t.Errorf("after a reset there are %.1f calls in the window, quality %v", calls, after.Properties["quality"])
	}

	exec(t, db, `DROP TABLE products`)
	c.catalogAt = time.Time{}
	for _, n := range w.round(t, c).Graph.Nodes {
		if n.Key == "products:Table" {
			t.Error("a dropped table is still in the tick")
		}
	}
}

func TestWithoutStatementsTheRestGoesOn(t *testing.T) {
	for name, test := range map[string]struct {
		settings   []string
		statements []string
		fix        string
	}{
		"extension not created": {nil, nil, "CREATE EXTENSION pg_stat_statements;"},
		"library not loaded":    {[]string{"shared_preload_libraries="}, []string{`CREATE EXTENSION pg_stat_statements`}, "shared_preload_libraries = 'pg_stat_statements'"},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := enginetest.Postgres(t, test.settings...)
			open(t, dsn, append(shopSchema, test.statements...)...)
			w := &ticks{}
			c := newCollector(t, dsn, w)
			w.round(t, c)
			tick := w.round(t, c)
			if tick.State.Status != "partial" || !strings.Contains(tick.State.Message, test.fix) || tables(tick) != 3 || tick.State.Totals.TotalQPS != nil {
				t.Errorf("state is %+v with %d tables", tick.State, tables(tick))
			}
			if c.State().Health == "ok" || !strings.Contains(c.State().Hint, test.fix) {
				t.Errorf("health %q, hint %q", c.State().Health, c.State().Hint)
			}
			failed := false
			for _, f := range Check(context.Background(), dsn) {
				failed = failed || (!f.OK && strings.Contains(f.Fix, test.fix))
			}
			if !failed {
				t.Error("Check does not name the fix")
			}
		})
	}
}

func TestTroubleWithTheServer(t *testing.T) {
	dsn := enginetest.Postgres(t)
	open(t, dsn, `CREATE ROLE weak LOGIN`, `CREATE EXTENSION pg_stat_statements`)
	for name, test := range map[string]struct {
		dsn  string
		kind engine.Kind
		says string
	}{
		"nobody listens":   {"postgres://super@127.0.0.1:1/postgres", engine.KindUnavailable, "127.0.0.1:1 does not answer"},
		"no such database": {strings.Replace(dsn, "/postgres?", "/none?", 1), engine.KindNotFound, `no database "none"`},
		"no such user":     {strings.Replace(dsn, "super@", "stranger@", 1), engine.KindDenied, `refuses user "stranger"`},
	} {
		c := newCollector(t, test.dsn, &ticks{})
		_, err := c.round(context.Background())
		if engine.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) || engine.HintOf(err) == "" {
			t.Errorf("%s: kind %s, hint %q: %v", name, engine.KindOf(err), engine.HintOf(err), err)
		}
	}
	if err := New(Options{Source: Source{DSN: "postgres://u:secret@h:port/d"}}).Open(context.Background()); engine.KindOf(err) != engine.KindInvalid || strings.Contains(err.Error(), "secret") {
		t.Errorf("a DSN that is none: %v", err)
	}
	w := &ticks{}
	weak := newCollector(t, strings.Replace(dsn, "super@", "weak@", 1), w)
	if tick := w.round(t, weak); tick.State.Status != "partial" || !strings.Contains(tick.State.Message, "GRANT pg_monitor TO weak;") {
		t.Errorf("without rights the state is %+v", tick.State)
	}
}
