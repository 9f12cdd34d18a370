package neo4jdb

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// tickOf makes a tick of three tables and one metric for a source of its own.
func tickOf(source string, latency float64) *engine.Tick {
	qps := 12.5
	metric := func(relType string, value float64) engine.Relationship {
		return engine.Relationship{
			Key: engine.RelationshipKey("users:Table", relType, "products:Table", ""), Type: relType, From: "users:Table", To: "products:Table",
			Properties: engine.Properties{"value": value, "severity": "low", "updated_at": time.Unix(1700000000, 0).UTC()},
		}
	}
	reference := engine.RelationshipKey("products:Table", engine.RelReferences, "suppliers:Table", "products_supplier_id_fkey")
	return &engine.Tick{
		State: engine.LiveState{Source: source, CollectedAt: time.Unix(1700000000, 0).UTC(), DatabaseType: "postgresql", DatabaseName: "shop", Status: "ok", Totals: engine.Totals{TotalQPS: &qps}},
		Graph: engine.Graph{
			Nodes: []engine.Node{
				{Key: "users:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "users", "row_count": int64(5)}},
				{Key: "products:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "products", "tags": []string{"a", "b"}}},
				{Key: "suppliers:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "suppliers"}},
			},
			Relationships: []engine.Relationship{
				metric(engine.RelAvgLatencyMS, latency),
				metric(engine.RelTimeMSPerS, latency*12.5),
				{Key: reference, Type: engine.RelReferences, From: "products:Table", To: "suppliers:Table", Properties: engine.Properties{"key": reference, "name": "products_supplier_id_fkey"}},
			},
		},
	}
}

func engineOver(live *Live, snaps *Snapshots) *engine.Engine {
	return engine.New(engine.Options{Live: live, Store: snaps, Logger: slog.New(slog.DiscardHandler)})
}

// liveRead is a reading with its graph.
type liveRead struct {
	engine.LiveRead
	Graph engine.Graph
}

func (r *liveRead) Nodes(_ context.Context, nodes []engine.Node, _ []int64) error {
	r.Graph.Nodes = append(r.Graph.Nodes, nodes...)
	return nil
}

func (r *liveRead) Relationships(_ context.Context, rels []engine.Relationship, _ []int64) error {
	r.Graph.Relationships = append(r.Graph.Relationships, rels...)
	return nil
}

func readLive(t *testing.T, live *Live, source string) *liveRead {
	t.Helper()
	var r *liveRead
	read, err := live.ReadLive(context.Background(), source, engine.ReadOptions{}, func() (engine.Sink, error) {
		r = &liveRead{}
		return r, nil
	})
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, engine.HintOf(err))
	}
	r.LiveRead = *read
	return r
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v (hint: %s)", err, engine.HintOf(err))
		}
		return v
	}
}

func latencyIn(t *testing.T, g *engine.Graph) float64 {
	t.Helper()
	for _, r := range g.Relationships {
		if r.Type == engine.RelAvgLatencyMS {
			v, _ := r.Properties.Number("value")
			return v
		}
	}
	t.Fatal("no latency in the graph")
	return 0
}

func TestTickIsWrittenUpdatedAndShrinks(t *testing.T) {
	live, _ := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	first := must[int64](t)(live.WriteTick(ctx, tickOf(source, 45)))
	tick := tickOf(source, 1200)
	tick.Graph.Nodes = tick.Graph.Nodes[:2] // suppliers is dropped, and its reference with it
	tick.Graph.Relationships = tick.Graph.Relationships[:2]
	second := must[int64](t)(live.WriteTick(ctx, tick))
	if second != first+1 {
		t.Errorf("tick %d follows tick %d", second, first)
	}
	read := readLive(t, live, source)
	if len(read.Graph.Nodes) != 2 || len(read.Graph.Relationships) != 2 {
		t.Fatalf("the live graph holds %s, want 2 nodes, 2 relationships", &read.Graph)
	}
	if v := latencyIn(t, &read.Graph); v != 1200 {
		t.Errorf("latency is %v, want 1200", v)
	}
	if read.State.Tick != second || read.State.Totals.TotalQPS == nil || *read.State.Totals.TotalQPS != 12.5 || read.State.Totals.AvgLatencyMS != nil {
		t.Errorf("state is %+v", read.State)
	}
	if read.Consistency.Mode == engine.ConsistencyFuzzy {
		t.Errorf("consistency is %+v although nothing was written", read.Consistency)
	}
}

