package collect

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// large makes a database of so many tables, each with two indexes and a foreign key, and runs so many different statements.
func large(b *testing.B, dsn string, tables, statements int) {
	b.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var text strings.Builder
	text.WriteString("CREATE EXTENSION pg_stat_statements; CREATE TABLE t0 (id int PRIMARY KEY, parent int, note text);")
	for i := 1; i < tables; i++ {
		fmt.Fprintf(&text, "CREATE TABLE t%d (id int PRIMARY KEY, parent int REFERENCES t%d, note text); CREATE INDEX ON t%d (parent);", i, i-1, i)
	}
	if _, err := conn.Exec(ctx, text.String(), pgx.QueryExecModeSimpleProtocol); err != nil {
		b.Fatal(err)
	}
	for i := range statements {
		t := 1 + i%(tables-1)
		// The number of terms makes the statements differ for the server.
		if _, err := conn.Exec(ctx, fmt.Sprintf("SELECT a.id FROM t%d a JOIN t%d b ON b.id = a.parent WHERE a.id = 1%s", t, t-1, strings.Repeat(" + 1", i/(tables-1))), pgx.QueryExecModeSimpleProtocol); err != nil {
			b.Fatal(err)
		}
	}
}

// sampleSQL does what a repository inside the database does at each sample, and what pg_profile's take_sample does at the
// least: it copies the counters of statements, tables, indexes and their files, with sizes, into tables of its own.
const sampleSQL = `
INSERT INTO sample_statements SELECT now(), s.* FROM pg_stat_statements(true) s;
INSERT INTO sample_tables SELECT now(), t.*, pg_relation_size(t.relid), pg_total_relation_size(t.relid) FROM pg_stat_all_tables t;
INSERT INTO sample_tables_io SELECT now(), t.* FROM pg_statio_all_tables t;
INSERT INTO sample_indexes SELECT now(), i.*, pg_relation_size(i.indexrelid) FROM pg_stat_all_indexes i;
INSERT INTO sample_indexes_io SELECT now(), i.* FROM pg_statio_all_indexes i;
INSERT INTO sample_settings SELECT now(), s.* FROM pg_settings s;
INSERT INTO sample_database SELECT now(), d.*, pg_database_size(d.datid) FROM pg_stat_database d WHERE d.datname = current_database()`

// BenchmarkTick gives what one tick costs a database of 500 tables and 5,000 statements, in execution time inside the
// server and statements sent, and beside it what one sample of a repository inside the database costs.
func BenchmarkTick(b *testing.B) {
	dsn := enginetest.Postgres(b, "pg_stat_statements.max=8000", "pg_stat_statements.track_utility=on")
	large(b, dsn, 500, 5000)
	b.Run("tick", func(b *testing.B) {
		w := &ticks{}
		c := New(Options{Source: Source{Name: "test", DSN: dsn}, Thresholds: DefaultThresholds(), Writer: w, Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler)})
		defer c.disconnect(context.Background())
		for range 2 * sizesRounds {
			if _, err := c.round(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		if n := len(c.usages); n < 4900 {
			b.Fatalf("%d statements were understood", n)
		}
		var before, after struct{ ms, calls float64 }
		own := func(into *struct{ ms, calls float64 }) {
			err := c.reader.conn.QueryRow(context.Background(), `SELECT /* graphsnap */ sum(total_exec_time), sum(calls) FROM pg_stat_statements WHERE query LIKE '%/* graphsnap */%'`).Scan(&into.ms, &into.calls)
			if err != nil {
				b.Fatal(err)
			}
		}
		own(&before)
		own(&before)
		rounds := 0
		for b.Loop() {
			for range sizesRounds { // slow and quick rounds in their proportion
				if _, err := c.round(context.Background()); err != nil {
					b.Fatal(err)
				}
				rounds++
			}
		}
		own(&after)
		b.ReportMetric((after.ms-before.ms)/float64(rounds), "ms-in-db/tick")
		b.ReportMetric((after.calls-before.calls)/float64(rounds), "statements/tick")
		b.ReportMetric(float64(len(w.list[len(w.list)-1].Graph.Nodes)), "nodes")
	})
	b.Run("sample", func(b *testing.B) {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close(ctx) }()
		for part := range strings.SplitSeq(strings.TrimSpace(sampleSQL), ";\n") {
			table, query, _ := strings.Cut(strings.TrimPrefix(part, "INSERT INTO "), " ")
			if _, err := conn.Exec(ctx, "CREATE TABLE "+table+" AS "+strings.Replace(query, "now()", "now() AS sampled_at", 1)+" LIMIT 0"); err != nil {
				b.Fatal(err)
			}
		}
		var before, after float64
		cost := func(into *float64) {
			if err := conn.QueryRow(ctx, `SELECT coalesce(sum(total_exec_time), 0) FROM pg_stat_statements WHERE query LIKE 'INSERT INTO sample%'`).Scan(into); err != nil {
				b.Fatal(err)
			}
		}
		cost(&before)
		rounds := 0
		for b.Loop() {
			if _, err := conn.Exec(ctx, sampleSQL, pgx.QueryExecModeSimpleProtocol); err != nil {
				b.Fatal(err)
			}
			rounds++
		}
		cost(&after)
		b.ReportMetric((after-before)/float64(rounds), "ms-in-db/sample")
	})
}
