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

var mysqlShop = []string{
	`CREATE DATABASE shop`, `USE shop`,
	`CREATE TABLE categories (id int PRIMARY KEY)`,
	`CREATE TABLE users (id int PRIMARY KEY, category_id int, KEY users_category_id_idx (category_id), CONSTRAINT users_category_fk FOREIGN KEY (category_id) REFERENCES categories (id) ON DELETE CASCADE)`,
	`CREATE TABLE products (id int PRIMARY KEY, category_id int, CONSTRAINT products_category_fk FOREIGN KEY (category_id) REFERENCES categories (id))`,
	`INSERT INTO categories SELECT seq FROM seq_1_to_50`,
	`INSERT INTO users SELECT seq, 1 + seq % 50 FROM seq_1_to_2000`,
	`INSERT INTO products SELECT seq, 1 + seq % 50 FROM seq_1_to_500`,
}

// shopServer starts a MariaDB with the shop and a user with exactly the documented rights.
func shopServer(t *testing.T, settings ...string) (*enginetest.MariaDBServer, *sql.DB) {
	t.Helper()
	server := enginetest.MariaDB(t, OpenDB, settings...)
	root := open(t, server.DSN("root", ""))
	root.SetMaxOpenConns(1)
	exec(t, root, append(mysqlShop, `CREATE USER reader`)...)
	grant(t, root, mysqlGrants("reader"))
	db := open(t, server.DSN("root", "shop"))
	return server, db
}

func grant(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	for s := range strings.SplitSeq(statements, ";") {
		if s = strings.TrimSpace(s); s != "" {
			exec(t, db, s)
		}
	}
}

const mysqlJoin = `SELECT count(*) FROM users u JOIN products p ON p.category_id = u.category_id WHERE u.category_id = ?`