// TestForget: a source that nobody watches any more leaves the live graph, its neighbour stays, and it may come back.
func TestForget(t *testing.T) {
	live, _ := openBoth(t)
	ctx := t.Context()
	for _, source := range []string{"forgotten", "neighbour"} {
		if _, err := live.WriteTick(ctx, tickOf(source, 45)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := live.Forget(ctx, "forgotten"); err != nil {
			t.Fatal(err)
		}
	}
	states, err := live.Sources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, s := range states {
		have[s.Source] = true
	}
	if have["forgotten"] || !have["neighbour"] {
		t.Errorf("sources are %v", have)
	}
	if tick, err := live.WriteTick(ctx, tickOf("forgotten", 45)); err != nil || tick != 1 {
		t.Errorf("it comes back with tick %d, %v", tick, err)
	}
}

func TestTickIsAllOrNothing(t *testing.T) {
	live, _ := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	must[int64](t)(live.WriteTick(ctx, tickOf(source, 45)))
	bad := tickOf(source, 99)
	bad.Graph.Relationships[1].Properties["value"] = map[string]any{"nested": 1} // Neo4j refuses maps as properties
	if _, err := live.WriteTick(ctx, bad); err == nil {
		t.Fatal("a property that cannot be stored was accepted")
	}
	read := readLive(t, live, source)
	if v := latencyIn(t, &read.Graph); v != 45 {
		t.Errorf("latency is %v after a failed tick, want 45 of the tick before", v)
	}
}

// TestCaptureAndCompare goes the whole way of the product's story over real servers.
func TestCaptureAndCompare(t *testing.T) {
	live, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	e := engineOver(live, snaps)
	must[int64](t)(live.WriteTick(ctx, tickOf(source, 45)))
	a := capturedAs(t, e, engine.CaptureRequest{Source: source, Description: "before"})
	must[int64](t)(live.WriteTick(ctx, tickOf(source, 1200)))
	b := capturedAs(t, e, engine.CaptureRequest{Source: source, Description: "after"})
	d := must[*engine.Diff](t)(e.Compare(ctx, a.ID, b.ID, engine.CompareOptions{}))
	if len(d.Pairs) == 0 || d.Pairs[0].From != "users:Table" || d.Pairs[0].To != "products:Table" {
		t.Fatalf("pairs are %+v, want users->products first", d.Pairs)
	}
	if p := d.Pairs[0]; p.LatencyFrom == nil || *p.LatencyFrom != 45 || p.LatencyTo == nil || *p.LatencyTo != 1200 {
		t.Errorf("latency %v -> %v, want 45 -> 1200", p.LatencyFrom, p.LatencyTo)
	}
	if d.Relationships.Changed != 2 || d.Relationships.Unchanged != 1 || d.Nodes.Unchanged != 3 || d.Worse != 2 {
		t.Errorf("nodes %+v, relationships %+v, worse %d", d.Nodes, d.Relationships, d.Worse)
	}
	frozen := must[*engine.Graph](t)(e.Graph(ctx, b.ID))
	if root := must[*engine.Manifest](t)(engine.ManifestOf(frozen)).Root(); root != b.RootHash {
		t.Errorf("the frozen graph has root %s, the snapshot says %s", root, b.RootHash)
	}
	if now := must[*engine.Diff](t)(e.Compare(ctx, b.ID, engine.Live, engine.CompareOptions{})); !now.NothingChanged {
		t.Errorf("compared with LIVE: %+v, want nothing changed", now.Changes)
	}
	again := must[*engine.Snapshot](t)(snaps.Get(ctx, b.ID))
	if again.Previous != a.ID || again.Next != "" {
		t.Errorf("neighbours are %q and %q, want %q and none", again.Previous, again.Next, a.ID)
	}
}

// TestStrangerIsCaptured takes a graph in the shape of another producer: labels such as :Artist, integer timestamps,
// neither keys nor sources nor a :LiveGraph.
func TestStrangerIsCaptured(t *testing.T) {
	live, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	stranger := must[*Live](t)(OpenLive(configOf(enginetest.LiveNeo4j(t)), source, engine.SystemClock{}, slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = stranger.Close(ctx) })
	e := engineOver(stranger, snaps)
	write := func(text string, params map[string]any) {
		t.Helper()
		session := live.session(ctx, neo4j.AccessModeWrite)
		defer closeSession(ctx, session)
		if _, err := session.Run(ctx, text, params); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { write(`MATCH (n) WHERE n.name IN ['AC/DC', 'Back in Black'] DETACH DELETE n`, nil) })
	write(`CREATE (a:Artist {name: 'AC/DC', id: 1})-[:AVG_LATENCY_MS {value: $v, timestamp: 1700000000, source_name: 'AC/DC', target_name: 'Back in Black', unit: 'ms'}]->(:Album {name: 'Back in Black'})`, map[string]any{"v": 45.0})
	a := capturedAs(t, e, engine.CaptureRequest{Source: source, Description: "stranger before"})
	write(`MATCH (:Artist)-[r:AVG_LATENCY_MS]->(:Album) SET r.value = 1200, r.timestamp = 1700000060`, nil)
	b := capturedAs(t, e, engine.CaptureRequest{Source: source, Description: "stranger after"})
	if a.Labels["Artist"] != 1 || a.Labels["Album"] != 1 || a.RelationshipTypes["AVG_LATENCY_MS"] != 1 {
		t.Errorf("labels %v, types %v", a.Labels, a.RelationshipTypes)
	}
	d := must[*engine.Diff](t)(e.Compare(ctx, a.ID, b.ID, engine.CompareOptions{}))
	if len(d.Changes) != 1 || d.Changes[0].Key != "AC/DC:Artist-[AVG_LATENCY_MS]->Back in Black:Album" || *d.Changes[0].Absolute != 1155 {
		t.Errorf("changes are %+v", d.Changes)
	}
	if a.Summary.TotalQPS != nil {
		t.Errorf("total_qps is %v, want unknown: no database counter tells it", *a.Summary.TotalQPS)
	}
}

func TestWrongAddressAndPassword(t *testing.T) {
	live, _ := openBoth(t)
	ctx := context.Background()
	for name, test := range map[string]struct {
		config Config
		kind   engine.Kind
		says   string
	}{
		"nobody listens": {Config{URI: "bolt://127.0.0.1:1"}, engine.KindUnavailable, "does not answer"},
		"wrong password": {Config{URI: live.uri, User: "neo4j", Password: "wrong"}, engine.KindDenied, "refuses the user or password"},
	} {
		t.Run(name, func(t *testing.T) {
			l := must[*Live](t)(OpenLive(test.config, "default", engine.SystemClock{}, slog.New(slog.DiscardHandler)))
			defer func() { _ = l.Close(ctx) }()
			_, err := l.Ready(ctx)
			if engine.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) || engine.HintOf(err) == "" {
				t.Errorf("kind %s, error %v, hint %q", engine.KindOf(err), err, engine.HintOf(err))
			}
		})
	}
	if _, err := OpenLive(Config{URI: "http://x"}, "default", engine.SystemClock{}, nil); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("an http address gives %v, want invalid", err)
	}
}
