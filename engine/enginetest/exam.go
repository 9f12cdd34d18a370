package enginetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"graphsnap/engine"
)

// Store is what the exam examines: the store, and a source that nobody else uses.
type Store struct {
	engine.SnapshotStore
	Source string
}

// Exam holds a store to what engine.SnapshotStore promises. open gives the store with a fresh source for each part.
func Exam(t *testing.T, open func(t *testing.T) Store) {
	ctx := context.Background()
	parts := []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"what is frozen comes back", func(t *testing.T, s Store) {
			g := demoGraph(45)
			snap := s.freeze(t, "round trip", 0, g)
			got := must(s.Graph(ctx, snap.ID))(t)
			if !reflect.DeepEqual(normal(got), normal(g)) {
				t.Errorf("got\n%+v\nwant\n%+v", got, g)
			}
			again := must(s.Get(ctx, snap.ID))(t)
			if again.RootHash != snap.RootHash || again.NodeCount != 3 || again.RelationshipCount != 2 || !again.Timestamp.Equal(snap.Timestamp) ||
				again.Summary.BottlenecksCount != snap.Summary.BottlenecksCount || !reflect.DeepEqual(again.Tags, snap.Tags) ||
				!reflect.DeepEqual(again.Labels, snap.Labels) || !reflect.DeepEqual(again.Summary.CriticalPaths, snap.Summary.CriticalPaths) {
				t.Errorf("got  %+v\nwant %+v", again, snap)
			}
		}},
		{"unknown figures stay unknown", func(t *testing.T, s Store) {
			snap := s.freeze(t, "unknown", 0, demoGraph(1))
			if got := must(s.Get(ctx, snap.ID))(t); got.Summary.TotalQPS != nil || got.Summary.AvgLatencyMS != nil {
				t.Errorf("unknown totals came back as %v and %v", got.Summary.TotalQPS, got.Summary.AvgLatencyMS)
			}
		}},
		{"a graph that is not the described one is refused", func(t *testing.T, s Store) {
			snap := describe(s.Source, "wrong", 0, demoGraph(1))
			if err := s.Freeze(ctx, snap, demoGraph(2), nil); engine.KindOf(err) != engine.KindConflict {
				t.Errorf("got %v, want a conflict", err)
			}
			s.wantTimeline(t)
		}},
		{"the same id in the same second gets a suffix", func(t *testing.T, s Store) {
			a, b := s.freeze(t, "twin", 0, demoGraph(1)), s.freeze(t, "twin", 0, demoGraph(1))
			if b.ID != a.ID+"_2" || !engine.IsSnapshotID(b.ID) {
				t.Errorf("the second id is %q after %q", b.ID, a.ID)
			}
		}},
		{"the timeline is linear and in time order, also after late arrivals and deletions", func(t *testing.T, s Store) {
			var ids []string
			for _, minute := range []int{0, 2, 4, 1, 3} { // 1 and 3 arrive late
				ids = append(ids, s.freeze(t, fmt.Sprintf("m%d", minute), minute, demoGraph(float64(minute))).ID)
			}
			order := []string{ids[0], ids[3], ids[1], ids[4], ids[2]}
			s.wantTimeline(t, order...)
			for _, gone := range []int{2, 0, 2} { // the middle, the first, the last
				if err := s.Delete(ctx, order[gone]); err != nil {
					t.Fatal(err)
				}
				order = slices.Delete(order, gone, gone+1)
				s.wantTimeline(t, order...)
			}
		}},
		{"the last deletion empties the timeline and a new snapshot begins it anew", func(t *testing.T, s Store) {
			snap := s.freeze(t, "only", 0, demoGraph(1))
			if err := s.Delete(ctx, snap.ID); err != nil {
				t.Fatal(err)
			}
			s.wantTimeline(t)
			if names := must(s.Sources(ctx))(t); slices.Contains(names, s.Source) {
				t.Errorf("sources are %v after the last deletion", names)
			}
			s.wantTimeline(t, s.freeze(t, "again", 1, demoGraph(1)).ID)
		}},
		{"deleted is gone", func(t *testing.T, s Store) {
			snap := s.freeze(t, "gone", 0, demoGraph(1))
			if err := s.Delete(ctx, snap.ID); err != nil {
				t.Fatal(err)
			}
			_, get := s.Get(ctx, snap.ID)
			_, graph := s.Graph(ctx, snap.ID)
			_, compare := s.Compare(ctx, snap.ID, snap.ID)
			_, history := s.History(ctx, snap.ID, nil, 5)
			for what, err := range map[string]error{"get": get, "graph": graph, "compare": compare, "history": history, "delete": s.Delete(ctx, snap.ID)} {
				if engine.KindOf(err) != engine.KindNotFound {
					t.Errorf("%s gives %v, want not_found", what, err)
				}
			}
		}},
		{"lists filter", func(t *testing.T, s Store) {
			a := s.freeze(t, "Before DEPLOY", 0, demoGraph(1))
			b := s.freezeAs(t, "incident", 1, demoGraph(2000), func(x *engine.Snapshot) {
				x.TriggerType, x.Severity, x.Tags = engine.TriggerIncident, "critical", []string{"x"}
			})
			base := a.Timestamp
			for name, test := range map[string]struct {
				filter engine.Filter
				want   []string
			}{
				"all, newest first":   {engine.Filter{}, []string{b.ID, a.ID}},
				"trigger":             {engine.Filter{Trigger: engine.TriggerIncident}, []string{b.ID}},
				"severity":            {engine.Filter{Severity: "critical"}, []string{b.ID}},
				"text in any case":    {engine.Filter{Query: "deploy"}, []string{a.ID}},
				"text in the id":      {engine.Filter{Query: strings.ToUpper(b.ID)}, []string{b.ID}},
				"tag":                 {engine.Filter{Tag: "x"}, []string{b.ID}},
				"since is inclusive":  {engine.Filter{Since: b.Timestamp}, []string{b.ID}},
				"until is exclusive":  {engine.Filter{Until: b.Timestamp}, []string{a.ID}},
				"a span":              {engine.Filter{Since: base, Until: base.Add(time.Second)}, []string{a.ID}},
				"prefix":              {engine.Filter{Prefix: a.ID[:len(a.ID)-3]}, []string{a.ID}},
				"nothing":             {engine.Filter{Tag: "none"}, nil},
				"a foreign character": {engine.Filter{Query: "'; DROP"}, nil},
			} {
				test.filter.Source = s.Source
				rows, _, err := s.List(ctx, test.filter)
				if err != nil {
					t.Fatal(err)
				}
				if got := ids(rows); !slices.Equal(got, test.want) {
					t.Errorf("%s: got %v, want %v", name, got, test.want)
				}
			}
		}},
		{"pages hold together while snapshots arrive", func(t *testing.T, s Store) {
			var want []string
			for i := range 5 {
				want = append([]string{s.freeze(t, fmt.Sprintf("p%d", i), i/2, demoGraph(1)).ID}, want...)
			}
			var got []string
			f := engine.Filter{Source: s.Source, Limit: 2}
			for page := 0; ; page++ {
				rows, cursor, err := s.List(ctx, f)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, ids(rows)...)
				if page == 0 {
					s.freeze(t, "later", 60, demoGraph(1))
				}
				if cursor == "" {
					break
				}
				f.Cursor = cursor
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages gave %v, want %v", got, want)
			}
		}},
		{"a foreign cursor is refused", func(t *testing.T, s Store) {
			if _, _, err := s.List(ctx, engine.Filter{Cursor: "no cursor"}); engine.KindOf(err) != engine.KindInvalid {
				t.Errorf("got %v, want invalid", err)
			}
		}},
		{"sources do not mix", func(t *testing.T, s Store) {
			other := Store{s.SnapshotStore, s.Source + "-other"}
			a, b := s.freeze(t, "mine", 0, demoGraph(1)), other.freeze(t, "theirs", 1, demoGraph(1))
			s.wantTimeline(t, a.ID)
			other.wantTimeline(t, b.ID)
		}},
		{"compare finds what differs and counts the rest", func(t *testing.T, s Store) {
			before, after := demoGraph(45), demoGraph(1200)
			after.Nodes = append(after.Nodes, engine.Node{Key: "zones:Table", Labels: []string{"Table"}, Properties: engine.Properties{}})
			a, b := s.freeze(t, "before", 0, before), s.freeze(t, "after", 1, after)
			d := must(s.Compare(ctx, a.ID, b.ID))(t)
			if len(d.Pairs) != 2 || d.SameNodes != 3 || d.SameRels != 1 || d.Baseline.ID != a.ID || d.Target.ID != b.ID {
				t.Fatalf("pairs %+v, same %d and %d", d.Pairs, d.SameNodes, d.SameRels)
			}
		}},
		{"a snapshot does not differ from itself", func(t *testing.T, s Store) {
			a := s.freeze(t, "self", 0, demoGraph(45))
			if d := must(s.Compare(ctx, a.ID, a.ID))(t); len(d.Pairs) != 0 || d.SameNodes != 3 || d.SameRels != 2 {
				t.Errorf("got %+v", d)
			}
		}},
		{"history goes back from a snapshot, newest first", func(t *testing.T, s Store) {
			var last *engine.Snapshot
			for i := range 4 {
				last = s.freeze(t, fmt.Sprintf("h%d", i), i, demoGraph(float64(10*i)))
			}
			key := engine.RelationshipKey("users:Table", engine.RelAvgLatencyMS, "products:Table", "")
			points := must(s.History(ctx, last.ID, []string{key, "none-[X]->none"}, 2))(t)
			if len(points) != 2 || points[0].Values[key] != 20 || points[1].Values[key] != 10 || len(points[0].Values) != 1 {
				t.Errorf("got %+v", points)
			}
		}},
		{"values are found by key", func(t *testing.T, s Store) {
			snap := s.freeze(t, "values", 0, demoGraph(45))
			key := engine.RelationshipKey("users:Table", engine.RelAvgLatencyMS, "products:Table", "")
			values := must(s.Values(ctx, snap.ID, []string{key, "none-[X]->none"}))(t)
			if len(values) != 1 || values[key] != 45 {
				t.Errorf("got %v", values)
			}
			if _, err := s.Values(ctx, "snap_20000101_000000_none", nil); engine.KindOf(err) != engine.KindNotFound {
				t.Errorf("of an unknown snapshot: %v", err)
			}
		}},
		{"a cancelled freeze leaves nothing", func(t *testing.T, s Store) {
			stopped, cancel := context.WithCancel(ctx)
			cancel()
			g := demoGraph(1)
			if err := s.Freeze(stopped, describe(s.Source, "cancelled", 0, g), g, nil); err == nil {
				t.Error("a cancelled freeze succeeded")
			}
			s.wantTimeline(t)
		}},
		{"many at once make one line", func(t *testing.T, s Store) {
			var wg sync.WaitGroup
			made := make([]string, 6)
			for i := range made {
				wg.Go(func() {
					g := demoGraph(float64(i))
					snap := describe(s.Source, "race", i%3, g)
					if err := s.Freeze(ctx, snap, g, nil); err != nil {
						t.Error(err)
						return
					}
					made[i] = snap.ID
				})
			}
			wg.Wait()
			rows, _, err := s.List(ctx, engine.Filter{Source: s.Source})
			if err != nil {
				t.Fatal(err)
			}
			got := ids(rows)
			slices.Reverse(got)
			s.wantTimeline(t, got...)
			slices.Sort(made)
			if slices.Sort(got); !slices.Equal(made, got) {
				t.Errorf("the list holds %v, frozen were %v", got, made)
			}
		}},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) { part.run(t, open(t)) })
	}
}

