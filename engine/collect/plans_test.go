package collect

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

func TestWrites(t *testing.T) {
	for text, want := range map[string]bool{
		`SELECT * FROM users WHERE id = $1`:                                                     false,
		`WITH a AS (SELECT id FROM users) SELECT * FROM a`:                                      false,
		`SELECT * FROM users WHERE id = $1 FOR UPDATE`:                                          true,
		`INSERT INTO users VALUES ($1, $2)`:                                                     true,
		`UPDATE users SET category_id = $1`:                                                     true,
		`DELETE FROM users USING products p WHERE p.id = users.id`:                              true,
		`MERGE INTO users u USING products p ON p.id = u.id WHEN MATCHED THEN DELETE`:           true,
		`WITH gone AS (DELETE FROM users WHERE id = $1 RETURNING id) SELECT count(*) FROM gone`: true,
	} {
		tree, err := parseTree(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := writesAny(tree); got != want {
			t.Errorf("%s: writes is %v", text, got)
		}
	}
}

// TestWritesAreNotPlanned collects with exactly the documented role while most of the load are writes, whose plans that
// role may not see: they are told apart, nothing is missing, and the server's log has no refusal.
func TestWritesAreNotPlanned(t *testing.T) {
	server := enginetest.NewPostgresServer(t)
	db := open(t, server.DSN, shopSchema...)
	exec(t, db, roleStatements(t)...)
	exec(t, db, `CREATE ROLE app LOGIN`, `GRANT ALL ON ALL TABLES IN SCHEMA public TO app`, `GRANT TEMPORARY ON DATABASE postgres TO app`)
	app := open(t, strings.Replace(server.DSN, "super@", "app@", 1))
	app.SetMaxOpenConns(1)
	exec(t, app, `CREATE TEMPORARY TABLE own (id int)`)
	w := &ticks{}
	c := newCollector(t, strings.Replace(server.DSN, "super@", "graphsnap@", 1), w)
	var log bytes.Buffer
	c.o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	w.round(t, c)
	var tick *engine.Tick
	for range 3 {
		joins(t, app, 5)
		exec(t, app,
			`INSERT INTO products VALUES (70000, 7)`, `UPDATE products SET category_id = 8 WHERE id = 70000`,
			`SELECT id FROM products WHERE id = 70000 FOR UPDATE`, `WITH gone AS (DELETE FROM products WHERE id = 70000 RETURNING id) SELECT count(*) FROM gone`,
			`SELECT count(*) FROM own JOIN users USING (id)`)
		c.planned = ""
		tick = w.round(t, c)
		if tick.State.Status != "ok" {
			t.Fatalf("the state is %+v", tick.State)
		}
	}
	if n := node(t, tick, "postgres:Database")["statements_not_planned"]; n != 4 {
		t.Errorf("%v statements are told to be not planned, want 4", n)
	}
	for _, n := range tick.Graph.Nodes {
		text, _ := n.Properties["text"].(string)
		if n.Type() != labelStatement || strings.Contains(text, "own") || !strings.Contains(text, "users") && !strings.Contains(text, "products") {
			continue
		}
		planned, told := has(tick, engine.NodeKey(engine.KeyName(n.Key), labelPlan)), n.Properties["not_planned"] == notPlanned
		if reads := strings.Contains(text, "JOIN products"); planned != reads || told == reads {
			t.Errorf("%s: a plan %v, told that there is none %v", text, planned, told)
		}
	}
	if n := strings.Count(log.String(), "by design"); n != 1 {
		t.Errorf("what is not planned is named %d times:\n%s", n, log.String())
	}
	if strings.Contains(server.Log(), "permission denied") {
		t.Error("the server had to refuse something")
	}

	// Who may write sees the plans of writes too.
	exec(t, db, `GRANT INSERT, UPDATE, DELETE ON users, products, categories TO graphsnap`)
	exec(t, app, `INSERT INTO products VALUES (70000, 7)`)
	c.planned = ""
	tick = w.round(t, c)
	if _, plan := shape(t, tick, "INSERT INTO products"); !strings.Contains(plan, "ModifyTable on products") {
		t.Errorf("the plan of a write is %q", plan)
	}
	if _, told := node(t, tick, "postgres:Database")["statements_not_planned"]; told {
		t.Error("statements are still told to be not planned")
	}
}

// TestPlansOfOddTexts plans what the server's normaliser makes no SQL of, and asks for what cannot be planned once only.
func TestPlansOfOddTexts(t *testing.T) {
	server := enginetest.NewPostgresServer(t)
	db := open(t, server.DSN, append([]string{`CREATE EXTENSION pg_stat_statements`}, shopSchema...)...)
	db.SetMaxOpenConns(1)
	exec(t, db, `CREATE TEMPORARY TABLE own (id int)`)
	w := &ticks{}
	c := newCollector(t, server.DSN, w)
	w.round(t, c)
	for range 3 {
		exec(t, db,
			`SELECT id FROM users WHERE category_id = extract(day FROM now())`, `SELECT id FROM products WHERE now() - interval '3 day' < now() AND id = 1`,
			`SELECT count(*) FROM own JOIN users USING (id)`)
		w.round(t, c)
		c.rounds = 2*plansRounds - 1
	}
	tick := w.list[len(w.list)-1]
	for _, words := range []string{"extract(", "interval"} {
		if _, plan := shape(t, tick, words); plan == "" {
			t.Errorf("%s has no plan", words)
		}
	}
	if n := strings.Count(server.Log(), `ERROR:  relation "own" does not exist`); n != 1 {
		t.Errorf("the server refused the same statement %d times", n)
	}
	if strings.Contains(server.Log(), `prepared statement "graphsnap_plan" does not exist`) {
		t.Error("what was not prepared was dropped")
	}
}