// run sends a statement so many times. The server counts a statement after it has answered; that it answers again means
// that it has counted.
func run(t *testing.T, db *sql.DB, times int, statement string, args ...any) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range times {
		if _, err := conn.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// joinCalls gives the calls of the shop's join within the window, and their quality.
func joinCalls(t *testing.T, tick *engine.Tick) (calls float64, q any) {
	t.Helper()
	rate := find(t, tick, "users:Table-[QUERIES_PER_SEC]->products:Table")
	v, _ := rate.Properties.Number("value")
	return v * *tick.State.Totals.WindowS, rate.Properties["quality"]
}

func wantJoins(t *testing.T, tick *engine.Tick, calls float64, q string) {
	t.Helper()
	got, quality := joinCalls(t, tick)
	if math.Abs(got-calls) > 0.5 || quality != q {
		t.Errorf("%.1f joins, %v, want %v, %s (%s)", got, quality, calls, q, tick.State.Message)
	}
	notNegative(t, tick)
}

// notNegative looks at every number of a tick.
func notNegative(t *testing.T, tick *engine.Tick) {
	t.Helper()
	check := func(key string, p engine.Properties) {
		for name := range p {
			if v, ok := p.Number(name); ok && (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Errorf("%s of %s is %v", name, key, v)
			}
		}
	}
	for _, n := range tick.Graph.Nodes {
		check(n.Key, n.Properties)
	}
	for _, r := range tick.Graph.Relationships {
		check(r.Key, r.Properties)
	}
	if q := tick.State.Totals.TotalQPS; q != nil && *q < 0 {
		t.Errorf("QPS is %v", *q)
	}
}

func TestMariaDBResets(t *testing.T) {
	server, db := shopServer(t, "general-log=1", "log-output=TABLE")
	w := &ticks{}
	c := newCollector(t, server.DSN("reader", "shop"), w)
	run(t, db, 500, mysqlJoin, 1) // a lifetime that must never count
	w.round(t, c)
	run(t, db, 40, mysqlJoin, 1)
	run(t, db, 1, `SELECT * FROM categories WHERE id = 5`)
	tick := w.round(t, c)
	wantJoins(t, tick, 40, "exact")
	if q := *tick.State.Totals.TotalQPS * *tick.State.Totals.WindowS; math.Abs(q-41) > 0.5 {
		t.Errorf("%.1f statements in all, want 41", q)
	}

	truncate := `TRUNCATE TABLE performance_schema.events_statements_summary_by_digest`
	exec(t, db, truncate)
	run(t, db, 5, mysqlJoin, 1)
	wantJoins(t, w.round(t, c), 45, "lower_bound")

	// The counters pass their old values before anybody looks.
	exec(t, db, truncate)
	run(t, db, 30, mysqlJoin, 1)
	wantJoins(t, w.round(t, c), 75, "lower_bound")

	// Afterwards all is exact again, once the window has left the reset behind.
	c.window.deltas = nil
	run(t, db, 7, mysqlJoin, 1)
	wantJoins(t, w.round(t, c), 7, "exact")

	// A new table has all statements read anew, and none is forgotten meanwhile.
	exec(t, db, `CREATE TABLE extra (id int PRIMARY KEY)`)
	c.catalogAt, c.window.deltas = time.Time{}, nil
	run(t, db, 7, mysqlJoin, 1)
	wantJoins(t, w.round(t, c), 7, "exact")

	// The other counters have a TRUNCATE of their own.
	exec(t, db, `TRUNCATE TABLE performance_schema.table_io_waits_summary_by_index_usage`, `TRUNCATE TABLE performance_schema.table_lock_waits_summary_by_table`)
	run(t, db, 3, mysqlJoin, 1)
	wantJoins(t, w.round(t, c), 10, "exact")

	again := func(name string, how syscall.Signal) {
		server.Stop(how)
		if _, err := c.round(context.Background()); engine.KindOf(err) != engine.KindUnavailable || engine.HintOf(err) == "" {
			t.Errorf("%s: the server is down: %v", name, err)
		}
		c.disconnect(context.Background())
		server.Start(t)
		before := 0.0
		for _, d := range c.window.deltas {
			before += float64(d.statements[joinID(c)].calls)
		}
		run(t, db, 4, mysqlJoin, 1)
		wantJoins(t, w.round(t, c), before+4, "lower_bound")
	}
	again("restart", syscall.SIGTERM)

	// The server saw nothing of the collector but reading, and the session's own settings.
	var other string
	err := db.QueryRow(`SELECT coalesce(group_concat(DISTINCT argument), '') FROM mysql.general_log
WHERE user_host LIKE 'reader%' AND command_type IN ('Query', 'Execute', 'Prepare') AND argument NOT LIKE 'SELECT %' AND argument NOT LIKE 'SET SESSION time_zone%' AND argument NOT LIKE 'SET NAMES%'`).Scan(&other)
	if err != nil || other != "" {
		t.Errorf("the collector also sent: %s (%v)", other, err)
	}
	again("crash", syscall.SIGKILL)
}

// labelled gives the nodes of one label by key.
func labelled(tick *engine.Tick, label string) map[string]engine.Node {
	found := map[string]engine.Node{}
	for _, n := range tick.Graph.Nodes {
		if n.Labels[0] == label {
			found[n.Key] = n
		}
	}
	return found
}

// joinID gives the id of the shop's join.
func joinID(c *Collector) statementID {
	for id, u := range c.usages {
		if len(u.pairs) == 1 {
			return statementID{query: id}
		}
	}
	return statementID{}
}

func TestMariaDBLosses(t *testing.T) {
	server, db := shopServer(t, "performance-schema-digests-size=100")
	w := &ticks{}
	c := newCollector(t, server.DSN("reader", "shop"), w)
	run(t, db, 1, mysqlJoin, 1)
	w.round(t, c)

	// The binary protocol leaves no digests on MariaDB.
	prepared, err := db.Prepare(`SELECT id FROM users WHERE id = ?`)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		var id int
		if err := prepared.QueryRow(1 + i).Scan(&id); err != nil {
			t.Fatal(err)
		}
	}
	run(t, db, 10, mysqlJoin, 1)
	tick := w.round(t, c)
	wantJoins(t, tick, 10, "lower_bound")
	totals := tick.State.Totals
	if tick.State.Status != "partial" || !strings.Contains(tick.State.Message, "20 statements") || !strings.Contains(tick.State.Message, "interpolateParams") || *totals.UnattributedMSPerS <= 0 {
		t.Errorf("state is %+v", tick.State)
	}
	if n := *totals.TotalQPS * *totals.WindowS; math.Abs(n-30) > 0.5 {
		t.Errorf("%.1f statements in all, want 30", n)
	}

	c.window.deltas = nil
	for i := range 150 {
		run(t, db, 1, fmt.Sprintf(`SELECT id AS x%d FROM users WHERE id = 1`, i))
	}
	run(t, db, 10, mysqlJoin, 1)
	tick = w.round(t, c)
	wantJoins(t, tick, 10, "lower_bound")
	if !strings.Contains(tick.State.Message, "the digest table is full") || !strings.Contains(tick.State.Message, "performance_schema_digests_size") {
		t.Errorf("state is %+v", tick.State)
	}
	if carried, whole := carriedTime(tick), *tick.State.Totals.TimeMSPerS; math.Abs(carried-whole) > 0.01*whole {
		t.Errorf("the parts add up to %.3f ms/s of %.3f", carried, whole)
	}

	// A text that the server cut off is searched for names. A new table of digests makes room for it.
	exec(t, db, `TRUNCATE TABLE performance_schema.events_statements_summary_by_digest`)
	c.window.deltas = nil
	run(t, db, 1, `SELECT count(*) FROM users u, categories c WHERE c.id = u.category_id`+strings.Repeat(` AND (u.id > 1 OR u.id < 9)`, 200))
	pair := find(t, w.round(t, c), "users:Table-[QUERIES_PER_SEC]->categories:Table")
	if pair.Properties["basis"] != basisCoAccess {
		t.Errorf("a truncated digest gives %v", pair.Properties)
	}
}