// ExamRandom freezes random graphs in a store and in the in-memory reference and compares all that both say of them.
func ExamRandom(t *testing.T, s Store) {
	ctx := context.Background()
	reference := &MemoryStore{}
	minute := 0
	rapid.Check(t, func(rt *rapid.T) {
		before := RandomGraph(rt)
		after := Mutate(rt, before)
		minute += 2
		var sides [2][2]*engine.Snapshot
		for i, store := range []engine.SnapshotStore{s, reference} {
			for j, g := range []*engine.Graph{before, after} {
				snap := describe(s.Source, "random", minute+j, g)
				if err := store.Freeze(ctx, snap, g, nil); err != nil {
					rt.Fatal(err)
				}
				sides[i][j] = snap
			}
		}
		got, err := s.Graph(ctx, sides[0][1].ID)
		if err != nil {
			rt.Fatal(err)
		}
		digests, err := engine.DigestGraph(got)
		if err != nil || digests.Root != sides[0][1].RootHash {
			rt.Fatalf("the graph came back with another root: %v\ngot  %+v\nwant %+v", err, got, after)
		}
		d, err := s.Compare(ctx, sides[0][0].ID, sides[0][1].ID)
		if err != nil {
			rt.Fatal(err)
		}
		want, err := reference.Compare(ctx, sides[1][0].ID, sides[1][1].ID)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(outline(d), outline(want)) {
			rt.Fatalf("got  %v\nwant %v", outline(d), outline(want))
		}
		inverse, err := s.Compare(ctx, sides[0][1].ID, sides[0][0].ID)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range inverse.Pairs {
			inverse.Pairs[i].Baseline, inverse.Pairs[i].Target = inverse.Pairs[i].Target, inverse.Pairs[i].Baseline
		}
		if !reflect.DeepEqual(outline(d), outline(inverse)) {
			rt.Fatalf("forth %v\nback  %v", outline(d), outline(inverse))
		}
	})
}

