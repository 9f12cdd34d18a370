package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// shop is a live graph of four tables, a view and an audit table.
func shop(t *testing.T, live *fakeLive) {
	t.Helper()
	g := must(enginetest.ParseGraph(`
users -[AVG_LATENCY_MS 1200 critical]-> products
users -[TIME_MS_PER_S 100]-> products
users -[QUERIES_PER_SEC 10]-> orders
orders -[REFERENCES]-> products
orders_audit -[REFERENCES]-> orders`))(t)
	g.Nodes = append(g.Nodes, engine.Node{Key: "top:View", Labels: []string{"View"}, Properties: engine.Properties{"name": "top", "definition": "SELECT 1"}})
	live.states["shop"] = &liveState{LiveRead: engine.LiveRead{State: engine.LiveState{Source: "shop"}, Consistency: engine.Consistency{Mode: engine.ConsistencyQuiet, Evidence: "bookmark x"}}, Graph: *g}
}

func keysOf(g *engine.Graph) string {
	var keys []string
	for _, n := range g.Nodes {
		keys = append(keys, engine.KeyName(n.Key))
	}
	for _, r := range g.Relationships {
		keys = append(keys, r.Type)
	}
	return strings.Join(keys, " ")
}

func TestTemplatesNarrowACapture(t *testing.T) {
	ctx := context.Background()
	e, live := newEngine("shop")
	shop(t, live)
	for want, tpl := range map[string]engine.Template{
		"orders orders_audit products top users TIME_MS_PER_S": {RelationshipTypes: []string{"TIME_MS_PER_S"}},
		"orders orders_audit products users":                   {Labels: []string{"Table"}, RelationshipTypes: []string{"NONE"}},
		"top":                                                  {Labels: []string{"View"}},
		"orders orders_audit REFERENCES":                       {Keys: []string{"order*"}},
		"orders":                                               {Keys: []string{"order*", "!*_audit"}},
		"products users AVG_LATENCY_MS TIME_MS_PER_S":          {Keys: []string{"users", "products:Table"}},
		"orders products top users REFERENCES AVG_LATENCY_MS QUERIES_PER": {Keys: []string{"!*_audit:Table"}},
	} {
		tpl.Name = "scope"
		if err := e.SetTemplates([]engine.Template{tpl}); err != nil {
			t.Fatal(err)
		}
		s := capture(t, e, engine.CaptureRequest{Template: "scope"})
		g := must(e.Graph(ctx, s.ID))(t)
		if got := keysOf(g); !strings.HasPrefix(got, want) || s.NodeCount != len(g.Nodes) || s.Template != "scope" || s.Consistency.Evidence != "bookmark x" {
			t.Errorf("%+v keeps %s, want %s", tpl, got, want)
		}
		if err := g.Check(); err != nil {
			t.Errorf("%+v: %v", tpl, err)
		}
	}
}

func TestTemplatesGiveWhatACaptureLeavesOut(t *testing.T) {
	e, live := newEngine("shop", "bank")
	shop(t, live)
	tpl := engine.Template{
		Name: "lean", Description: "Lean", Sources: []string{"shop"}, Properties: []string{"row_count"}, Tags: []string{"lean"}, Retention: "weekly", Keys: []string{"top"},
	}
	if err := e.SetTemplates([]engine.Template{tpl}); err != nil {
		t.Fatal(err)
	}
	s := capture(t, e, engine.CaptureRequest{Source: "shop", Template: "lean", Tags: []string{"mine"}})
	if s.Description != "Lean" || s.Retention != "weekly" || !slices.Equal(s.Tags, []string{"lean", "mine"}) || !strings.HasSuffix(s.ID, "_lean") {
		t.Errorf("got %+v", s)
	}
	g := must(e.Graph(context.Background(), s.ID))(t)
	if p := g.Nodes[0].Properties; len(p) != 1 || p["name"] != "top" {
		t.Errorf("the properties are %v", p)
	}
	if s := capture(t, e, engine.CaptureRequest{Source: "shop", Template: "lean", Description: "own", Retention: "daily"}); s.Description != "own" || s.Retention != "daily" {
		t.Errorf("what the capture says is lost: %+v", s)
	}
	if _, _, err := e.Capture(context.Background(), engine.CaptureRequest{Source: "bank", Template: "lean"}); engine.KindOf(err) != engine.KindInvalid || !strings.Contains(engine.HintOf(err), "shop") {
		t.Errorf("another source: %v", err)
	}
	if _, _, err := e.Capture(context.Background(), engine.CaptureRequest{Source: "shop", Template: "fat"}); engine.KindOf(err) != engine.KindNotFound || !strings.Contains(engine.HintOf(err), "lean") {
		t.Errorf("an unknown template: %v (%s)", err, engine.HintOf(err))
	}
	if _, _, err := e.Capture(context.Background(), engine.CaptureRequest{Source: "shop", Retention: "No Class"}); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a class with a space: %v", err)
	}
	if err := e.SetTemplates([]engine.Template{{Name: "empty", Keys: []string{"nothing"}}}); err != nil {
		t.Fatal(err)
	}
	if s := capture(t, e, engine.CaptureRequest{Source: "shop", Template: "empty"}); s.NodeCount != 0 || len(s.Warnings) == 0 {
		t.Errorf("a capture of nothing: %+v", s)
	}
}

