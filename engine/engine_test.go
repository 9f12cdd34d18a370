package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// fakeLive is a live graph that tests set by hand.
type fakeLive struct {
	states map[string]*liveState
	err    error
}

type liveState struct {
	engine.LiveRead
	Graph engine.Graph
}

func (f *fakeLive) Sources(context.Context) ([]engine.LiveState, error) {
	var list []engine.LiveState
	for name := range f.states {
		list = append(list, engine.LiveState{Source: name})
	}
	slices.SortFunc(list, func(a, b engine.LiveState) int { return strings.Compare(a.Source, b.Source) })
	return list, f.err
}

func (f *fakeLive) ReadLive(ctx context.Context, source string, _ engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	sink, err := open()
	if err == nil {
		err = errors.Join(engine.Feed(ctx, &f.states[source].Graph, sink), f.err)
	}
	return &f.states[source].LiveRead, err
}

func read(source string, latency, time float64) *liveState {
	metric := func(relType string, v float64) engine.Relationship {
		return engine.Relationship{
			Key: engine.RelationshipKey("users:Table", relType, "products:Table", ""), Type: relType, From: "users:Table", To: "products:Table",
			Properties: engine.Properties{"value": v, "severity": "low", "updated_at": fmt.Sprint(latency)},
		}
	}
	return &liveState{
		LiveRead: engine.LiveRead{State: engine.LiveState{Source: source, DatabaseName: "shop"}},
		Graph: engine.Graph{
			Nodes: []engine.Node{
				{Key: "products:Table", Labels: []string{"Table"}, Properties: engine.Properties{}},
				{Key: "users:Table", Labels: []string{"Table"}, Properties: engine.Properties{}},
			},
			Relationships: []engine.Relationship{metric(engine.RelAvgLatencyMS, latency), metric(engine.RelTimeMSPerS, time)},
		},
	}
}

type steppingClock struct{ at time.Time }

func (c *steppingClock) Now() time.Time {
	c.at = c.at.Add(time.Second)
	return c.at
}

func newEngine(sources ...string) (*engine.Engine, *fakeLive) {
	live := &fakeLive{states: map[string]*liveState{}}
	for _, s := range sources {
		live.states[s] = read(s, 45, 9)
	}
	clock := &steppingClock{time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)}
	return engine.New(engine.Options{Live: live, Store: &enginetest.MemoryStore{}, Clock: clock}), live
}