// outline reduces a difference to what two stores must agree on.
func outline(d *engine.Difference) []string {
	out := []string{fmt.Sprintf("same %d %d", d.SameNodes, d.SameRels)}
	for _, p := range d.Pairs {
		switch {
		case p.Baseline == nil:
			out = append(out, fmt.Sprintf("added %s %q", p.Target.Kind, p.Target.Key))
		case p.Target == nil:
			out = append(out, fmt.Sprintf("removed %s %q", p.Baseline.Kind, p.Baseline.Key))
		default:
			out = append(out, fmt.Sprintf("changed %s %q", p.Target.Kind, p.Target.Key))
		}
	}
	slices.Sort(out)
	return out
}

// demoGraph is three tables with a latency and a reference.
func demoGraph(latency float64) *engine.Graph {
	severity := "low"
	if latency > 1000 {
		severity = "critical"
	}
	g := &engine.Graph{
		Nodes: []engine.Node{
			{Key: "products:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "products"}},
			{Key: "suppliers:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "suppliers"}},
			{Key: "users:Table", Labels: []string{"Table"}, Properties: engine.Properties{"name": "users", "row_count": int64(5)}},
		},
		Relationships: []engine.Relationship{
			{
				Key: engine.RelationshipKey("users:Table", engine.RelAvgLatencyMS, "products:Table", ""), Type: engine.RelAvgLatencyMS, From: "users:Table", To: "products:Table",
				Properties: engine.Properties{"value": latency, "severity": severity},
			},
			{
				Key: engine.RelationshipKey("products:Table", engine.RelReferences, "suppliers:Table", "fk"), Type: engine.RelReferences, From: "products:Table", To: "suppliers:Table",
				Properties: engine.Properties{"name": "fk"},
			},
		},
	}
	g.Sort()
	return g
}

var epoch = time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)

func describe(source, description string, minute int, g *engine.Graph) *engine.Snapshot {
	digests, err := engine.DigestGraph(g)
	if err != nil {
		panic(err) // the graphs are made here
	}
	at := epoch.Add(time.Duration(minute) * time.Minute)
	s := &engine.Snapshot{
		ID: engine.SnapshotID(at, source+" "+description, engine.TriggerManual), Source: source, Timestamp: at, TriggerType: engine.TriggerManual,
		Severity: engine.SeverityLow, Description: description, Tags: []string{"exam"}, Summary: engine.Summarise(g, engine.Totals{}),
		Live: engine.LiveState{Source: source, DatabaseName: "shop"}, Labels: map[string]int{}, RelationshipTypes: map[string]int{},
		NodeCount: len(g.Nodes), RelationshipCount: len(g.Relationships), RootHash: digests.Root, SchemaVersion: engine.SchemaVersion,
	}
	for _, n := range g.Nodes {
		s.Labels[n.Type()]++
	}
	return s
}

func (s Store) freeze(t *testing.T, description string, minute int, g *engine.Graph) *engine.Snapshot {
	t.Helper()
	return s.freezeAs(t, description, minute, g, func(*engine.Snapshot) {})
}

func (s Store) freezeAs(t *testing.T, description string, minute int, g *engine.Graph, change func(*engine.Snapshot)) *engine.Snapshot {
	t.Helper()
	snap := describe(s.Source, description, minute, g)
	change(snap)
	if err := s.Freeze(context.Background(), snap, g, nil); err != nil {
		t.Fatal(err)
	}
	return snap
}

// wantTimeline walks the links of a timeline from its oldest snapshot and back again.
func (s Store) wantTimeline(t *testing.T, want ...string) {
	t.Helper()
	rows, _, err := s.List(context.Background(), engine.Filter{Source: s.Source, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	listed := ids(rows)
	slices.Reverse(listed)
	if !slices.Equal(listed, want) {
		t.Fatalf("the list holds %v, want %v", listed, want)
	}
	for i, id := range want {
		snap := must(s.Get(context.Background(), id))(t)
		previous, next := "", ""
		if i > 0 {
			previous = want[i-1]
		}
		if i+1 < len(want) {
			next = want[i+1]
		}
		if snap.Previous != previous || snap.Next != next {
			t.Errorf("%s lies between %q and %q, want %q and %q", id, snap.Previous, snap.Next, previous, next)
		}
	}
}

func ids(rows []engine.Snapshot) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return out
}

// normal gives a graph in the form in which two that mean the same are equal.
func normal(g *engine.Graph) string {
	digests, err := engine.DigestGraph(g)
	if err != nil {
		return err.Error()
	}
	return digests.Root
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
