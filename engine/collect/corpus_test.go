package collect

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"graphsnap/engine/enginetest"
)

// statementsOf reads a file of statements.
func statementsOf(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for text := range strings.SplitSeq(string(raw), ";\n") {
		if text = strings.TrimSpace(text); text != "" {
			list = append(list, text)
		}
	}
	return list
}

func describe(u *usage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  tables %s\n", strings.Join(u.tables, " "))
	for _, p := range u.pairs {
		fmt.Fprintf(&b, "  %s %s x%d %s\n", p.a, p.b, p.times, p.basis)
	}
	return b.String()
}

// TestCorpora runs the statements of each schema on a server, resolves what pg_stat_statements keeps of them with the
// catalog of that server, and compares with the golden file. Then it runs them all between two ticks: what was parsed must
// be at least 95 % of their time, and what the elements carry must be what the server counted.
func TestCorpora(t *testing.T) {
	dsn := enginetest.Postgres(t, "pg_stat_statements.track_utility=on")
	admin := open(t, dsn)
	schemas, _ := filepath.Glob("testdata/corpus/*.schema.sql")
	if len(schemas) < 5 {
		t.Fatalf("%d schemas, want five at least", len(schemas))
	}
	for _, file := range schemas {
		name := strings.TrimSuffix(filepath.Base(file), ".schema.sql")
		t.Run(name, func(t *testing.T) {
			exec(t, admin, `CREATE DATABASE `+name)
			own := strings.Replace(dsn, "/postgres?", "/"+name+"?", 1)
			db := open(t, own, append([]string{`CREATE EXTENSION pg_stat_statements`}, statementsOf(t, file)...)...)
			db.SetMaxOpenConns(1)
			statements := statementsOf(t, "testdata/corpus/"+name+".statements.sql")
			checkGolden(t, own, name, statements)

			exec(t, db, statements...)
			w := &ticks{}
			c := newCollector(t, own, w)
			w.round(t, c)
			before := serverTime(t, own)
			for range 3 {
				exec(t, db, statements...)
			}
			served := serverTime(t, own) - before
			tick := w.round(t, c)
			totals := tick.State.Totals
			if *totals.ParseCoverage < 0.95 {
				t.Errorf("parse coverage is %.3f", *totals.ParseCoverage)
			}
			if whole := *totals.TimeMSPerS * *totals.WindowS; math.Abs(whole-served) > 0.01*served {
				t.Errorf("the tick has %.3f ms, the server counted %.3f", whole, served)
			}
			if carried := carriedTime(tick); math.Abs(carried-*totals.TimeMSPerS) > 0.01**totals.TimeMSPerS {
				t.Errorf("the parts add up to %.3f ms/s of %.3f", carried, *totals.TimeMSPerS)
			}
			t.Logf("%d statements, coverage %.4f, unattributed %.4f of %.1f ms", len(statements), *totals.ParseCoverage, *totals.UnattributedMSPerS / *totals.TimeMSPerS, served)
		})
	}
}

// serverTime gives the execution time of all that is not the collector's, ms, as the server counts it.
func serverTime(t *testing.T, dsn string) (ms float64) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = conn.QueryRow(context.Background(), `SELECT /* graphsnap */ coalesce(sum(total_exec_time), 0) FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND toplevel AND query NOT LIKE '%/* graphsnap */%'`).Scan(&ms)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// checkGolden resolves the statements as the server normalised them.
func checkGolden(t *testing.T, dsn, name string, statements []string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	r := &reader{conn: conn}
	id, err := r.identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.catalog(ctx, id.searchPath)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, text := range statements {
		if _, err := conn.Exec(ctx, `SELECT pg_stat_statements_reset()`); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var normalised string
		if err := conn.QueryRow(ctx, `SELECT query FROM pg_stat_statements WHERE toplevel AND query NOT LIKE '%pg_stat_statements%' LIMIT 1`).Scan(&normalised); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		u, err := parseUsage(normalised, c)
		if err != nil {
			t.Errorf("%s: %v", normalised, err)
			continue
		}
		plain, err := parseUsage(text, c)
		if err != nil || describe(plain) != describe(u) {
			t.Errorf("%s resolves to\n%s with values and to\n%s without (%v)", text, describe(plain), describe(u), err)
		}
		fmt.Fprintf(&got, "%s\n%s\n", text, describe(u))
	}
	golden := "testdata/corpus/" + name + ".golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("differs from %s (-update writes it anew; read the difference first):\n%s", golden, got.String())
	}
}