func capture(t *testing.T, e *engine.Engine, r engine.CaptureRequest) *engine.Snapshot {
	t.Helper()
	s, _, err := e.Capture(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSnapshotID(t *testing.T) {
	at := time.Date(2026, 1, 31, 10, 5, 7, 0, time.FixedZone("CET", 3600))
	for description, want := range map[string]string{
		"":                           "snap_20260131_090507_manual",
		"Pre-Deploy v2.1":            "snap_20260131_090507_pre_deploy_v2_1",
		"日本":                         "snap_20260131_090507_manual",
		"../../etc/passwd":           "snap_20260131_090507_etc_passwd",
		strings.Repeat("word ", 100): "snap_20260131_090507_word_word_word_word_word_word_word_word",
	} {
		got := engine.SnapshotID(at, description, engine.TriggerManual)
		if got != want || !engine.IsSnapshotID(got) {
			t.Errorf("%.20q gives %s, want %s", description, got, want)
		}
	}
}

func TestWhichSource(t *testing.T) {
	ctx := context.Background()
	one, _ := newEngine("shop")
	if s := capture(t, one, engine.CaptureRequest{}); s.Source != "shop" {
		t.Errorf("the only source is shop, taken was %s", s.Source)
	}
	two, _ := newEngine("a", "b")
	_, _, err := two.Capture(ctx, engine.CaptureRequest{})
	if engine.KindOf(err) != engine.KindInvalid || !strings.Contains(engine.HintOf(err), "a, b") {
		t.Errorf("two sources and no name: %v (%s)", err, engine.HintOf(err))
	}
	_, _, err = two.Capture(ctx, engine.CaptureRequest{Source: "c"})
	if engine.KindOf(err) != engine.KindNotFound || !strings.Contains(engine.HintOf(err), "a, b") {
		t.Errorf("an unknown source: %v (%s)", err, engine.HintOf(err))
	}
	none, _ := newEngine()
	if _, _, err := none.Capture(ctx, engine.CaptureRequest{}); engine.KindOf(err) != engine.KindNotFound || engine.HintOf(err) == "" {
		t.Errorf("an empty live graph: %v", err)
	}
}

func TestCaptureRefusesNonsense(t *testing.T) {
	e, _ := newEngine("shop")
	for name, r := range map[string]engine.CaptureRequest{
		"trigger":     {Trigger: "x"},
		"severity":    {Severity: "x"},
		"description": {Description: strings.Repeat("x", 2001)},
		"empty tag":   {Tags: []string{" "}},
		"long tag":    {Tags: []string{strings.Repeat("x", 101)}},
	} {
		if _, _, err := e.Capture(context.Background(), r); engine.KindOf(err) != engine.KindInvalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestEventsOfACapture(t *testing.T) {
	e, live := newEngine("shop")
	var stages []string
	var created, failed int
	defer e.Events.Subscribe(func(ev engine.Event) {
		switch {
		case ev.Progress != nil:
			stages = append(stages, ev.Progress.Stage)
		case ev.Created != nil:
			created++
		case ev.Failed != nil:
			failed++
		}
	})()
	capture(t, e, engine.CaptureRequest{})
	if want := []string{engine.StageRead, engine.StageSummarise, engine.StagePublish}; !slices.Equal(stages, want) || created != 1 || failed != 0 {
		t.Errorf("stages %v, created %d, failed %d", stages, created, failed)
	}
	live.err = engine.Errorf(engine.KindUnavailable, "read", "down")
	if _, _, err := e.Capture(context.Background(), engine.CaptureRequest{}); err == nil || failed != 1 || created != 1 {
		t.Errorf("a failed capture: %v, created %d, failed %d", err, created, failed)
	}
}

func TestResolve(t *testing.T) {
	ctx := context.Background()
	e, _ := newEngine("shop")
	if _, err := e.Resolve(ctx, "", "latest"); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("latest of nothing: %v", err)
	}
	a := capture(t, e, engine.CaptureRequest{Description: "alpha"})
	b := capture(t, e, engine.CaptureRequest{Description: "beta"})
	for ref, want := range map[string]string{
		"latest": b.ID, "latest~0": b.ID, "latest~1": a.ID, a.ID: a.ID, a.ID[:len(a.ID)-2]: a.ID,
		"@" + a.Timestamp.Format(time.RFC3339): a.ID, "@-0s": b.ID,
	} {
		got, err := e.Resolve(ctx, "", ref)
		if err != nil || got.ID != want {
			t.Errorf("%s gives %+v, %v; want %s", ref, got, err, want)
		}
	}
	for ref, kind := range map[string]engine.Kind{
		"": engine.KindInvalid, "latest~2": engine.KindNotFound, "latest~x": engine.KindInvalid, "@-1000h": engine.KindNotFound, "@never": engine.KindInvalid,
		"snap_": engine.KindConflict, "snap_1999": engine.KindNotFound, "alpha": engine.KindNotFound, "latest~-1": engine.KindInvalid,
	} {
		if _, err := e.Resolve(ctx, "", ref); engine.KindOf(err) != kind || engine.HintOf(err) == "" {
			t.Errorf("%q gives %v (hint %q), want %s", ref, err, engine.HintOf(err), kind)
		}
	}
}

func TestCompareRanksByTime(t *testing.T) {
	e, live := newEngine("shop")
	a := capture(t, e, engine.CaptureRequest{})
	live.states["shop"] = read("shop", 1200, 240)
	b := capture(t, e, engine.CaptureRequest{})
	d, err := e.Compare(context.Background(), a.ID, b.ID, engine.CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Pairs) != 1 || d.Pairs[0].Delta != 231 || d.Pairs[0].Share != 1 || *d.Pairs[0].LatencyTo != 1200 || d.Worse != 2 || d.Relationships.Changed != 2 {
		t.Errorf("got %+v", d)
	}
	for _, c := range d.Changes {
		for _, p := range c.Properties {
			if p.Name == "updated_at" {
				t.Error("the time of a value counts as a change")
			}
		}
	}
	back, err := e.Compare(context.Background(), b.ID, a.ID, engine.CompareOptions{})
	if err != nil || back.Pairs[0].Delta != -231 || back.Better != 2 {
		t.Errorf("backwards: %+v, %v", back, err)
	}
	now, err := e.Compare(context.Background(), b.ID, engine.Live, engine.CompareOptions{})
	if err != nil || !now.NothingChanged || now.Nodes.Unchanged != 2 {
		t.Errorf("with LIVE: %+v, %v", now, err)
	}
}

func TestUnchangedMetricsOfAChangedPairAreKnown(t *testing.T) {
	e, live := newEngine("shop")
	a := capture(t, e, engine.CaptureRequest{})
	after := read("shop", 45, 240) // the time moved, the latency did not
	live.states["shop"] = after
	after.Graph.Relationships[0].Properties = engine.Properties{"value": 45.0, "severity": "low", "updated_at": "45"}
	b := capture(t, e, engine.CaptureRequest{})
	var changes [][]engine.Change
	for _, target := range []string{b.ID, engine.Live} {
		d, err := e.Compare(context.Background(), a.ID, target, engine.CompareOptions{})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, d.Changes)
		p := d.Pairs[0]
		if p.Delta != 231 || p.LatencyFrom == nil || *p.LatencyFrom != 45 || p.LatencyTo == nil || *p.LatencyTo != 45 || p.QPSFrom != nil {
			t.Errorf("with %s: %+v", target, p)
		}
	}
	if len(changes[0]) == 0 || len(changes[0][0].Properties) == 0 || !reflect.DeepEqual(changes[0], changes[1]) {
		t.Errorf("with the snapshot %+v\nwith LIVE, which is the same, %+v", changes[0], changes[1])
	}
}

func TestOnlyTheClockMovedIsUnchanged(t *testing.T) {
	e, live := newEngine("shop")
	a := capture(t, e, engine.CaptureRequest{})
	live.states["shop"].Graph.Relationships[0].Properties = engine.Properties{"value": 45.0, "severity": "low", "updated_at": "later"}
	b := capture(t, e, engine.CaptureRequest{})
	d, err := e.Compare(context.Background(), a.ID, b.ID, engine.CompareOptions{})
	if err != nil || !d.NothingChanged || d.Relationships.Unchanged != 2 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestSummary(t *testing.T) {
	g, err := enginetest.ParseGraph(`
users -[TIME_MS_PER_S 100 critical]-> products
products -[TIME_MS_PER_S 40]-> inventory
orders -[TIME_MS_PER_S 10 high]-> users
a -[TIME_MS_PER_S 5]-> b
b -[AVG_LATENCY_MS 900]-> b`)
	if err != nil {
		t.Fatal(err)
	}
	s := engine.Summarise(g, engine.Totals{})
	if got := s.CriticalPaths[0]; got.Path != "orders->users->products->inventory" || got.TimeMSPer != 150 {
		t.Errorf("the critical path is %+v", got)
	}
	if s.BottlenecksCount != 2 || s.Bottlenecks[0].From != "users:Table" || s.Bottlenecks[0].Severity != engine.SeverityCritical {
		t.Errorf("bottlenecks are %+v", s.Bottlenecks)
	}
	if s.TotalQPS != nil || s.Complexity != engine.ComplexityLow || s.BottlenecksCount != 2 {
		t.Errorf("summary is %+v", s)
	}
}

func TestDigests(t *testing.T) {
	base := engine.Node{Key: "a:T", Labels: []string{"T"}, Properties: engine.Properties{"x": int64(1)}}
	first, err := engine.NodeDigest(base)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]engine.Node{
		"key":      {Key: "b:T", Labels: base.Labels, Properties: base.Properties},
		"label":    {Key: "a:T", Labels: []string{"U"}, Properties: base.Properties},
		"value":    {Key: "a:T", Labels: base.Labels, Properties: engine.Properties{"x": int64(2)}},
		"type":     {Key: "a:T", Labels: base.Labels, Properties: engine.Properties{"x": 1.0}},
		"text":     {Key: "a:T", Labels: base.Labels, Properties: engine.Properties{"x": "1"}},
		"list":     {Key: "a:T", Labels: base.Labels, Properties: engine.Properties{"x": []any{int64(1)}}},
		"name":     {Key: "a:T", Labels: base.Labels, Properties: engine.Properties{"y": int64(1)}},
		"one more": {Key: "a:T", Labels: base.Labels, Properties: engine.Properties{"x": int64(1), "y": false}},
		"less":     {Key: "a:T", Labels: base.Labels},
	} {
		if d, err := engine.NodeDigest(n); err != nil || d == first {
			t.Errorf("another %s has the same digest (%v)", name, err)
		}
	}
	if _, err := engine.NodeDigest(engine.Node{Properties: engine.Properties{"x": struct{}{}}}); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a value that cannot be stored: %v", err)
	}
}

func TestRootDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := enginetest.RandomGraph(rt)
		a, err := engine.ManifestOf(g)
		if err != nil {
			rt.Fatal(err)
		}
		slices.Reverse(g.Nodes)
		slices.Reverse(g.Relationships)
		b, err := engine.ManifestOf(g)
		if err != nil || a.Root() != b.Root() || a.State() != b.State() {
			rt.Fatalf("%v: %s and %s", err, a.Root(), b.Root())
		}
		decoded, err := engine.DecodeManifest(a.Encode())
		if err != nil || !bytes.Equal(decoded.Encode(), a.Encode()) || decoded.Root() != a.Root() {
			rt.Fatalf("an encoded manifest is read as another: %v", err)
		}
	})
}

