package collect

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

const pairKey = "users:Table-[QUERIES_PER_SEC]->products:Table"

// calls gives how many joins a tick saw, and their quality; 0 and "" where the pair is not in it.
func calls(tick *engine.Tick) (n float64, quality string) {
	for _, r := range tick.Graph.Relationships {
		if r.Key == pairKey {
			v, _ := r.Properties.Number("value")
			quality, _ = r.Properties["quality"].(string)
			return v * *tick.State.Totals.WindowS, quality
		}
	}
	return 0, ""
}

// assertSane looks for what a reset must never give: negative values, and values as large as what ran before the collector.
func assertSane(t *testing.T, tick *engine.Tick) {
	t.Helper()
	window := 1.0
	if tick.State.Totals.WindowS != nil {
		window = *tick.State.Totals.WindowS
	}
	check := func(key string, p engine.Properties) {
		for name := range p {
			v, ok := p.Number(name)
			// The joins scan users as often as the planner likes; parts is scanned before the collector starts and never after.
			if ok && v < 0 || ok && name == "seq_scans_per_s" && (key == "parts:Table" || key == "pieces:Table") && v*window > 10 {
				t.Errorf("%s.%s is %v", key, name, v)
			}
		}
	}
	for _, n := range tick.Graph.Nodes {
		check(n.Key, n.Properties)
	}
	for _, r := range tick.Graph.Relationships {
		check(r.Key, r.Properties)
	}
}

func joins(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	for i := range n {
		if _, err := db.Exec(joinSQL, 1+i%50); err != nil {
			t.Fatal(err)
		}
	}
}

