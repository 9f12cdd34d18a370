package engine_test

import (
	"archive/tar"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// onRandomGraphs checks a law on random graphs: a hundred, or as many as GRAPHSNAP_RANDOM says.
func onRandomGraphs(t *testing.T, law func(*rapid.T)) {
	t.Helper()
	if n := os.Getenv("GRAPHSNAP_RANDOM"); n != "" {
		if err := flag.Set("rapid.checks", n); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, law)
}

func mustHave[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func emptyEngine() *engine.Engine {
	return engine.New(engine.Options{Store: &enginetest.MemoryStore{}})
}

// frozen gives an engine with one snapshot that has every field set.
func frozen(t interface{ Fatal(...any) }, g *engine.Graph) (*engine.Engine, *engine.Snapshot) {
	store := &enginetest.MemoryStore{}
	s := fullSnapshot("snap_20260131_090500_pre_deploy", "shop", 0)
	if err := engine.FreezeGraph(context.Background(), store, s, g, engine.PublishOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	return engine.New(engine.Options{Store: store}), s
}

func fullSnapshot(id, source string, minute int) *engine.Snapshot {
	qps, latency, deadlocks := 1234.5, 4.25, int64(2)
	at := time.Date(2026, 1, 31, 9, 5+minute, 0, 123_000_000, time.UTC)
	return &engine.Snapshot{
		ID: id, Source: source, Timestamp: at, TriggerType: engine.TriggerThreshold, Rule: "slow joins", TriggerReason: "latency of users->products above 100 ms",
		Description: `before the "deploy" of users`, Tags: []string{"release", "v2"}, Template: "checkout", Retention: "weekly", Warnings: []string{"one table has no statistics"}, CaptureDurationMS: 12.5,
		Consistency: engine.Consistency{Mode: engine.ConsistencyDouble, Attempts: 2, ReadMS: 8.5, ReadFrom: at.Add(-time.Second), Evidence: "digest 1 = digest 2"},
		Live: engine.LiveState{
			Source: source, Tick: 77, CollectedAt: at.Add(-2 * time.Second), DatabaseType: "postgresql", DatabaseName: "shop_prod", DatabaseVersion: "16.4",
			Status: "partial", Message: "pg_stat_statements was reset", Totals: engine.Totals{TotalQPS: &qps, AvgLatencyMS: &latency, Deadlocks: &deadlocks},
		},
	}
}

func exported(t interface{ Fatal(...any) }, e *engine.Engine, id string, o engine.ExportOptions) []byte {
	var b bytes.Buffer
	if err := e.Export(context.Background(), id, o, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func imported(t interface{ Fatal(...any) }, e *engine.Engine, content []byte) *engine.ImportReport {
	r, err := e.Import(context.Background(), bytes.NewReader(content), engine.ImportOptions{Actor: "test"}, nil)
	if err != nil {
		t.Fatal(fmt.Sprintf("%v\nhint: %s\n%.2000s", err, engine.HintOf(err), content))
	}
	return r
}

// sameHeader compares what an import must keep: everything but what belongs to the database.
func sameHeader(t interface{ Fatal(...any) }, e *engine.Engine, want *engine.Snapshot) {
	got, err := e.Resolve(context.Background(), "", want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Imported {
		t.Fatal("an imported snapshot does not say so")
	}
	a, b := *got, *want
	for _, s := range []*engine.Snapshot{&a, &b} {
		s.Seq, s.HeaderHash, s.ChainHash, s.ManifestHash, s.Previous, s.Next, s.Imported, s.SameAs = 0, "", "", "", "", "", false, ""
	}
	if x, y := fmt.Sprintf("%+v", flat(a)), fmt.Sprintf("%+v", flat(b)); x != y {
		t.Fatal(fmt.Sprintf("the header came back as\n%s\nwant\n%s", x, y))
	}
}

// flat replaces pointers by values, for messages and comparison.
func flat(s engine.Snapshot) map[string]any {
	out := map[string]any{}
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		switch {
		case v.Kind() == reflect.Pointer && v.IsNil():
		case v.Kind() == reflect.Pointer:
			walk(name, v.Elem())
		case v.Type() == reflect.TypeFor[time.Time]():
			out[name] = v.Interface().(time.Time).UTC().String()
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				walk(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				walk(fmt.Sprint(name, i), v.Index(i))
			}
		default:
			out[name] = v.Interface()
		}
	}
	walk("", reflect.ValueOf(s))
	return out
}

func TestJSONRoundTripOfRandomGraphs(t *testing.T) {
	onRandomGraphs(t, func(rt *rapid.T) {
		e, s := frozen(rt, enginetest.RandomGraph(rt))
		content := exported(rt, e, s.ID, engine.ExportOptions{})
		other := emptyEngine()
		if r := imported(rt, other, content); r.Format != "json" || r.Snapshots[0].Status != engine.ImportImported || len(r.Ignored) > 0 {
			rt.Fatalf("the report is %+v", r)
		}
		sameHeader(rt, other, s)
		if r := imported(rt, other, content); r.Snapshots[0].Status != engine.ImportAlreadyThere {
			rt.Fatalf("a second import says %+v", r)
		}
		if again := exported(rt, other, s.ID, engine.ExportOptions{NoMetadata: true}); !bytes.Equal(again, exported(rt, e, s.ID, engine.ExportOptions{NoMetadata: true})) {
			rt.Fatalf("the export of what was imported differs:\n%s", again)
		}
		bare := emptyEngine()
		imported(rt, bare, exported(rt, e, s.ID, engine.ExportOptions{NoMetadata: true}))
		if got, err := bare.Resolve(context.Background(), "", s.ID); err != nil || got.RootHash != s.RootHash || got.Source != "shop" || got.Description != "" {
			rt.Fatalf("without metadata it comes back as %+v, %v", got, err)
		}
	})
}

// carriable gives a graph that CSV can carry: one type to each property, and no list that it has no form for.
func carriable(g *engine.Graph) *engine.Graph {
	convert := func(p engine.Properties) engine.Properties {
		out := engine.Properties{}
		for name, v := range p {
			kind := fmt.Sprintf("%T", v)
			switch x := v.(type) {
			case []byte:
				if len(x) == 0 {
					continue
				}
			case []any:
				if len(x) == 0 {
					continue
				}
				kind += fmt.Sprintf("%T", x[0])
				if slices.ContainsFunc(x, func(v any) bool { s, _ := v.(string); return strings.Contains(s, ";") }) {
					continue
				}
			}
			out[name+" "+kind] = v
		}
		for _, own := range []string{"seq", "h", "own_seq", "key"} { // names that the files use themselves
			if v, ok := p[own].(int64); ok {
				out[own] = v
			}
		}
		return out
	}
	out := &engine.Graph{}
	for _, n := range g.Nodes {
		n.Properties = convert(n.Properties)
		out.Nodes = append(out.Nodes, n)
	}
	for _, r := range g.Relationships {
		r.Properties = convert(r.Properties)
		out.Relationships = append(out.Relationships, r)
	}
	return out
}

func TestCSVRoundTripOfRandomGraphs(t *testing.T) {
	onRandomGraphs(t, func(rt *rapid.T) {
		e, s := frozen(rt, carriable(enginetest.RandomGraph(rt)))
		content := exported(rt, e, s.ID, engine.ExportOptions{Format: engine.ExportCSV})
		other := emptyEngine()
		if r := imported(rt, other, content); r.Format != "csv" || r.Snapshots[0].Status != engine.ImportImported {
			rt.Fatalf("the report is %+v", r)
		}
		sameHeader(rt, other, s)
	})
}

// TestCSVCarriesOrRefuses takes any graph: what the export lets through comes back whole, and what it refuses it names.
func TestCSVCarriesOrRefuses(t *testing.T) {
	carried, refused := 0, 0
	onRandomGraphs(t, func(rt *rapid.T) {
		e, s := frozen(rt, enginetest.RandomGraph(rt))
		var b bytes.Buffer
		err := e.Export(context.Background(), s.ID, engine.ExportOptions{Format: engine.ExportCSV}, &b)
		if err == nil {
			carried++
			other := emptyEngine()
			imported(rt, other, b.Bytes())
			sameHeader(rt, other, s)
			return
		}
		refused++
		if engine.KindOf(err) != engine.KindInvalid || b.Len() > 0 || engine.HintOf(err) == "" || !strings.Contains(err.Error(), "property") {
			rt.Fatalf("the refusal is %v, hint %q, after %d bytes", err, engine.HintOf(err), b.Len())
		}
	})
	if carried == 0 || refused == 0 {
		t.Errorf("%d graphs were carried and %d refused, so one half was not looked at", carried, refused)
	}
}

// TestCSVHasNoFormulas looks at every cell as a spreadsheet does.
func TestCSVHasNoFormulas(t *testing.T) {
	evil := []string{"=HYPERLINK(\"http://x\")", "+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "'=1", "plain"}
	g := &engine.Graph{}
	for i, text := range evil {
		g.Nodes = append(g.Nodes, engine.Node{Key: text + fmt.Sprint(i), Labels: []string{text}, Properties: engine.Properties{text: text, "list": []any{text, text}}})
		g.Relationships = append(g.Relationships, engine.Relationship{Key: text, Type: text, From: text + fmt.Sprint(i), To: text + fmt.Sprint(i), Properties: engine.Properties{}})
	}
	e, s := frozen(t, g)
	content := exported(t, e, s.ID, engine.ExportOptions{Format: engine.ExportCSV})
	in := tar.NewReader(bytes.NewReader(content))
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(in)
		for _, cell := range strings.Split(strings.ReplaceAll(string(text), "\n", ","), ",") {
			if cell = strings.Trim(cell, `"`); h.Name != "metadata.json" && cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("%s has the cell %q", h.Name, cell)
			}
		}
	}
	other := emptyEngine()
	imported(t, other, content)
	sameHeader(t, other, s)
}

func TestArchive(t *testing.T) {
	ctx := context.Background()
	store := &enginetest.MemoryStore{}
	var snaps []*engine.Snapshot
	for i := range 5 {
		s := fullSnapshot(fmt.Sprintf("snap_20260131_09%02d00_tick", 5+i), "shop", i)
		if err := engine.FreezeGraph(ctx, store, s, enginetest.SizedGraph(10, 20, i), engine.PublishOptions{}, nil); err != nil {
			t.Fatal(err)
		}
		snaps = append(snaps, s)
	}
	e := engine.New(engine.Options{Store: store})
	var b bytes.Buffer
	var seen []string
	if err := e.ExportArchive(ctx, engine.ArchiveQuery{Source: "shop", Since: snaps[1].Timestamp}, &b, func(done, total int) { seen = append(seen, fmt.Sprint(done, "/", total)) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 5 || seen[4] != "4/4" {
		t.Errorf("progress was %v", seen)
	}
	other := emptyEngine()
	imported(t, other, exported(t, e, snaps[2].ID, engine.ExportOptions{})) // one is there already
	r := imported(t, other, b.Bytes())
	if r.Format != "archive" || r.Total != 4 || r.Count(engine.ImportImported) != 3 || r.Count(engine.ImportAlreadyThere) != 1 {
		t.Fatalf("the report is %+v", r)
	}
	for _, s := range snaps[1:] {
		sameHeader(t, other, s)
	}
	last, err := other.Resolve(ctx, "", snaps[3].ID)
	if err != nil || last.Previous != snaps[2].ID || last.Next != snaps[4].ID {
		t.Errorf("it lies between %q and %q", last.Previous, last.Next)
	}
	if r := imported(t, other, b.Bytes()); r.Count(engine.ImportAlreadyThere) != 4 {
		t.Errorf("repeated, the report is %+v", r)
	}
	// One part cut in the middle costs that part; cut off, the archive says so and keeps what came before.
	cut := b.Bytes()[:b.Len()*6/10]
	third := emptyEngine()
	r, err = third.Import(ctx, bytes.NewReader(cut), engine.ImportOptions{}, nil)
	if engine.KindOf(err) != engine.KindInvalid || r.Count(engine.ImportImported) == 0 || r.Count(engine.ImportImported) == 4 || engine.HintOf(err) == "" {
		t.Errorf("a cut archive gives %v and %+v", err, r)
	}
	changed := bytes.Replace(b.Bytes(), []byte(`"rule":"slow joins"`), []byte(`"rule":"slow JOINS"`), 1)
	fourth := emptyEngine()
	r, err = fourth.Import(ctx, bytes.NewReader(changed), engine.ImportOptions{}, nil)
	if err != nil || r.Count(engine.ImportImported) != 3 || r.Snapshots[0].Status != engine.ImportFailed || !strings.Contains(fmt.Sprint(r.Snapshots[0].Err), "checksum") {
		t.Errorf("a changed part gives %v and %+v", err, r)
	}
}

func TestJSONFormOfValues(t *testing.T) {
	berlin := mustHave[*time.Location](t)(time.LoadLocation("Europe/Berlin"))
	for want, v := range map[string]any{
		`1`:                                     int64(1),
		`1.0`:                                   1.0,
		`-0.0`:                                  math.Copysign(0, -1),
		`9007199254740993`:                      int64(1<<53 + 1),
		`1e+21`:                                 1e21,
		`5e-324`:                                5e-324,
		`"a\"\\\n\u0000☃"`:                      "a\"\\\n\x00☃",
		`[true,false]`:                          []any{true, false},
		`[]`:                                    []any{},
		`{"$type":"float","value":"NaN"}`:       math.NaN(),
		`{"$type":"float","value":"-Infinity"}`: math.Inf(-1),
		`{"$type":"bytes","value":"AP8="}`:      []byte{0, 255},
		`{"$type":"date","value":"2026-01-31"}`: engine.Date("2026-01-31"),
		`{"$type":"duration","value":"P1M2DT-3.500000000S"}`:                         engine.Duration("P1M2DT-3.500000000S"),
		`{"$type":"point","value":"7203 1.5 2"}`:                                     engine.Point{SRID: 7203, X: 1.5, Y: 2},
		`{"$type":"datetime","value":"2026-10-25T02:30:00+01:00[Europe/Berlin]"}`:    time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC).In(berlin),
		`{"$type":"datetime","value":"1880-06-01T12:00:00+00:53:28[Europe/Berlin]"}`: time.Date(1880, 6, 1, 12, 0, 0, 0, berlin),
		`{"$type":"time","value":"09:05:00+01:00"}`:                                  engine.OffsetTime("09:05:00+01:00"),
	} {
		got, err := engine.AppendJSON(nil, v)
		if err != nil || string(got) != want {
			t.Errorf("%#v is %s, want %s; %v", v, got, want, err)
		}
		g := &engine.Graph{Nodes: []engine.Node{{Key: "a", Labels: []string{"T"}, Properties: engine.Properties{"v": v}}}}
		e, s := frozen(t, g)
		other := emptyEngine()
		imported(t, other, exported(t, e, s.ID, engine.ExportOptions{}))
		sameHeader(t, other, s)
	}
	for _, v := range []any{"\xff", struct{}{}, map[string]any{}, time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got, err := engine.AppendJSON(nil, v); engine.KindOf(err) != engine.KindInvalid {
			t.Errorf("%#v is %s, want an error", v, got)
		}
	}
}
