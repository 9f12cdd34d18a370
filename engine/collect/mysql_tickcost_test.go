package collect

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// BenchmarkMySQLTick gives what one tick costs a MariaDB of 500 tables and 5,000 digests: execution time inside the server
// and statements sent.
func BenchmarkMySQLTick(b *testing.B) {
	const tables, statements = 500, 5000
	ctx := context.Background()
	server := enginetest.MariaDB(b, OpenDB, "performance-schema-digests-size=8000", "table-open-cache=2000", "performance-schema-max-table-instances=2000")
	root, err := OpenDB(server.DSN("root", ""))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	root.SetMaxOpenConns(1)
	send := func(text string) {
		if _, err := root.Exec(text); err != nil {
			b.Fatalf("%s: %v", text, err)
		}
	}
	send("CREATE DATABASE big")
	send("USE big")
	send("CREATE TABLE t0 (id int PRIMARY KEY, parent int, note text)")
	for i := 1; i < tables; i++ {
		send(fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY, parent int, note text, KEY (parent), FOREIGN KEY (parent) REFERENCES t%d (id))", i, i-1))
	}
	for i := range statements {
		t := 1 + i%(tables-1)
		send(fmt.Sprintf("SELECT a.id FROM t%d a JOIN t%d b ON b.id = a.parent WHERE a.id = 1%s", t, t-1, strings.Repeat(" + 1", i/(tables-1))))
	}
	w := &ticks{}
	c := New(Options{
		Source: Source{Name: "test", DSN: server.DSN("root", "big")}, Thresholds: DefaultThresholds(), Writer: w, Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler),
	})
	defer c.disconnect(ctx)
	for range 2 {
		if _, err := c.round(ctx); err != nil {
			b.Fatal(err)
		}
	}
	if n := len(c.usages); n < 4900 {
		b.Fatalf("%d statements were understood", n)
	}
	var before, after struct{ ms, calls float64 }
	own := func(into *struct{ ms, calls float64 }) {
		err := root.QueryRow(`SELECT sum(SUM_TIMER_WAIT) / 1e9, sum(COUNT_STAR) FROM performance_schema.events_statements_summary_by_digest WHERE DIGEST_TEXT LIKE '%graphsnap_own%'`).Scan(&into.ms, &into.calls)
		if err != nil {
			b.Fatal(err)
		}
	}
	own(&before)
	rounds := 0
	for b.Loop() {
		if _, err := c.round(ctx); err != nil {
			b.Fatal(err)
		}
		rounds++
	}
	own(&after)
	b.ReportMetric((after.ms-before.ms)/float64(rounds), "ms-in-db/tick")
	b.ReportMetric((after.calls-before.calls)/float64(rounds), "statements/tick")
	b.ReportMetric(float64(c.myState.catalogFor.Milliseconds()), "ms/catalog")
}