func TestMariaDBLocksAndKeys(t *testing.T) {
	server, db := shopServer(t)
	w := &ticks{}
	c := newCollector(t, server.DSN("reader", "shop"), w)
	first := w.round(t, c)
	key := find(t, first, "users:Table-[REFERENCES:users_category_fk]->categories:Table")
	if key.Properties["has_index"] != true || key.Properties["index"] != "users_category_id_idx" || key.Properties["on_delete"] != "cascade" {
		t.Errorf("the foreign key is %v", key.Properties)
	}
	for _, n := range first.Graph.Nodes {
		if n.Key == "users:Table" {
			if rows, _ := n.Properties.Number("row_count"); rows < 1000 || n.Properties["engine"] != "InnoDB" {
				t.Errorf("users is %v", n.Properties)
			}
			if _, has := n.Properties["dead_rows"]; has {
				t.Error("users has dead_rows, which MySQL does not count")
			}
		}
	}

	index := labelled(first, labelIndex)["users.users_category_id_idx:Index"]
	if index.Properties["definition"] != "KEY users_category_id_idx (category_id)" || index.Properties["unique"] != false {
		t.Errorf("the index is %v", index.Properties)
	}
	find(t, first, "users:Table-[HAS_INDEX]->users.users_category_id_idx:Index")
	if setting := labelled(first, labelSetting)["innodb_flush_log_at_trx_commit:Setting"]; setting.Properties["value"] != "0" {
		t.Errorf("the setting is %v", setting.Properties)
	}

	ctx := t.Context()
	holder, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(`UPDATE users SET category_id = 1 WHERE id = 10`); err != nil {
		t.Fatal(err)
	}
	waiter, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := waiter.Exec(`UPDATE users SET category_id = 2 WHERE id = 20`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(`UPDATE users SET category_id = 2 WHERE id = 10`)
		done <- err
	}()
	time.Sleep(1200 * time.Millisecond)
	tick := w.round(t, c)
	wait := find(t, tick, "users:Table-[LOCK_WAIT_MS]->users:Table")
	if ms, _ := wait.Properties.Number("value"); ms < 200 || ms > 20_000 {
		t.Errorf("the wait is %v", wait.Properties)
	}
	blocked := 0
	for _, r := range tick.Graph.Relationships {
		if r.Type == relLockWait {
			blocked++
			if r.From == r.To || r.Properties["mode"] != "X" {
				t.Errorf("the wait of sessions is %s, %v", r.Key, r.Properties)
			}
		}
	}
	if sessions := labelled(tick, labelSession); blocked != 1 || len(sessions) != 2 {
		t.Errorf("%d sessions wait, shown are %v", blocked, sessions)
	}
	// The holder now wants what the waiter has: one of them is the victim.
	_, holderErr := holder.Exec(`UPDATE users SET category_id = 1 WHERE id = 20`)
	if waiterErr := <-done; (holderErr == nil) == (waiterErr == nil) {
		t.Fatalf("no deadlock: %v, %v", holderErr, waiterErr)
	}
	_, _ = holder.Rollback(), waiter.Rollback()
	tick = w.round(t, c)
	if n := *tick.State.Totals.Deadlocks; n != 1 {
		t.Errorf("%d deadlocks, want 1", n)
	}
	for _, r := range tick.Graph.Relationships {
		if r.Type == relLockWait {
			t.Errorf("%s is over", r.Key)
		}
	}

	// Nobody loses the index of a foreign key by accident, but it can be done; and statements must then show it.
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{`SET foreign_key_checks = 0`, `ALTER TABLE users DROP INDEX users_category_id_idx`} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	c.catalogAt = time.Time{}
	c.window.deltas = nil
	run(t, db, 5, mysqlJoin, 1)
	tick = w.round(t, c)
	if key := find(t, tick, "users:Table-[REFERENCES:users_category_fk]->categories:Table"); key.Properties["has_index"] != false {
		t.Errorf("the foreign key without index is %v", key.Properties)
	}
	if _, there := labelled(tick, labelIndex)["users.users_category_id_idx:Index"]; there {
		t.Error("a dropped index is still in the tick")
	}
	shown := false
	for _, n := range labelled(tick, labelStatement) {
		text, _ := n.Properties["text"].(string)
		joins, _ := n.Properties.Number("full_joins_per_call")
		shown = shown || strings.Contains(text, "JOIN `products`") && joins > 0
		if strings.Contains(text, mysqlMark) {
			t.Errorf("a statement of the collector is shown: %s", text)
		}
	}
	if !shown {
		t.Error("no statement shows the full join")
	}
	efficiency, _ := find(t, tick, "users:Table-[INDEX_EFFICIENCY]->products:Table").Properties.Number("value")
	if efficiency > 50 {
		t.Errorf("index efficiency is %v without an index", efficiency)
	}
}
