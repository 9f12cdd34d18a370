package collect

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"graphsnap/engine/enginetest"
)

// TestMySQLCorpora runs the statements of each schema on a MariaDB, resolves the digests that it keeps of them with its own
// catalog, and compares with the golden file. Then it runs them all between two ticks: what was parsed must be at least
// 95 % of their time, and what the elements carry must be what the server counted.
func TestMySQLCorpora(t *testing.T) {
	server := enginetest.MariaDB(t, OpenDB)
	admin := open(t, server.DSN("root", ""))
	schemas, _ := filepath.Glob("testdata/mysql/*.schema.sql")
	if len(schemas) < 2 {
		t.Fatalf("%d schemas, want two at least", len(schemas))
	}
	for _, file := range schemas {
		name := strings.TrimSuffix(filepath.Base(file), ".schema.sql")
		t.Run(name, func(t *testing.T) {
			exec(t, admin, "CREATE DATABASE "+name)
			dsn := server.DSN("root", name)
			db := open(t, dsn, statementsOf(t, file)...)
			db.SetMaxOpenConns(1)
			statements := statementsOf(t, "testdata/mysql/"+name+".statements.sql")
			checkMySQLGolden(t, db, dsn, name, statements)

			w := &ticks{}
			c := newCollector(t, dsn, w)
			w.round(t, c)
			before := mysqlServerTime(t, admin)
			for range 3 {
				exec(t, db, statements...)
			}
			_ = db.Ping() // the server counts a statement after it has answered
			served := mysqlServerTime(t, admin) - before
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

// mysqlServerTime gives the execution time of all that is not the collector's, ms, as the server counts it. Its own
// statement counts in the second call; it is told apart by the mark.
func mysqlServerTime(t *testing.T, db *sql.DB) (ms float64) {
	t.Helper()
	err := db.QueryRow(`SELECT coalesce(sum(SUM_TIMER_WAIT), 0) / 1e9 AS graphsnap_own FROM performance_schema.events_statements_summary_by_digest
WHERE coalesce(DIGEST_TEXT, '') NOT LIKE '%graphsnap_own%'`).Scan(&ms)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// checkMySQLGolden resolves the statements as the server normalised them.
func checkMySQLGolden(t *testing.T, db *sql.DB, dsn, name string, statements []string) {
	t.Helper()
	r, err := connectMySQL(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	c, _, err := r.catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, text := range statements {
		exec(t, db, `TRUNCATE TABLE performance_schema.events_statements_summary_by_digest`, text)
		var digest string
		err := db.QueryRow(`SELECT DIGEST_TEXT FROM performance_schema.events_statements_summary_by_digest 
WHERE DIGEST_TEXT NOT LIKE '%performance_schema%' AND DIGEST_TEXT NOT LIKE '%graphsnap_own%' AND SCHEMA_NAME = ?`, name).Scan(&digest)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		fmt.Fprintf(&got, "%s\n", strings.TrimSpace(digest))
		u := digestUsage(digest, c, name)
		if u == nil {
			got.WriteString("  unknown\n\n")
			continue
		}
		if trees, err := mysqlTree(text, c, name); err == nil && describe(resolveUsage(trees, c)) != describe(u) {
			t.Errorf("%s resolves to\n%s with values and to\n%s without", text, describe(resolveUsage(trees, c)), describe(u))
		}
		if _, err := digestTrees(digest, c, name); err != nil {
			got.WriteString("  scanned for names\n")
		}
		if u.maintenance {
			got.WriteString("  maintenance\n")
		}
		fmt.Fprintf(&got, "%s\n", describe(u))
	}
	golden := "testdata/mysql/" + name + ".golden"
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

// FuzzDigestUsage feeds digests that no server would write: whatever comes, what is found must make sense.
func FuzzDigestUsage(f *testing.F) {
	for _, file := range []string{"testdata/mysql/shop.golden", "testdata/mysql/sakila.golden"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for text := range strings.SplitSeq(string(raw), "\n") {
			f.Add(text)
		}
	}
	c := shopCatalog()
	c.mysql = true
	f.Fuzz(func(t *testing.T, text string) {
		u := digestUsage(text, c, "public")
		if u == nil {
			return
		}
		for _, p := range u.pairs {
			if p.a == "" || p.b == "" || p.times < 1 {
				t.Errorf("%q gives the pair %+v", text, p)
			}
		}
	})
}