func TestTemplatesAreValidated(t *testing.T) {
	e, _ := newEngine("shop")
	good := engine.Template{Name: "good"}
	if err := e.SetTemplates([]engine.Template{good}); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]engine.Template{
		"no name":         {{}},
		"a bad name":      {{Name: "a b"}},
		"twice":           {good, good},
		"an empty label":  {{Name: "a", Labels: []string{""}}},
		"a bad pattern":   {{Name: "a", Keys: []string{"[a-"}}},
		"a bare negation": {{Name: "a", Keys: []string{"!"}}},
		"a bad class":     {{Name: "a", Retention: "For Ever"}},
		"an empty tag":    {{Name: "a", Tags: []string{" "}}},
	} {
		if err := e.SetTemplates(list); engine.KindOf(err) != engine.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := e.Templates(); len(got) != 1 || got[0].Name != "good" {
		t.Errorf("after refused ones there are %+v", got)
	}
}

func TestPreviewCountsAndWarns(t *testing.T) {
	e, live := newEngine("shop")
	shop(t, live)
	p := must(e.PreviewTemplate(context.Background(), engine.Template{
		Name: "x", Sources: []string{"bank"}, Labels: []string{"Table", "Pool"}, RelationshipTypes: []string{"REFERENCES", "JOINS"},
		Keys: []string{"order*", "cart*", "!zzz"}, Properties: []string{"definition", "nonsense"},
	}, "shop"))(t)
	if p.Nodes != 5 || p.KeptNodes != 2 || p.Relationships != 5 || p.KeptRelationships != 1 || p.Labels["Table"] != (engine.Scoped{Live: 4, Kept: 2}) ||
		p.Labels["View"] != (engine.Scoped{Live: 1}) || p.RelationshipTypes["REFERENCES"] != (engine.Scoped{Live: 2, Kept: 1}) {
		t.Errorf("got %+v", p)
	}
	want := "the template is not for source shop; no node has the label Pool; there is no relationship of type JOINS; no key fits cart*; no key fits !zzz; nothing has the property nonsense"
	if got := strings.Join(p.Warnings, "; "); got != want {
		t.Errorf("the warnings are %s", got)
	}
	if p := must(e.PreviewTemplate(context.Background(), engine.Template{Name: "all"}, ""))(t); p.KeptNodes != 5 || p.KeptRelationships != 5 || len(p.Warnings) != 0 {
		t.Errorf("everything: %+v", p)
	}
}

func TestComparingScopesWarns(t *testing.T) {
	ctx := context.Background()
	e, live := newEngine("shop")
	shop(t, live)
	if err := e.SetTemplates([]engine.Template{{Name: "tables", Labels: []string{"Table"}}}); err != nil {
		t.Fatal(err)
	}
	whole, part := capture(t, e, engine.CaptureRequest{}), capture(t, e, engine.CaptureRequest{Template: "tables"})
	d := must(e.Compare(ctx, whole.ID, part.ID, engine.CompareOptions{}))(t)
	if got := fmt.Sprint(d.IncomparableReasons); !strings.Contains(got, "captured whole, the target with template tables") {
		t.Errorf("the warnings are %s", got)
	}
	// LIVE is read through the template of the baseline.
	if d := must(e.Compare(ctx, part.ID, engine.Live, engine.CompareOptions{}))(t); !d.NothingChanged || len(d.IncomparableReasons) != 0 {
		t.Errorf("with LIVE: %+v", d)
	}
	if err := e.SetTemplates(nil); err != nil {
		t.Fatal(err)
	}
	if d := must(e.Compare(ctx, part.ID, engine.Live, engine.CompareOptions{}))(t); d.NothingChanged || len(d.IncomparableReasons) != 1 {
		t.Errorf("with LIVE after the template is gone: %+v", d.IncomparableReasons)
	}
}

// TestAScopeIsAGraph: whatever a template keeps of whatever graph is a graph, in the order of Feed, and keeps nothing twice.
func TestAScopeIsAGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := enginetest.RandomGraph(rt)
		some := func(name string, list ...string) []string {
			return rapid.SliceOfN(rapid.SampledFrom(list), 0, 2).Draw(rt, name)
		}
		tpl := engine.Template{
			Name: "x", Labels: some("labels", "Table", "View", "odd label"), RelationshipTypes: some("types", "NEXT", "REFERENCES", "odd `type`"),
			Keys: some("keys", "*", "users*", "!*0*", "?*1:*", "semi;colon*"), Properties: some("properties", "seq", "h", "users"),
		}
		if err := tpl.Validate(); err != nil {
			rt.Fatal(err)
		}
		before := must(engine.ManifestOf(g))(t).Root()
		kept := must(engine.Collect(func(sink engine.Sink) error { return engine.Feed(context.Background(), g, tpl.Sink(sink)) }))(t)
		if err := kept.Check(); err != nil {
			rt.Fatalf("%+v: %v", tpl, err)
		}
		if must(engine.ManifestOf(g))(t).Root() != before {
			rt.Fatal("the graph that was read is another now")
		}
	})
}
