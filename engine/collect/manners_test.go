package collect

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// TestKnownRates sends known numbers of statements over twenty pairs of tables and compares with what the driver counted
// and timed itself. Each statement also gives its own time by the server's clock, which tells whose fault it is where a
// machine is so busy that answers wait to be read. Pairs that were joined before and are idle now must not be in the tick.
func TestKnownRates(t *testing.T) {
	const pairs, workers = 20, 24
	dsn := enginetest.Postgres(t)
	db := open(t, dsn, `CREATE EXTENSION pg_stat_statements`, `CREATE TABLE t0 (id int PRIMARY KEY)`, `INSERT INTO t0 VALUES (1)`)
	text := func(i int) string {
		return fmt.Sprintf(`SELECT extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 FROM t%d b JOIN t%d a ON a.id = b.parent, pg_sleep($1) WHERE b.id = 1`, i, i-1)
	}
	for i := 1; i <= pairs; i++ {
		exec(t, db, fmt.Sprintf(`CREATE TABLE t%d (id int PRIMARY KEY, parent int REFERENCES t%d)`, i, i-1), fmt.Sprintf(`INSERT INTO t%d VALUES (1, 1)`, i))
	}
	db.SetMaxIdleConns(workers)
	exec(t, db, `CREATE TABLE idle (id int)`)
	if _, err := db.Exec(`SELECT * FROM idle JOIN t1 ON t1.id = idle.id`); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= pairs; i++ {
		if _, err := db.Exec(text(i), 0); err != nil {
			t.Fatal(err)
		}
	}
	w := &ticks{}
	c := newCollector(t, dsn, w)
	w.round(t, c)
	w.round(t, c) // the first one starts the parser, which takes seconds
	c.window.deltas = nil
	type job struct {
		pair  int
		sleep float64
	}
	jobs := make(chan job)
	var mu sync.Mutex
	sent, took, inside := map[int]int{}, map[int]time.Duration{}, map[int]float64{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				begun := time.Now()
				var ms float64
				err := db.QueryRow(text(j.pair), j.sleep).Scan(&ms)
				mu.Lock()
				sent[j.pair]++
				inside[j.pair] += ms
				took[j.pair] += time.Since(begun)
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	begun := time.Now()
	for n := range 6 + pairs {
		for i := 1; i <= pairs; i++ {
			if n < 6+i {
				jobs <- job{i, 0.8 + 0.02*float64(i)} // long beside what a busy machine adds
			}
		}
	}
	close(jobs)
	wg.Wait()
	tick := w.round(t, c)
	window := *tick.State.Totals.WindowS
	if wall := time.Since(begun).Seconds(); math.Abs(window-wall) > 0.05*wall+0.1 {
		t.Errorf("the window is %.2f s, the driver's clock says %.2f", window, wall)
	}
	apart := 0.0
	for i := 1; i <= pairs; i++ {
		pair := func(relType string) float64 {
			v, _ := find(t, tick, fmt.Sprintf("t%d:Table-[%s]->t%d:Table", i, relType, i-1)).Properties.Number("value")
			return v
		}
		if got := pair(engine.RelQueriesPerSec) * window; math.Abs(got-float64(sent[i])) > 0.05*float64(sent[i]) {
			t.Errorf("pair %d: %.1f statements, sent were %d", i, got, sent[i])
		}
		want, driver := inside[i]/float64(sent[i]), float64(took[i].Microseconds())/1000/float64(sent[i])
		got := pair(engine.RelAvgLatencyMS)
		if math.Abs(got-want) > 0.05*want || math.Abs(got-driver) > 0.05*driver {
			t.Errorf("pair %d: %.2f ms, the statements measured %.2f, the driver %.2f", i, got, want, driver)
		}
		apart = max(apart, driver/got-1)
	}
	t.Logf("the driver's clock is up to %.1f %% above", 100*apart)
	for _, r := range tick.Graph.Relationships {
		if strings.Contains(r.Key, "idle") {
			t.Errorf("an idle pair has %s", r.Key)
		}
	}
}

// roleStatements gives the statements of role.sql.
func roleStatements(t *testing.T) (statements []string) {
	t.Helper()
	raw, err := os.ReadFile("role.sql")
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(raw), ";\n") {
		if strings.TrimSpace(part) != "" {
			statements = append(statements, part)
		}
	}
	return statements
}