// TestResets does to a real server what makes counters begin anew, and looks at the tick after it.
func TestResets(t *testing.T) {
	server := enginetest.NewPostgresServer(t, "pg_stat_statements.max=100", "log_statement=all")
	standby := enginetest.NewPostgresServer(t)
	db := open(t, server.DSN, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	exec(t, db, `CREATE TABLE parts (id int) PARTITION BY LIST (id)`, `CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)`, `CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2)`)
	// A life before the collector, whose size must never show in a rate.
	const lifetime = 1500
	joins(t, db, lifetime)
	for range lifetime {
		exec(t, db, `SELECT count(*) FROM parts`)
	}
	time.Sleep(1100 * time.Millisecond) // a session tells of its scans once a second
	exec(t, db, `SELECT count(*) FROM parts`)
	other := open(t, standby.DSN, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	joins(t, other, lifetime)

	w := &ticks{}
	c := newCollector(t, server.DSN, w)
	c.o.Window, c.window.length = time.Millisecond, time.Millisecond // each tick shows one interval
	first := w.round(t, c)
	if n, _ := calls(first); n != 0 {
		t.Fatalf("the first collection gives %v calls", n)
	}
	queryID := func() (id int64) {
		if err := db.QueryRow(`SELECT queryid FROM pg_stat_statements WHERE query LIKE '%JOIN products%' AND query NOT LIKE '%pg_stat%'`).Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	again := func() { server.Start(t) }
	for _, test := range []struct {
		name    string
		event   func()
		after   int     // joins sent after the event
		atLeast float64 // of the 20 before and those after it
		quality string
	}{
		{"nothing happens", func() {}, 5, 25, "exact"},
		{"all statements reset", func() { exec(t, db, `SELECT pg_stat_statements_reset()`) }, 5, 5, "lower_bound"},
		{"one statement reset", func() { exec(t, db, fmt.Sprintf(`SELECT pg_stat_statements_reset(0, 0, %d)`, queryID())) }, 5, 5, "lower_bound"},
		{"one table reset", func() { exec(t, db, `SELECT pg_stat_reset_single_table_counters('users'::regclass)`) }, 5, 25, "exact"},
		{"all tables reset", func() { exec(t, db, `SELECT pg_stat_reset()`) }, 5, 25, "exact"},
		{"a partition dropped", func() { exec(t, db, `DROP TABLE parts_2`) }, 5, 25, "exact"},
		{"a table renamed", func() { exec(t, db, `ALTER TABLE parts RENAME TO pieces`); c.catalogAt = time.Time{} }, 5, 25, "exact"},
		{"extension made anew", func() { exec(t, db, `DROP EXTENSION pg_stat_statements`, `CREATE EXTENSION pg_stat_statements`) }, 5, 25, "exact"},
		{"clean restart", func() { server.Stop(syscall.SIGINT); again() }, 5, 25, "lower_bound"},
		{"evicted and back with more calls", func() {
			for i := range 120 {
				for range 40 { // more than the joins since their reset, for the least used go first
					exec(t, db, `SELECT 1`+strings.Repeat(` + 1`, i))
				}
			}
		}, 400, 380, "lower_bound"},
		{"crash", func() { server.Stop(syscall.SIGQUIT); again() }, 5, 5, "lower_bound"},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Begun anew, so that it is used less than what comes to evict it.
			exec(t, db, fmt.Sprintf(`SELECT pg_stat_statements_reset(0, 0, %d)`, queryID()))
			joins(t, db, 10)
			w.round(t, c)
			joins(t, db, 20)
			start := server.PID()
			test.event()
			if server.PID() != start {
				c.disconnect(context.Background())
				db.SetMaxIdleConns(0) // the connections of before are dead
				db.SetMaxIdleConns(2)
			}
			joins(t, db, test.after)
			tick := w.round(t, c)
			n, quality := calls(tick)
			if n < test.atLeast-0.5 || n > float64(20+test.after)+0.5 || quality != test.quality {
				t.Errorf("%.1f calls, %s; want %v to %d, %s", n, quality, test.atLeast, 20+test.after, test.quality)
			}
			assertSane(t, tick)
		})
	}
	t.Run("failover to a server with a life of its own", func(t *testing.T) {
		w.round(t, c)
		c.disconnect(context.Background())
		c.o.Source.DSN = standby.DSN
		tick := w.round(t, c)
		if n, _ := calls(tick); n != 0 || tick.State.Totals.TotalQPS != nil {
			t.Errorf("the first tick of the other server has %v calls, QPS %v", n, tick.State.Totals.TotalQPS)
		}
		joins(t, other, 7)
		tick = w.round(t, c)
		if n, quality := calls(tick); math.Abs(n-7) > 0.5 || quality != "exact" {
			t.Errorf("then %v calls, %s", n, quality)
		}
		assertSane(t, tick)
	})
	for line := range strings.SplitSeq(server.Log(), "\n") {
		if strings.Contains(line, mark) && strings.Contains(line, "reset(") {
			t.Errorf("the collector reset something: %s", line)
		}
	}
	if !strings.Contains(server.Log(), mark) {
		t.Error("the log does not show the collector's statements, so it proves nothing")
	}
}

// TestStatementsThatWereHidden gives the collector's user the rights that it lacked: what it sees then is a lifetime.
func TestStatementsThatWereHidden(t *testing.T) {
	dsn := enginetest.Postgres(t)
	db := open(t, dsn, append([]string{`CREATE EXTENSION pg_stat_statements`, `CREATE ROLE weak LOGIN`}, shopSchema...)...)
	joins(t, db, 1000)
	w := &ticks{}
	c := newCollector(t, strings.Replace(dsn, "super@", "weak@", 1), w)
	w.round(t, c)
	if tick := w.round(t, c); tick.State.Status != "partial" {
		t.Fatalf("without rights the state is %s", tick.State.Status)
	}
	exec(t, db, `GRANT pg_monitor TO weak`)
	tick := w.round(t, c)
	if n, _ := calls(tick); n != 0 || tick.State.Totals.TotalQPS != nil && *tick.State.Totals.TotalQPS**tick.State.Totals.WindowS > 100 {
		t.Errorf("what became visible counts as %v calls, QPS %v", n, tick.State.Totals.TotalQPS)
	}
	joins(t, db, 9)
	if n, quality := calls(w.round(t, c)); math.Abs(n-9) > 0.5 || quality != "exact" {
		t.Errorf("then %v calls, %s", n, quality)
	}
}
