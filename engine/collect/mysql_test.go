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
	if first := w.round(t, c); first.State.Status != "ok" || len(first.Graph.Nodes) != meshTables || first.State.Totals.TotalQPS != nil {
		t.Fatalf("the first tick is %+v with %d tables", first.State, len(first.Graph.Nodes))
	}
	calls, spent := make([]int, meshEdges), make([]time.Duration, meshEdges)
	total, mu, workers := 0, sync.Mutex{}, sync.WaitGroup{}
	conns := make([]*sql.Conn, 20) // opened before the clock starts
	for i := range conns {
		var err error
		if conns[i], err = db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
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
				if err := conn.QueryRowContext(t.Context(), statements[i], 300).Scan(&slept, &n); err != nil || n == 0 {
					t.Errorf("%d rows, %v", n, err)
					return
				}
				mu.Lock()
				spent[i] += time.Since(start)
				calls[i]++
				total++
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	elapsed := time.Since(begin).Seconds()
	tick := w.round(t, c)
	worstRate, worstLatency := 0.0, 0.0
	for i, pair := range ends {
		rate := find(t, tick, pair[0]+"-[QUERIES_PER_SEC]->"+pair[1])
		latency := find(t, tick, pair[0]+"-[AVG_LATENCY_MS]->"+pair[1])
		r, _ := rate.Properties.Number("value")
		l, _ := latency.Properties.Number("value")
		wantRate := float64(calls[i]) / elapsed
		wantLatency := spent[i].Seconds() * 1000 / float64(calls[i])
		worstRate, worstLatency = math.Max(worstRate, math.Abs(r/wantRate-1)), math.Max(worstLatency, math.Abs(l/wantLatency-1))
		if math.Abs(r/wantRate-1) > 0.05 || math.Abs(l/wantLatency-1) > 0.05 {
			t.Errorf("%v: %.2f/s and %.3f ms; the driver counted %.2f/s and %.3f ms", pair, r, l, wantRate, wantLatency)
		}
		if rate.Properties["quality"] != "exact" {
			t.Errorf("%v: quality is %v", pair, rate.Properties["quality"])
		}
	}
	t.Logf("%d statements over %d pairs: rates within %.2f %%, latencies within %.2f %%", total, meshEdges, 100*worstRate, 100*worstLatency)
	active := map[string]bool{}
	for _, pair := range ends {
		active[pair[0]+pair[1]] = true
	}
	for _, r := range tick.Graph.Relationships {
		if !active[r.From+r.To] {
			t.Errorf("%s is not idle", r.Key)
		}
	}
	totals := tick.State.Totals
	if math.Abs(*totals.TotalQPS/(float64(total)/elapsed)-1) > 0.05 || *totals.ParseCoverage < 0.999 || tick.State.DatabaseType != "mariadb" {
		t.Errorf("QPS %.1f of %.1f, coverage %v, type %s", *totals.TotalQPS, float64(total)/elapsed, *totals.ParseCoverage, tick.State.DatabaseType)
	}
	conserved(t, tick)
}

// conserved checks that what elements carry and what nobody carries is the whole.
func conserved(t *testing.T, tick *engine.Tick) {
	t.Helper()
	sum := *tick.State.Totals.UnattributedMSPerS
	for _, n := range tick.Graph.Nodes {
		v, _ := n.Properties.Number("time_ms_per_s")
		sum += v
	}
	for _, r := range tick.Graph.Relationships {
		if r.Type == engine.RelTimeMSPerS {
			v, _ := r.Properties.Number("value")
			sum += v
		}
	}
	if whole := *tick.State.Totals.TimeMSPerS; math.Abs(sum-whole) > 0.01*whole {
		t.Errorf("the parts add up to %v ms/s of %v", sum, whole)
	}
}

var _ = context.Background
