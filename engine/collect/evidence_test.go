package collect

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

func node(t *testing.T, tick *engine.Tick, key string) engine.Properties {
	t.Helper()
	for _, n := range tick.Graph.Nodes {
		if n.Key == key {
			return n.Properties
		}
	}
	t.Fatalf("%s is not in the tick", key)
	return nil
}

func has(tick *engine.Tick, key string) bool {
	for _, n := range tick.Graph.Nodes {
		if n.Key == key {
			return true
		}
	}
	for _, r := range tick.Graph.Relationships {
		if r.Key == key {
			return true
		}
	}
	return false
}

// shape gives the plan of the only statement whose text has these words.
func shape(t *testing.T, tick *engine.Tick, words string) (digest, shape string) {
	t.Helper()
	for _, n := range tick.Graph.Nodes {
		if text, _ := n.Properties["text"].(string); n.Type() == labelStatement && strings.Contains(text, words) {
			digest, _ = n.Properties["name"].(string)
			shape, _ = node(t, tick, engine.NodeKey(digest, labelPlan))["shape"].(string)
			return digest, shape
		}
	}
	t.Fatalf("no statement with %q", words)
	return "", ""
}

func TestEvidence(t *testing.T) {
	dsn := enginetest.Postgres(t, "pg_stat_statements.track=all", "work_mem=3MB", "log_min_duration_statement=9s")
	db := open(t, dsn, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	exec(t, db, `INSERT INTO users SELECT i, 1 + i % 50 FROM generate_series(2001, 60000) i`, `VACUUM ANALYZE users`)
	w := &ticks{}
	c := newCollector(t, dsn, w)
	c.o.Window, c.window.length = time.Millisecond, time.Millisecond
	w.round(t, c)
	work := func() *engine.Tick {
		t.Helper()
		joins(t, db, 20)
		exec(t, db, `SELECT 'a secret word' WHERE 1 = 2`, `INSERT INTO products VALUES (70000, 7)`, `DELETE FROM products WHERE id = 70000`)
		return w.round(t, c)
	}
	before := work()
	if p := node(t, before, "users_category_id_idx:Index"); p["valid"] != true || p["method"] != "btree" || !strings.Contains(p["definition"].(string), "(category_id)") || p["size_bytes"].(int64) <= 0 {
		t.Errorf("the index is %v", p)
	}
	if p := node(t, before, "work_mem:Setting"); p["value"] != "3072" || p["unit"] != "kB" || p["origin"] != "command line" {
		t.Errorf("work_mem is %v", p)
	}
	if has(before, "application_name:Setting") || has(before, "statement_timeout:Setting") {
		t.Error("the collector's own settings count as the database's")
	}
	if p := node(t, before, "postgres:Database"); p["deadlocks"] != int64(0) || p["max_connections"] != int64(100) || p["size_bytes"].(int64) <= 0 {
		t.Errorf("the database is %v", p)
	}
	if !has(before, "postgres:Database-[HAS_EXTENSION]->pg_stat_statements:Extension") || !has(before, "users:Table-[HAS_INDEX]->users_category_id_idx:Index") {
		t.Error("an extension or an index is not linked")
	}
	check := find(t, before, "products:Table-[FK_CHECK:products_category_id_fkey write]->categories:Table")
	if v, _ := check.Properties.Number("value"); v <= 0 || check.Properties["shared_by"] != "inserts" {
		t.Errorf("foreign-key checks are %v", check.Properties)
	}
	digest, with := shape(t, before, "JOIN products")
	if !strings.Contains(with, "users_category_id_idx") {
		t.Errorf("the plan is %s", with)
	}
	if !has(before, digest+":Statement-[USES]->users:Table") {
		t.Error("the statement is not linked with its tables")
	}
	raw, err := json.Marshal(before)
	if err != nil || strings.Contains(string(raw), "secret") || strings.Contains(string(raw), "70000") {
		t.Errorf("a value stands in the graph (%v)", err)
	}

	exec(t, db, `DROP INDEX users_category_id_idx`, `ALTER DATABASE postgres SET random_page_cost = 9`)
	w.round(t, c)
	after := work()
	if has(after, "users_category_id_idx:Index") {
		t.Error("the dropped index is still there")
	}
	if p := node(t, after, "random_page_cost (database):Setting"); p["value"] != "9" {
		t.Errorf("the setting of the database is %v", p)
	}
	if same, without := shape(t, after, "JOIN products"); same != digest || !strings.Contains(without, "Seq Scan on users") {
		t.Errorf("the plan of %s (%s) is %s", same, digest, without)
	}

	// A blocker and two that wait, one of them for the other's table.
	blocker, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(`UPDATE users SET category_id = 1 WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { _, err := db.Exec(`UPDATE users SET category_id = 2 WHERE id = 1`); done <- err }()
	for waiting := false; !waiting; { // by the database's clock, because this machine may be busy
		time.Sleep(50 * time.Millisecond)
		if err := db.QueryRow(`SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query_start < now() - interval '400 ms'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	blocked := w.round(t, c)
	wait := find(t, blocked, "users:Table-[LOCK_WAIT_MS]->users:Table")
	if v, _ := wait.Properties.Number("value"); v < 200 || v > 60000 || wait.Properties["severity"] == "low" {
		t.Errorf("the wait is %v", wait.Properties)
	}
	found := 0
	for _, r := range blocked.Graph.Relationships {
		if r.Type == relLockWait || r.Type == relWaitsFor && r.To == "users:Table" {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d relationships tell of the blocked session, want 2", found)
	}
	if err := blocker.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestEvidenceIsStill looks at two ticks of an evenly loaded database: but for measurements, nothing may differ.
func TestEvidenceIsStill(t *testing.T) {
	dsn := enginetest.Postgres(t)
	db := open(t, dsn, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	w := &ticks{}
	c := newCollector(t, dsn, w)
	w.round(t, c)
	var last *engine.Tick
	moved := map[string]bool{}
	for i := range 6 {
		joins(t, db, 100)
		tick := w.round(t, c)
		if i > 2 {
			for _, n := range tick.Graph.Nodes {
				if n.Type() == "Table" || n.Type() == labelDatabase || n.Type() == labelStatement {
					continue
				}
				for name, v := range n.Properties {
					if old, ok := node(t, last, n.Key)[name]; !ok || !equal(old, v) {
						moved[n.Key+"."+name] = true
					}
				}
			}
		}
		last = tick
	}
	if len(moved) > 3 {
		t.Errorf("%d properties of evidence move under an even load: %v", len(moved), moved)
	}
}

func equal(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestLevels(t *testing.T) {
	l := newLevels()
	for _, step := range []struct{ value, want float64 }{{100, 100}, {120, 100}, {131, 100}, {145, 145}, {110, 145}, {100, 100}, {0, 0}, {0.001, 0.001}, {123456, 123456}, {1234.56, 1230}} {
		if got := l.of("x", step.value, 0.3); got != step.want {
			t.Errorf("%v shows as %v, want %v", step.value, got, step.want)
		}
	}
	l.keep()
	l.keep()
	if len(l.shown) != 0 {
		t.Error("a gauge that is gone is remembered")
	}
}

func TestReadCheck(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT $2 FROM ONLY "public"."users" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x`:                                "users id",
		`SELECT 1 FROM ONLY "sales"."lines" x WHERE $1 OPERATOR(pg_catalog.=) "a" AND $2 OPERATOR(pg_catalog.=) "b" FOR KEY SHARE OF x`: "lines a b",
		`DELETE FROM ONLY "public"."items" WHERE $1 OPERATOR(pg_catalog.=) "order_id"`:                                                  "items order_id",
		`UPDATE ONLY "public"."items" SET "order_id" = NULL WHERE $1 OPERATOR(pg_catalog.=) "order_id"`:                                 "items order_id",
		`SELECT id FROM "public"."users" WHERE "id" = $1`:                                                                               "",
	} {
		c, ok := readCheck(text)
		if got := strings.Join(append([]string{c.table}, c.columns...), " "); ok != (want != "") || ok && got != want {
			t.Errorf("%s gives %q", text, got)
		}
	}
}
