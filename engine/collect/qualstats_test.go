package collect

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// TestObserved looks at what predicates add to what texts tell.
func TestObserved(t *testing.T) {
	c := &catalog{byOID: map[uint32]*relation{}}
	for oid, name := range map[uint32]string{1: "users", 2: "products", 3: "orders"} {
		c.byOID[oid] = &relation{oid: oid, schema: "public", name: name}
	}
	c.byOID[4] = c.byOID[3] // a partition of orders
	const users, products, orders = "users:Table", "products:Table", "orders:Table"
	join := func(a, b uint32) qual {
		return qual{query: 1, left: a, right: b, leftColumn: "id", rightColumn: "id", filter: true}
	}
	for name, test := range map[string]struct {
		before *usage
		quals  []qual
		want   *usage
	}{
		"a lost text": {
			nil, []qual{join(1, 2), join(4, 1), {query: 1, left: 2, leftColumn: "id"}},
			&usage{tables: []string{orders, products, users}, pairs: []joinedPair{{orders, users, 1, basisObserved}, {products, users, 1, basisObserved}}, unordered: true},
		},
		"a text without tables":     {&usage{}, []qual{{query: 1, left: 2, leftColumn: "id"}}, &usage{tables: []string{products}, unordered: true}},
		"tables that nothing joins": {nil, []qual{{query: 1, left: 1}, {query: 1, left: 2}}, &usage{tables: []string{products, users}, pairs: []joinedPair{{products, users, 1, basisCoAccess}}, unordered: true}},
		"a table with itself":       {nil, []qual{join(3, 4)}, &usage{tables: []string{orders}, unordered: true}},
		"tables that are not ours":  {nil, []qual{join(8, 9)}, nil},
		"more of a lost text": {
			&usage{tables: []string{orders, users}, pairs: []joinedPair{{orders, users, 1, basisObserved}}, unordered: true}, []qual{join(1, 2)},
			&usage{tables: []string{orders, products, users}, pairs: []joinedPair{{orders, users, 1, basisObserved}, {products, users, 1, basisObserved}}, unordered: true},
		},
		"a predicate that was unseen": {
			&usage{tables: []string{users, products}, pairs: []joinedPair{{users, products, 1, basisCoAccess}}}, []qual{join(2, 1)},
			&usage{tables: []string{users, products}, pairs: []joinedPair{{users, products, 1, basisObserved}}},
		},
		"a predicate that follows from others": {
			&usage{tables: []string{users, products, orders}, pairs: []joinedPair{{users, products, 1, basisJoin}, {products, orders, 1, basisJoin}}}, []qual{join(1, 3)},
			&usage{tables: []string{users, products, orders}, pairs: []joinedPair{{users, products, 1, basisJoin}, {products, orders, 1, basisJoin}}},
		},
		"maintenance": {&usage{maintenance: true}, []qual{join(1, 2)}, &usage{maintenance: true}},
	} {
		if got := observed(test.before, test.quals, c); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestFilterings(t *testing.T) {
	c := &catalog{byOID: map[uint32]*relation{1: {oid: 1, schema: "public", name: "users"}}}
	q := func(query int64, column string) qual {
		return qual{query: query, left: 1, leftColumn: column, filter: true}
	}
	inside := q(1, "id")
	inside.filter = false
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	before := qualLook{at: begin, quals: map[qual]qualWork{q(1, "name"): {10, 1000, 900}, q(2, "age"): {50, 500, 400}, q(3, "name"): {1, 1, 1}}}
	now := qualLook{at: begin.Add(10 * time.Second), quals: map[qual]qualWork{
		q(1, "name"): {30, 3000, 2700}, q(2, "age"): {5, 50, 40}, q(3, "name"): {1, 1, 1}, q(4, "name"): {2, 20, 18}, q(5, "still"): {9, 9, 0}, inside: {7, 7, 7},
	}}
	want := []filtering{
		{"users:Table", "name", qualWork{22, 2020, 1818}, 10, exact},
		{"users:Table", "age", qualWork{5, 50, 40}, 10, lowerBound}, // began anew
	}
	if got := filterings(before, now, c); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	now.sampled = true
	if got := filterings(before, now, c); got[0].quality != lowerBound {
		t.Errorf("of a sample: %+v", got[0])
	}
	if got := filterings(qualLook{}, now, c); got != nil {
		t.Errorf("one look gives %+v, which is a lifetime", got)
	}
}

// needQualstats skips a test where the extension is not installed.
func needQualstats(t *testing.T) {
	t.Helper()
	if found, _ := filepath.Glob("/usr/share/postgresql/*/extension/pg_qualstats.control"); len(found) == 0 {
		t.Skip("pg_qualstats is not installed: apt-get install -y postgresql-15-pg-qualstats, or that of the server's version")
	}
}

// TestQualstatsWithoutItsLibrary creates the extension only, which then knows of no session but its caller's: that is no
// less than not having it.
func TestQualstatsWithoutItsLibrary(t *testing.T) {
	needQualstats(t)
	dsn := enginetest.Postgres(t)
	open(t, dsn, append(roleStatements(t), `CREATE EXTENSION pg_qualstats`)...)
	w := &ticks{}
	c := newCollector(t, strings.Replace(dsn, "super@", "graphsnap@", 1), w)
	w.round(t, c)
	c.rounds = 2*qualsRounds - 1
	if tick := w.round(t, c); tick.State.Status != "ok" || !has(tick, "pg_qualstats:Extension") {
		t.Errorf("the state is %+v", tick.State)
	}
}

// TestQualstats collects under the documented role from a server with the real extension: joins inside a function and of
// statements whose texts the server lost, and what a missing index costs.
func TestQualstats(t *testing.T) {
	needQualstats(t)
	dsn := enginetest.Postgres(t, "shared_preload_libraries=pg_stat_statements,pg_qualstats", "pg_qualstats.sample_rate=1", "pg_stat_statements.save=off")
	db := open(t, dsn, append(shopSchema, `CREATE EXTENSION pg_qualstats`,
		`CREATE FUNCTION together(c int) RETURNS TABLE (u int, p int) LANGUAGE sql STABLE AS 'SELECT u.id, p.id FROM users u JOIN products p ON p.category_id = u.category_id WHERE u.id < c'`)...)
	exec(t, db, roleStatements(t)...)
	send := func(n int, text string, arguments ...any) {
		t.Helper()
		for range n {
			if _, err := db.Exec(text, arguments...); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := &ticks{}
	const joinByID = `SELECT count(*) FROM users u JOIN products p ON p.category_id = u.category_id WHERE u.id < $1`
	send(1, joinByID, 5)
	c := newCollector(t, strings.Replace(dsn, "super@", "graphsnap@", 1), w)
	look := func() *engine.Tick { t.Helper(); c.rounds = 2*qualsRounds - 1; return w.round(t, c) }
	w.round(t, c)
	// A text tells which table comes first; without any it is the alphabet.
	seen := func(tick *engine.Tick, key string) (basis any, n float64) {
		t.Helper()
		rate := find(t, tick, key)
		n, _ = rate.Properties.Number("value")
		return rate.Properties["basis"], n * *tick.State.Totals.WindowS
	}

	const inFunction, filters = 25, 10
	send(inFunction, `SELECT count(*) FROM together($1)`, 7)
	send(filters, `SELECT count(*) FROM products WHERE category_id = $1`, 3)
	tick := look()
	if tick.State.Status != "ok" {
		t.Errorf("with the documented role the state is %+v", tick.State)
	}
	if how, n := seen(tick, pairKey); how != basisObserved || math.Abs(n-inFunction) > 0.5 {
		t.Errorf("of %d joins inside a function %v were seen, as %v", inFunction, n, how)
	}
	total := carriedTime(tick)
	if whole := *tick.State.Totals.TimeMSPerS; math.Abs(total-whole) > 0.01*whole {
		t.Errorf("the parts add up to %v ms/s of %v", total, whole)
	}
	p := node(t, tick, "products.category_id:Predicate")
	tested, _ := p.Number("rows_tested_per_call")
	filtered, _ := p.Number("rows_filtered_per_call")
	if p["has_index"] != false || p["quality"] != "exact" || tested != 500 || filtered != 490 {
		t.Errorf("the predicate without an index is %v", p)
	}
	find(t, tick, "products:Table-[FILTERS_BY]->products.category_id:Predicate")
	exec(t, db, `CREATE INDEX products_category_id_idx ON products (category_id)`, `ANALYZE products`)
	look()
	send(filters, `/* indexed */ SELECT count(*) FROM products WHERE category_id = $1`, 3)
	if tick = look(); has(tick, "products.category_id:Predicate") {
		t.Errorf("with an index there is still %v", node(t, tick, "products.category_id:Predicate"))
	}

	var own int64
	if err := db.QueryRow(`SELECT queryid FROM pg_stat_statements WHERE query LIKE '%FROM public.pg_qualstats()%' AND toplevel`).Scan(&own); err != nil || !c.own[own] {
		t.Errorf("what looking at predicates costs is not counted as the collector's own (%v)", err)
	}

	texts := func() (n int) {
		if err := db.QueryRow(`SELECT count(query) FROM pg_stat_statements`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	loseTexts := textsLoser(t, db)
	if texts() == 0 {
		t.Fatal("the server has no texts to lose")
	}
	loseTexts()
	c.disconnect(context.Background())
	c.window.forget()
	w.round(t, c)
	const lost = 15
	send(lost, joinByID, 5)
	tick = look()
	if n := texts(); n != 0 {
		t.Fatalf("the server still has %d texts, so this proves nothing", n)
	}
	if how, n := seen(tick, "products:Table-[QUERIES_PER_SEC]->users:Table"); how != basisObserved || math.Abs(n-lost) > 0.5 {
		t.Errorf("of %d joins without a text %v were seen, as %v", lost, n, how)
	}

}