// TestRole collects with exactly the documented role, and then with less and less.
func TestRole(t *testing.T) {
	dsn := enginetest.Postgres(t, "pg_stat_statements.track=all", "log_min_duration_statement=9s")
	db := open(t, dsn, shopSchema...)
	exec(t, db, roleStatements(t)...)
	exec(t, db, `CREATE ROLE app LOGIN`, `GRANT ALL ON ALL TABLES IN SCHEMA public TO app`)
	app := open(t, strings.Replace(dsn, "super@", "app@", 1))
	w := &ticks{}
	c := newCollector(t, strings.Replace(dsn, "super@", "graphsnap@", 1), w)
	w.round(t, c)
	joins(t, app, 30)
	tx, err := app.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`UPDATE users SET category_id = 3 WHERE id = 7`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { _, err := app.Exec(`UPDATE users SET category_id = 4 WHERE id = 7`); done <- err }()
	time.Sleep(200 * time.Millisecond)
	tick := w.round(t, c)
	if tick.State.Status != "ok" {
		t.Errorf("with the documented role the state is %+v", tick.State)
	}
	if n, quality := calls(tick); math.Abs(n-30) > 0.5 || quality != "exact" {
		t.Errorf("%v calls, %s", n, quality)
	}
	if _, text := shape(t, tick, "JOIN products"); text == "" {
		t.Error("there is no plan")
	}
	find(t, tick, "users:Table-[LOCK_WAIT_MS]->users:Table")
	if p := node(t, tick, "log_min_duration_statement:Setting"); p["value"] != "9000" {
		t.Errorf("a setting is %v", p)
	}
	_ = tx.Rollback()
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	exec(t, db, `REVOKE pg_read_all_data FROM graphsnap`)
	c.planned = ""
	joins(t, app, 3)
	w.round(t, c)
	tick = w.round(t, c)
	if tick.State.Status != "partial" || !strings.Contains(tick.State.Message, "GRANT pg_read_all_data TO graphsnap;") {
		t.Errorf("without the right to plan the state is %+v", tick.State)
	}
	if n, _ := calls(tick); n < 33 {
		t.Errorf("without plans there are %v calls", n)
	}
	exec(t, db, `REVOKE pg_monitor FROM graphsnap`)
	joins(t, app, 3)
	tick = w.round(t, c)
	if tick.State.Status != "partial" || !strings.Contains(tick.State.Message, "GRANT pg_monitor TO graphsnap;") || node(t, tick, "postgres:Database")["partial"] != true {
		t.Errorf("without pg_monitor the state is %+v", tick.State)
	}
	if tables(tick) != 3 {
		t.Errorf("without rights %d tables are left", tables(tick))
	}
}