func TestGraphCheck(t *testing.T) {
	node := func(key string) engine.Node { return engine.Node{Key: key} }
	for name, g := range map[string]engine.Graph{
		"no key":       {Nodes: []engine.Node{node("")}},
		"twice":        {Nodes: []engine.Node{node("a"), node("a")}},
		"dangling":     {Nodes: []engine.Node{node("a")}, Relationships: []engine.Relationship{{Key: "r", Type: "T", From: "a", To: "b"}}},
		"without type": {Nodes: []engine.Node{node("a")}, Relationships: []engine.Relationship{{Key: "r", From: "a", To: "a"}}},
	} {
		if err := g.Check(); engine.KindOf(err) != engine.KindInvalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestKindsAndHints(t *testing.T) {
	inner := engine.Errorf(engine.KindDenied, "inner", "no").WithHint("do this")
	outer := engine.Errorf(engine.KindUnavailable, "outer", "failed").WithCause(inner)
	if engine.KindOf(outer) != engine.KindUnavailable || engine.HintOf(outer) != "do this" {
		t.Errorf("kind %s, hint %q", engine.KindOf(outer), engine.HintOf(outer))
	}
	if engine.KindOf(context.Canceled) != engine.KindExhausted || engine.KindOf(fmt.Errorf("x")) != engine.KindInternal {
		t.Error("foreign errors have the wrong kinds")
	}
	if got := outer.Error(); got != "outer: failed: inner: no" {
		t.Errorf("text is %q", got)
	}
}
