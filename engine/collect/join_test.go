package collect

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

// shopCatalog is a catalog with the tables, one view and one partitioned table that the corpus uses.
func shopCatalog() *catalog {
	c := &catalog{relations: map[string]*relation{}, searchPath: []string{"public"}, references: map[[2]string]bool{}}
	add := func(schema, name string, columns ...string) *relation {
		r := &relation{oid: uint32(len(c.relations) + 1), schema: schema, name: name, columns: map[string]bool{}}
		for _, col := range columns {
			r.columns[col] = true
		}
		c.relations[schema+"."+name] = r
		return r
	}
	add("public", "users", "id", "name", "category_id")
	add("public", "products", "id", "name", "category_id", "supplier_id", "price")
	add("public", "categories", "id", "parent_id", "title")
	add("public", "orders", "id", "user_id", "status", "created_at")
	add("public", "order_items", "id", "order_id", "product_id", "quantity")
	add("public", "inventory", "product_id", "warehouse_id", "quantity")
	add("sales", "targets", "user_id", "amount")
	parent := add("public", "events", "id", "user_id", "at")
	c.relations["public.events_2026_01"] = parent
	view := add("public", "open_orders", "id", "user_id", "name")
	view.view, view.definition = true, "SELECT o.id, o.user_id, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE o.status = 'open'"
	return c
}

// TestCorpus resolves each statement of testdata/statements.sql and compares with testdata/statements.golden.
func TestCorpus(t *testing.T) {
	raw, err := os.ReadFile("testdata/statements.sql")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	n := 0
	for text := range strings.SplitSeq(string(raw), ";\n") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n++
		fmt.Fprintf(&got, "%s\n", text)
		u, err := parseUsage(text, shopCatalog())
		switch {
		case err != nil:
			fmt.Fprintf(&got, "  unparsed\n\n")
		case u.maintenance && len(u.tables) == 0:
			fmt.Fprintf(&got, "  utility\n\n")
		default:
			fmt.Fprintf(&got, "  tables %s\n", strings.Join(u.tables, " "))
			for _, p := range u.pairs {
				fmt.Fprintf(&got, "  %s %s x%d %s\n", p.a, p.b, p.times, p.basis)
			}
			got.WriteString("\n")
		}
	}
	const golden = "testdata/statements.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) || n < 30 {
		t.Errorf("%d statements; differs from %s (-update writes it anew; read the difference first):\n%s", n, golden, got.String())
	}
}

func FuzzParseUsage(f *testing.F) {
	raw, err := os.ReadFile("testdata/statements.sql")
	if err != nil {
		f.Fatal(err)
	}
	for text := range strings.SplitSeq(string(raw), ";\n") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseUsage(text, shopCatalog())
		if err != nil || u == nil {
			return
		}
		for _, p := range u.pairs {
			if p.a == "" || p.b == "" || p.times < 1 {
				t.Errorf("%q gives the pair %+v", text, p)
			}
		}
	})
}
