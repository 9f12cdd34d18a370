package collect

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// meshTables is the number of tables of the rates test; each is joined with two others, the last ones are idle.
const meshTables, meshEdges, meshIdle = 14, 22, 3

// meshSQL gives the statement of each edge: a join that takes a known time, longer than what the network and a busy
// machine add to the driver's clock.
func meshSQL() (statements []string, ends [][2]string) {
	for i := range meshEdges {
		a := i % (meshTables - meshIdle)
		b := (a + 1 + i/(meshTables-meshIdle)) % (meshTables - meshIdle)
		statements = append(statements, fmt.Sprintf("SELECT sleep(%.3f), count(*) FROM t%02d a JOIN t%02d b ON b.k = a.k WHERE a.id <= ?", 0.250+0.005*float64(i), a, b))
		ends = append(ends, [2]string{fmt.Sprintf("t%02d:Table", a), fmt.Sprintf("t%02d:Table", b)})
	}
	return statements, ends
}

// TestMariaDBKnownRates runs a known load over 22 pairs and compares each pair's rate and latency with the driver's own
// count and clock.
func TestMariaDBKnownRates(t *testing.T) {
	server := enginetest.MariaDB(t, OpenDB, "query-cache-type=0")
	root := open(t, server.DSN("root", ""), "CREATE DATABASE mesh", "CREATE USER reader")
	exec(t, root, strings.Split(strings.TrimSuffix(mysqlGrants("reader"), ";"), ";")...)
	db := open(t, server.DSN("root", "mesh"))
	for i := range meshTables {
		exec(t, db, fmt.Sprintf("CREATE TABLE t%02d (id int PRIMARY KEY, k int, KEY (k))", i),
			fmt.Sprintf("INSERT INTO t%02d SELECT seq, seq %% 40 FROM seq_1_to_800", i))
	}
	statements, ends := meshSQL()
	w := &ticks{}
	c := newCollector(t, server.DSN("reader", "mesh"), w)
	exec(t, db, strings.Replace(statements[0], "?", "3", 1)) // a lifetime that must not count
	if first := w.round(t, c); first.State.Status != "ok" || len(labelled(first, "Table")) != meshTables || first.State.Totals.TotalQPS != nil {
		t.Fatalf("the first tick is %+v with %d tables", first.State, len(labelled(first, "Table")))
	}
	conns := make([]*sql.Conn, 12) // opened before the clock starts
	for i := range conns {
		var err error
		if conns[i], err = db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// A machine that is busy with something else holds up the driver's clock, not the server's: then once more.
	var wrong []string
	for range 3 {
		c.window.deltas = nil
		load := runMesh(t, conns, statements)
		tick := w.round(t, c)
		checkMesh(t, tick, ends, load)
		if wrong = load.differences(t, tick, ends); len(wrong) == 0 {
			return
		}
		t.Logf("not within 5 %%: %v", wrong)
	}
	t.Errorf("three times not within 5 %%, at last: %v", wrong)
}

// meshLoad is what the driver counted of each pair.
type meshLoad struct {
	calls   [meshEdges]int
	spent   [meshEdges]time.Duration
	total   int
	elapsed float64 // s
}

// runMesh sends statements for some seconds.
func runMesh(t *testing.T, conns []*sql.Conn, statements []string) *meshLoad {
	t.Helper()
	load, mu, workers := &meshLoad{}, sync.Mutex{}, sync.WaitGroup{}
	begin := time.Now()
	for worker, conn := range conns {
		random := rand.New(rand.NewPCG(uint64(worker), 2))
		workers.Go(func() {
			for time.Since(begin) < 12*time.Second {
				// Pairs are asked for in proportion to 5, 6, 7 ..., so that no two rates are alike.
				i := 0
				for pick := random.IntN(meshEdges * (meshEdges + 9) / 2); pick >= i+5; i++ {
					pick -= i + 5
				}
				start := time.Now()
				var slept, n int
				if err := conn.QueryRowContext(t.Context(), statements[i], 10).Scan(&slept, &n); err != nil || n == 0 {
					t.Errorf("%d rows, %v", n, err)
					return
				}
				mu.Lock()
				load.spent[i] += time.Since(start)
				load.calls[i]++
				load.total++
				mu.Unlock()
			}
			_ = conn.PingContext(t.Context()) // the server counts a statement after it has answered
		})
	}
	workers.Wait()
	load.elapsed = time.Since(begin).Seconds()
	return load
}

// differences gives the pairs whose rate or latency is not within 5 % of the driver's.
func (l *meshLoad) differences(t *testing.T, tick *engine.Tick, ends [][2]string) (wrong []string) {
	t.Helper()
	worstRate, worstLatency := 0.0, 0.0
	for i, pair := range ends {
		rate, _ := find(t, tick, pair[0]+"-[QUERIES_PER_SEC]->"+pair[1]).Properties.Number("value")
		latency, _ := find(t, tick, pair[0]+"-[AVG_LATENCY_MS]->"+pair[1]).Properties.Number("value")
		wantRate, wantLatency := float64(l.calls[i])/l.elapsed, l.spent[i].Seconds()*1000/float64(l.calls[i])
		offRate, offLatency := math.Abs(rate/wantRate-1), math.Abs(latency/wantLatency-1)
		if offRate > 0.05 || offLatency > 0.05 {
			wrong = append(wrong, fmt.Sprintf("%v: %.2f/s and %.1f ms, the driver %.2f/s and %.1f ms", pair, rate, latency, wantRate, wantLatency))
		}
		worstRate, worstLatency = math.Max(worstRate, offRate), math.Max(worstLatency, offLatency)
	}
	t.Logf("%d statements over %d pairs: rates within %.2f %%, latencies within %.2f %%", l.total, meshEdges, 100*worstRate, 100*worstLatency)
	return wrong
}

// checkMesh checks what no clock can disturb: the counts, that idle pairs have no metric, and that time is conserved.
func checkMesh(t *testing.T, tick *engine.Tick, ends [][2]string, load *meshLoad) {
	t.Helper()
	active := map[string]bool{}
	totals := tick.State.Totals
	for i, pair := range ends {
		active[pair[0]+pair[1]] = true
		rate := find(t, tick, pair[0]+"-[QUERIES_PER_SEC]->"+pair[1])
		v, _ := rate.Properties.Number("value")
		if math.Abs(v**totals.WindowS-float64(load.calls[i])) > 0.5 || rate.Properties["quality"] != "exact" {
			t.Errorf("%v: %.1f calls, %v, want %d, exact", pair, v**totals.WindowS, rate.Properties["quality"], load.calls[i])
		}
	}
	for _, r := range tick.Graph.Relationships {
		if engine.MetricUnits[r.Type] != "" && !active[r.From+r.To] {
			t.Errorf("%s is not idle", r.Key)
		}
	}
	if math.Abs(*totals.TotalQPS**totals.WindowS-float64(load.total)) > 0.5 || *totals.ParseCoverage < 0.95 || tick.State.DatabaseType != "mariadb" {
		t.Errorf("%.1f statements of %d, coverage %v, type %s", *totals.TotalQPS**totals.WindowS, load.total, *totals.ParseCoverage, tick.State.DatabaseType)
	}
	if carried := carriedTime(tick); math.Abs(carried-*totals.TimeMSPerS) > 0.01**totals.TimeMSPerS {
		t.Errorf("the parts add up to %.3f ms/s of %.3f", carried, *totals.TimeMSPerS)
	}
}

func TestMariaDBRights(t *testing.T) {
	server, db := shopServer(t)
	exec(t, db, `CREATE USER weak`, `CREATE VIEW linked AS SELECT u.id FROM users u JOIN categories c ON c.id = u.category_id`)
	w := &ticks{}
	pieces := map[string]string{
		"statements are hidden": "GRANT SELECT ON performance_schema.*", "waits of tables are hidden": "GRANT SELECT ON performance_schema.*",
		"lock waits are hidden": "GRANT PROCESS", "no table is visible": "GRANT REFERENCES",
	}
	for _, step := range []struct {
		grant  string
		lacks  []string
		status string
	}{
		{"", []string{"statements are hidden", "waits of tables are hidden", "lock waits are hidden", "no table is visible"}, "partial"},
		{"GRANT SELECT ON performance_schema.* TO weak", []string{"lock waits are hidden", "the tables of shop are hidden"}, "partial"},
		{"GRANT REFERENCES, SHOW VIEW ON *.* TO weak", []string{"lock waits are hidden"}, "partial"},
		{"GRANT PROCESS ON *.* TO weak", nil, "ok"},
	} {
		if step.grant != "" {
			exec(t, db, step.grant)
		}
		c := newCollector(t, server.DSN("weak", "shop"), w)
		w.round(t, c)
		run(t, db, 10, mysqlJoin, 1)
		tick := w.round(t, c)
		state := tick.State
		if state.Status != step.status || state.Totals.TotalQPS == nil || *state.Totals.TotalQPS <= 0 {
			t.Errorf("after %q the state is %+v", step.grant, state)
		}
		for _, piece := range step.lacks {
			if strings.Count(state.Message, piece) != 1 || !strings.Contains(state.Message, pieces[piece]) {
				t.Errorf("after %q, %q is not named once: %s", step.grant, piece, state.Message)
			}
		}
		if n := strings.Count(state.Message, "hidden") + strings.Count(state.Message, "visible"); n != len(step.lacks) {
			t.Errorf("after %q %d things are named, want %v: %s", step.grant, n, step.lacks, state.Message)
		}
		if knows := state.Totals.TimeMSPerS != nil; knows != !strings.Contains(strings.Join(step.lacks, " "), "statements") {
			t.Errorf("after %q time is known: %t", step.grant, knows)
		}
		c.disconnect(context.Background())
	}
	// A statement over a view whose text may not be read is named, with the right that opens it.
	c := newCollector(t, server.DSN("weak", "shop"), w)
	w.round(t, c)
	run(t, db, 3, `SELECT count(*) FROM linked`)
	if m := w.round(t, c).State.Message; !strings.Contains(m, "the definitions of views are hidden: linked") || !strings.Contains(m, "GRANT SELECT, SHOW VIEW ON `shop`.`linked`") {
		t.Errorf("the message is %q", m)
	}
	if findings := Check(context.Background(), server.DSN("reader", "shop")); len(findings) != 2 || !findings[0].OK || !findings[1].OK {
		t.Errorf("with the documented role: %+v", findings)
	}
	var denied bool
	_, err := open(t, server.DSN("reader", "shop")).Exec(`SELECT * FROM users LIMIT 1`)
	if denied = lacksRight(err); !denied {
		t.Errorf("the documented role reads the rows of users: %v", err)
	}
}

func TestMariaDBWithoutPerformanceSchema(t *testing.T) {
	server, db := shopServer(t, "performance-schema=OFF")
	w := &ticks{}
	c := newCollector(t, server.DSN("reader", "shop"), w)
	w.round(t, c)
	run(t, db, 10, mysqlJoin, 1)
	tick := w.round(t, c)
	if tick.State.Status != "partial" || !strings.Contains(tick.State.Message, "[mysqld]\nperformance_schema = ON\n") || len(labelled(tick, "Table")) != 3 || tick.State.Totals.TimeMSPerS != nil {
		t.Errorf("state is %+v with %d tables", tick.State, len(labelled(tick, "Table")))
	}
	if n := *tick.State.Totals.TotalQPS * *tick.State.Totals.WindowS; math.Abs(n-10) > 0.5 {
		t.Errorf("%.1f statements, want 10 by the status counters", n)
	}
	findings := Check(context.Background(), server.DSN("reader", "shop"))
	if last := findings[len(findings)-1]; last.OK || last.Fix != performanceOff {
		t.Errorf("Check says %+v", findings)
	}
	for name, test := range map[string]struct {
		dsn  string
		kind engine.Kind
		says string
	}{
		"nobody listens":   {"mysql://root@127.0.0.1:1/shop", engine.KindUnavailable, "127.0.0.1:1 does not answer"},
		"no such database": {server.DSN("root", "none"), engine.KindNotFound, `no database "none"`},
		"no such user":     {server.DSN("stranger", "shop"), engine.KindDenied, `refuses user "stranger"`},
	} {
		c := newCollector(t, test.dsn, &ticks{})
		_, err := c.round(context.Background())
		if engine.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) || engine.HintOf(err) == "" {
			t.Errorf("%s: kind %s, hint %q: %v", name, engine.KindOf(err), engine.HintOf(err), err)
		}
	}
}

func TestMySQLDSN(t *testing.T) {
	for _, bad := range []string{"mysql://u:secret@h:port/d", "mysql://h/d", "mysql://u:secret@h/d?sslmode=x", "mysql://u:secret@h/d?tls=maybe"} {
		err := New(Options{Source: Source{Type: "mysql", DSN: bad}}).Open(context.Background())
		if engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	t.Setenv("MYSQL_PWD", "of the environment")
	for dsn, want := range map[string]string{
		"mysql://u:p%40ss@h/d":         "tcp h:3306 u p@ss d preferred",
		"mariadb://u@[::1]:3307/d":     "tcp [::1]:3307 u of the environment d preferred",
		"mysql://u@h?tls=true":         "tcp h:3306 u of the environment  true",
		"mysql://u@/d?socket=/run/s.k": "unix /run/s.k u of the environment d false",
	} {
		c, err := parseMySQL(dsn, "test")
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if got := fmt.Sprint(c.Net, " ", c.Addr, " ", c.User, " ", c.Passwd, " ", c.DBName, " ", c.TLSConfig); got != want {
			t.Errorf("%s is read as %s, want %s", dsn, got, want)
		}
	}
}
