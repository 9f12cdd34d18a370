package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

func TestPseudonymsHideNamesAndKeepMetrics(t *testing.T) {
	g := &engine.Graph{
		Nodes: []engine.Node{
			{Key: "public.customers:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "public.customers", "schema": "public", "row_count": int64(7), "secret_column": "x", "severity": "HIGH"}},
			{Key: "SELECT * FROM customers WHERE name = 'Smith':Query", Labels: []string{"Query"}, Properties: engine.Properties{"text": "SELECT * FROM customers WHERE name = 'Smith'", "plan": bytes.Repeat([]byte{1}, 3)}},
		},
		Relationships: []engine.Relationship{{
			Key: "public.customers:Table-[AVG_LATENCY_MS]->public.customers:Table", Type: "AVG_LATENCY_MS", From: "public.customers:Table", To: "public.customers:Table",
			Properties: engine.Properties{"value": 45.5, "unit": "ms", "trend": "stable", "columns": []any{"customer_id"}, "at": engine.Point{SRID: 4326, X: 51.4778}},
		}},
	}
	e, s := frozen(t, g)
	key := []byte("0123456789abcdef")
	for _, format := range []engine.ExportFormat{engine.ExportJSON, engine.ExportCSV, engine.ExportCypher} {
		if format == engine.ExportCypher {
			g.Nodes[1].Properties["plan"] = "bytes have no Cypher"
			e, s = frozen(t, g)
		}
		content := string(exported(t, e, s.ID, engine.ExportOptions{Format: format, Pseudonymise: key}))
		for _, secret := range []string{"customers", "public", "Smith", "SELECT", "secret", "customer_id", "shop", "deploy", "users", "51.4778", "release", "statistics"} {
			if strings.Contains(content, secret) {
				t.Errorf("%s: %q is still there:\n%.3000s", format, secret, content)
			}
		}
		for _, kept := range []string{"AVG_LATENCY_MS", "45.5", "Table", "HIGH", "row_count"} {
			if !strings.Contains(content, kept) {
				t.Errorf("%s: %q is gone:\n%.3000s", format, kept, content)
			}
		}
		if format != engine.ExportCypher {
			imported(t, emptyEngine(), []byte(content))
		}
	}
	if err := e.Export(context.Background(), s.ID, engine.ExportOptions{Pseudonymise: []byte("short")}, io.Discard); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
		t.Errorf("a short key gives %v", err)
	}
}

// TestPseudonymisedDiff holds pseudonyms to their law: the diff of two pseudonymised exports is the pseudonymised diff.
func TestPseudonymisedDiff(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	onRandomGraphs(t, func(rt *rapid.T) {
		ctx := context.Background()
		before := enginetest.RandomGraph(rt)
		// Of parallel metrics, a pair shows the one whose key comes last, and keys are ordered differently under pseudonyms.
		seen := map[string]bool{}
		before.Relationships = slices.DeleteFunc(before.Relationships, func(r engine.Relationship) bool {
			place := r.From + "|" + r.Type + "|" + r.To
			twice := seen[place]
			seen[place] = true
			return twice
		})
		after := enginetest.Mutate(rt, before)
		store := &enginetest.MemoryStore{}
		e, renamed := engine.New(engine.Options{Store: store}), emptyEngine()
		var ids, others []string
		for i, g := range []*engine.Graph{before, after} {
			s := fullSnapshot(fmt.Sprintf("snap_20260131_090%d00_x", i), "shop", i)
			if err := engine.FreezeGraph(ctx, store, s, g, engine.PublishOptions{}, nil); err != nil {
				rt.Fatal(err)
			}
			ids = append(ids, s.ID)
			others = append(others, imported(rt, renamed, exported(rt, e, s.ID, engine.ExportOptions{Pseudonymise: key})).Snapshots[0].ID)
		}
		d, err := e.Compare(ctx, ids[0], ids[1], engine.CompareOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		p, err := engine.NewPseudonymiser(key)
		if err != nil {
			rt.Fatal(err)
		}
		dp, err := renamed.Compare(ctx, others[0], others[1], engine.CompareOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		name := p.Name
		if got, want := outlined(dp, func(s string) string { return s }, func(p engine.Properties) engine.Properties { return p }), outlined(d, name, p.Properties); got != want {
			rt.Fatalf("the diff of the pseudonymised is\n%s\nthe pseudonymised diff\n%s", got, want)
		}
	})
}

// outlined gives everything that a diff says of elements, in one order.
func outlined(d *engine.Diff, name func(string) string, properties func(engine.Properties) engine.Properties) string {
	var lines []string
	f := func(v *float64) any {
		if v == nil {
			return nil
		}
		return *v
	}
	for _, c := range d.Changes {
		from, to := engine.Properties{}, engine.Properties{}
		for _, p := range c.Properties {
			if p.Name != "labels" {
				from[p.Name], to[p.Name] = p.From, p.To
			}
		}
		from, to = properties(from), properties(to)
		line := fmt.Sprint(c.Status, c.Kind, c.Aspect, name(c.Key), name(c.From), name(c.To), c.Direction, c.SeverityFrom, c.SeverityTo, f(c.ValueFrom), f(c.ValueTo), f(c.Absolute), f(c.Relative), c.Contribution)
		for _, n := range sorted(from) {
			line += fmt.Sprintf(" %s: %#v -> %#v", n, from[n], to[n])
		}
		lines = append(lines, line)
	}
	for _, p := range d.Pairs {
		lines = append(lines, fmt.Sprint("pair ", name(p.From), name(p.To), f(p.TimeFrom), f(p.TimeTo), p.Delta))
	}
	sort.Strings(lines)
	return fmt.Sprintln(d.Nodes, d.Relationships, d.Worse, d.Better, d.Structural, d.NothingChanged, d.SameDatabase) + strings.Join(lines, "\n")
}

func sorted(p engine.Properties) []string {
	var names []string
	for n := range p {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