// textsLoser gives what makes the server lose the texts of all statements: it removes the file that they stand in.
func textsLoser(t *testing.T, db *sql.DB) (lose func()) {
	t.Helper()
	var data string
	if err := db.QueryRow(`SELECT current_setting('data_directory')`).Scan(&data); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(filepath.Join(data, "pg_stat_tmp", "pgss_query_texts.stat")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTextsAreLost takes the texts of all statements away. The next new statement begins the file anew behind a hole, and
// the server refuses to read it until somebody resets: what is known already goes on, and the cause is told.
func TestTextsAreLost(t *testing.T) {
	dsn := enginetest.Postgres(t)
	db := open(t, dsn, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	joins(t, db, 1)
	w := &ticks{}
	c := newCollector(t, dsn, w)
	w.round(t, c)
	w.round(t, c) // the first one starts the parser, which takes seconds
	textsLoser(t, db)()
	exec(t, db, `SELECT max(id) FROM products`)
	joins(t, db, 9)
	tick := w.round(t, c)
	if tick.State.Status != "partial" || !strings.Contains(tick.State.Message, "SELECT pg_stat_statements_reset();") {
		t.Errorf("the state is %+v", tick.State)
	}
	if n, quality := calls(tick); math.Abs(n-9) > 0.5 || quality != "exact" {
		t.Errorf("of 9 joins %v were seen, %s", n, quality)
	}
	exec(t, db, `SELECT pg_stat_statements_reset()`)
	joins(t, db, 4)
	tick = w.round(t, c)
	if n, _ := calls(tick); tick.State.Status != "ok" || math.Abs(n-13) > 0.5 {
		t.Errorf("after the reset %v joins were seen, the state is %+v", n, tick.State)
	}
}

// TestDownAndBack ends the server under a running collector: the live graph says so, without any rate, and afterwards
// from when to when nothing was known.
func TestDownAndBack(t *testing.T) {
	server := enginetest.NewPostgresServer(t)
	db := open(t, server.DSN, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	w := &ticks{}
	c := New(Options{
		Source: Source{Name: "test", DSN: server.DSN, Interval: 100 * time.Millisecond}, Window: 300 * time.Millisecond,
		Thresholds: DefaultThresholds(), Writer: w, Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler),
	})
	ctx := context.Background()
	if err := c.Open(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	await := func(what string, is func(*engine.Tick) bool) *engine.Tick {
		t.Helper()
		for range 300 {
			w.mu.Lock()
			n := len(w.list)
			var last *engine.Tick
			if n > 0 {
				last = w.list[n-1]
			}
			w.mu.Unlock()
			if last != nil && is(last) {
				return last
			}
			if server.PID() > 0 && what == "up" {
				_, _ = db.Exec(joinSQL, 1)
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("never %s: %+v", what, c.State())
		return nil
	}
	await("up", func(t *engine.Tick) bool { n, _ := calls(t); return n > 0 })
	server.Stop(syscall.SIGQUIT)
	down := await("down", func(t *engine.Tick) bool { return t.State.Status == "down" })
	if tables(down) != 3 || down.State.Totals.TotalQPS != nil || !strings.Contains(down.State.Message, "does not answer") && !strings.Contains(down.State.Message, "refuses") {
		t.Errorf("while down the state is %+v with %d tables", down.State, tables(down))
	}
	for _, r := range down.Graph.Relationships {
		if engine.MetricUnits[r.Type] != "" {
			t.Errorf("while down there is %s", r.Key)
		}
	}
	w.mu.Lock()
	n := len(w.list)
	w.mu.Unlock()
	time.Sleep(time.Second)
	w.mu.Lock()
	if len(w.list) != n {
		t.Errorf("%d ticks tell of one failure", len(w.list)-n+1)
	}
	w.mu.Unlock()
	server.Start(t)
	up := await("up", func(t *engine.Tick) bool { n, _ := calls(t); return t.State.Status == "ok" && n > 0 })
	p := node(t, up, "postgres:Database")
	from, _ := p["gap_from"].(time.Time)
	to, _ := p["gap_to"].(time.Time)
	if gap := to.Sub(from); gap < time.Second || gap > time.Minute {
		t.Errorf("the gap is from %v to %v", from, to)
	}
}

// TestManySources collects two databases of one server at once, and each counts its own.
func TestManySources(t *testing.T) {
	dsn := enginetest.Postgres(t)
	admin := open(t, dsn, `CREATE DATABASE one`, `CREATE DATABASE two`)
	_ = admin
	var wg sync.WaitGroup
	for name, n := range map[string]int{"one": 11, "two": 23} {
		own := strings.Replace(dsn, "/postgres?", "/"+name+"?", 1)
		db := open(t, own, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
		wg.Go(func() {
			w := &ticks{}
			c := newCollector(t, own, w)
			if _, err := c.round(context.Background()); err != nil {
				t.Error(err)
				return
			}
			for i := range n {
				if _, err := db.Exec(joinSQL, 1+i); err != nil {
					t.Error(err)
				}
			}
			if _, err := c.round(context.Background()); err != nil {
				t.Error(err)
				return
			}
			if got, _ := calls(w.list[1]); math.Abs(got-float64(n)) > 0.5 {
				t.Errorf("%s: %v calls, want %d", name, got, n)
			}
		})
	}
	wg.Wait()
}
