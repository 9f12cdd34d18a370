package enginetest

import (
	"context"
	"fmt"
	"maps"
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
			got := must(s.engine().Graph(ctx, snap.ID))(t)
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
			for name, spoil := range map[string]func(*engine.Snapshot, *engine.Graph, []int64){
				"another root":    func(snap *engine.Snapshot, _ *engine.Graph, _ []int64) { snap.RootHash = "0" },
				"a missing node":  func(snap *engine.Snapshot, _ *engine.Graph, _ []int64) { snap.NodeCount++ },
				"another content": func(_ *engine.Snapshot, g *engine.Graph, digests []int64) { g.Nodes[0].Properties = nil; digests[0]++ },
			} {
				snap, g := draft(s.Source, "wrong", 0), demoGraph(1)
				manifest := must(engine.ManifestOf(g))(t)
				snap.RootHash, snap.NodeCount, snap.RelationshipCount = manifest.Root(), len(g.Nodes), len(g.Relationships)
				nodes, rels := digestsOf(g)
				spoil(snap, g, nodes)
				staged := must(s.Stage(ctx, engine.StageRequest{Source: s.Source}, nil))(t)
				err := staged.Nodes(ctx, g.Nodes, nodes)
				if err == nil {
					err = staged.Relationships(ctx, g.Relationships, rels)
				}
				if err == nil {
					err = staged.Publish(ctx, snap, manifest, engine.PublishOptions{})
				}
				staged.Abandon(ctx, "")
				if engine.KindOf(err) != engine.KindConflict && engine.KindOf(err) != engine.KindInternal {
					t.Errorf("%s: got %v, want a refusal", name, err)
				}
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
				if err := s.Delete(ctx, order[gone], engine.DeleteOptions{Actor: "exam"}, nil); err != nil {
					t.Fatal(err)
				}
				order = slices.Delete(order, gone, gone+1)
				s.wantTimeline(t, order...)
			}
		}},
		{"the last deletion empties the timeline and a new snapshot begins it anew", func(t *testing.T, s Store) {
			snap := s.freeze(t, "only", 0, demoGraph(1))
			if err := s.Delete(ctx, snap.ID, engine.DeleteOptions{Actor: "exam"}, nil); err != nil {
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
			if err := s.Delete(ctx, snap.ID, engine.DeleteOptions{Actor: "exam"}, nil); err != nil {
				t.Fatal(err)
			}
			_, get := s.Get(ctx, snap.ID)
			_, graph := s.engine().Graph(ctx, snap.ID)
			_, compare := s.engine().Compare(ctx, snap.ID, snap.ID, engine.CompareOptions{})
			_, history := s.History(ctx, snap.ID, nil, 5)
			for what, err := range map[string]error{"get": get, "graph": graph, "compare": compare, "history": history, "delete": s.Delete(ctx, snap.ID, engine.DeleteOptions{Actor: "exam"}, nil)} {
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
			d := must(s.engine().Compare(ctx, a.ID, b.ID, engine.CompareOptions{}))(t)
			if len(d.Changes) != 2 || d.Nodes.Unchanged != 3 || d.Relationships.Unchanged != 1 || d.Baseline.ID != a.ID || d.Target.ID != b.ID {
				t.Fatalf("changes %+v, nodes %+v, relationships %+v", d.Changes, d.Nodes, d.Relationships)
			}
		}},
		{"a snapshot does not differ from itself", func(t *testing.T, s Store) {
			a := s.freeze(t, "self", 0, demoGraph(45))
			if d := must(s.engine().Compare(ctx, a.ID, a.ID, engine.CompareOptions{}))(t); !d.NothingChanged || d.Nodes.Unchanged != 3 || d.Relationships.Unchanged != 2 {
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
		{"elements are found by key", func(t *testing.T, s Store) {
			snap := s.freeze(t, "elements", 0, demoGraph(45))
			key := engine.RelationshipKey("users:Table", engine.RelAvgLatencyMS, "products:Table", "")
			g := must(s.Elements(ctx, snap.ID, engine.ElementKeys{
				Nodes:         []string{"users:Table", "none:Table"},
				Relationships: []engine.RelationshipRef{{From: "users:Table", Key: key}, {From: "none:Table", Key: "none"}, {From: "products:Table", Key: key}},
			}))(t)
			if len(g.Nodes) != 1 || g.Nodes[0].Properties["name"] != "users" || len(g.Relationships) != 1 || g.Relationships[0].Properties["value"] != 45.0 {
				t.Errorf("got %+v", g)
			}
			if _, err := s.Elements(ctx, "snap_20000101_000000_none", engine.ElementKeys{}); engine.KindOf(err) != engine.KindNotFound {
				t.Errorf("of an unknown snapshot: %v", err)
			}
		}},
		{"one element over time", func(t *testing.T, s Store) {
			for i := range 4 {
				g := demoGraph(float64(10 * i))
				if i == 2 {
					g.Relationships = slices.DeleteFunc(g.Relationships, func(r engine.Relationship) bool { return r.Type == engine.RelAvgLatencyMS })
				}
				s.freeze(t, fmt.Sprintf("e%d", i), i, g)
			}
			key := engine.RelationshipKey("users:Table", engine.RelAvgLatencyMS, "products:Table", "")
			points := must(s.engine().ElementHistory(ctx, engine.HistoryQuery{Source: s.Source, Key: key, Limit: 3}))(t)
			if len(points) != 3 || points[0].Properties["value"] != 10.0 || points[1].Properties != nil || points[2].Properties["value"] != 30.0 {
				t.Errorf("the relationship: %+v", points)
			}
			points = must(s.engine().ElementHistory(ctx, engine.HistoryQuery{Source: s.Source, Key: "users:Table", Until: epoch.Add(time.Minute)}))(t)
			if len(points) != 1 || points[0].Properties["row_count"] != int64(5) {
				t.Errorf("the node: %+v", points)
			}
		}},
		{"a stretch of the timeline", func(t *testing.T, s Store) {
			for i := range 4 {
				s.freeze(t, fmt.Sprintf("t%d", i), i, demoGraph(float64(10*i)))
			}
			listed, _, err := s.List(ctx, engine.Filter{Source: s.Source})
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range []struct {
				query engine.TimelineQuery
				want  []int // places among the listed, which come newest first
			}{
				{engine.TimelineQuery{}, []int{3, 2, 1, 0}},
				{engine.TimelineQuery{Limit: 2}, []int{1, 0}},
				{engine.TimelineQuery{Since: epoch.Add(time.Minute), Until: epoch.Add(3 * time.Minute)}, []int{2, 1}},
				{engine.TimelineQuery{Since: epoch.Add(time.Hour)}, nil},
			} {
				test.query.Source = s.Source
				rows := must(s.engine().Timeline(ctx, test.query))(t)
				var want []engine.TimelineRow
				for _, i := range test.want {
					l := &listed[i]
					want = append(want, engine.TimelineRow{ID: l.ID, Timestamp: l.Timestamp, TriggerType: l.TriggerType, Severity: l.Severity,
						TotalQPS: l.Summary.TotalQPS, AvgLatencyMS: l.Summary.AvgLatencyMS, BottlenecksCount: l.Summary.BottlenecksCount})
				}
				if len(rows) != len(want) || (len(want) > 0 && !reflect.DeepEqual(rows, want)) {
					t.Errorf("%+v gives %+v instead of %+v", test.query, rows, want)
				}
			}
		}},
		{"an abandoned capture leaves nothing but its record", func(t *testing.T, s Store) {
			g := demoGraph(1)
			for _, reason := range []string{"", "the exam gave it up"} {
				staged := must(s.Stage(ctx, engine.StageRequest{CaptureID: "c-" + s.Source, Source: s.Source}, nil))(t)
				nodes, _ := digestsOf(g)
				if err := staged.Nodes(ctx, g.Nodes, nodes); err != nil {
					t.Fatal(err)
				}
				stopped, cancel := context.WithCancel(ctx)
				cancel()
				staged.Abandon(stopped, reason)
				staged.Abandon(ctx, "twice")
			}
			s.wantTimeline(t)
			var mine []engine.CaptureState
			for _, c := range must(s.Captures(ctx, 1000))(t) {
				if c.Source == s.Source {
					mine = append(mine, c)
				}
			}
			if len(mine) != 1 || mine[0].State != engine.StateFailed || mine[0].Reason != "the exam gave it up" || mine[0].CaptureID != "c-"+s.Source {
				t.Errorf("the records are %+v", mine)
			}
		}},
		{"a cancelled freeze leaves nothing", func(t *testing.T, s Store) {
			stopped, cancel := context.WithCancel(ctx)
			cancel()
			if err := engine.FreezeGraph(stopped, s, draft(s.Source, "cancelled", 0), demoGraph(1), engine.PublishOptions{}, nil); err == nil {
				t.Error("a cancelled freeze succeeded")
			}
			s.wantTimeline(t)
		}},
		{"an import keeps its id or is refused", func(t *testing.T, s Store) {
			a := s.freeze(t, "kept", 0, demoGraph(1))
			twin := draft(s.Source, "kept", 0)
			if err := engine.FreezeGraph(ctx, s, twin, demoGraph(2), engine.PublishOptions{KeepID: true}, nil); engine.KindOf(err) != engine.KindConflict {
				t.Errorf("got %v, want a conflict", err)
			}
			s.wantTimeline(t, a.ID)
		}},
		{"what is published and deleted stands in the audit trail, and all of it verifies", func(t *testing.T, s Store) {
			a := s.freeze(t, "audited", 0, demoGraph(1))
			b := s.freezeAs(t, "imported", 1, demoGraph(2), func(x *engine.Snapshot) { x.Imported = true })
			if err := s.Delete(ctx, a.ID, engine.DeleteOptions{Actor: "someone", Reason: "the exam"}, nil); err != nil {
				t.Fatal(err)
			}
			var actions []string
			for _, e := range must(s.Audit(ctx, engine.AuditFilter{Source: s.Source, Limit: 1000}))(t) {
				actions = append(actions, e.Action+" "+e.SnapshotID+" by "+e.Actor)
			}
			want := []string{engine.ActionPublished + " " + a.ID + " by exam", engine.ActionImported + " " + b.ID + " by exam", engine.ActionDeleted + " " + a.ID + " by someone"}
			if !slices.Equal(actions, want) {
				t.Errorf("the trail says %v, want %v", actions, want)
			}
			if r := must(s.engine().Verify(ctx, engine.VerifyOptions{IDs: []string{b.ID}}, nil))(t); len(r.Findings) != 0 || r.Snapshots != 1 || r.Nodes != 3 || r.Relationships != 2 {
				t.Errorf("verification says %+v", r)
			}
		}},
		{"a pin stands beside the snapshot and keeps it", func(t *testing.T, s Store) {
			a := s.freeze(t, "pinned", 0, demoGraph(1))
			b := s.freezeAs(t, "classed", 1, demoGraph(2), func(x *engine.Snapshot) {
				x.Retention, x.Tags, x.TriggerType, x.Severity, x.Template = "weekly", []string{"baseline:may"}, engine.TriggerScheduled, engine.SeverityHigh, "t"
			})
			for _, note := range []string{"first", "the only copy"} {
				if err := s.Pin(ctx, a.ID, engine.Pin{Actor: "ann", Note: note}); err != nil {
					t.Fatal(err)
				}
			}
			listed, _, err := s.List(ctx, engine.Filter{Source: s.Source})
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string]*engine.Snapshot{"get": must(s.Get(ctx, a.ID))(t), "list": &listed[1]} {
				if got.Pin == nil || got.Pin.Actor != "ann" || got.Pin.Note != "the only copy" || got.Pin.At.IsZero() || got.HeaderHash != a.HeaderHash {
					t.Errorf("%s gives the pin %+v", name, got.Pin)
				}
			}
			if other := must(s.Get(ctx, b.ID))(t); other.Pin != nil || listed[0].Pin != nil || other.Retention != "weekly" {
				t.Errorf("the other one has the pin %+v and the class %q", other.Pin, other.Retention)
			}
			rows := map[string]engine.RetentionRow{}
			for _, r := range must(s.RetentionRows(ctx))(t) {
				rows[r.ID] = r
			}
			if r := rows[a.ID]; r.Pin == nil || r.Pin.Note != "the only copy" || r.Source != s.Source || r.Trigger != engine.TriggerManual || r.Class != "" || len(r.Cases) != 0 || r.Baseline != "" || !r.Timestamp.Equal(a.Timestamp) || r.Seq != a.Seq {
				t.Errorf("the row of the pinned one is %+v", r)
			}
			if r := rows[b.ID]; r.Pin != nil || r.Class != "weekly" || r.Baseline != "may" || r.Trigger != engine.TriggerScheduled || r.Severity != engine.SeverityHigh || r.Template != "t" {
				t.Errorf("the row of the other one is %+v", r)
			}
			if err := s.Delete(ctx, a.ID, engine.DeleteOptions{Actor: "exam"}, nil); engine.KindOf(err) != engine.KindConflict || !strings.Contains(engine.HintOf(err), "unpin") {
				t.Errorf("deleting what is pinned gives %v (%s)", err, engine.HintOf(err))
			}
			if err := s.Delete(ctx, b.ID, engine.DeleteOptions{Actor: "exam", Spare: true}, nil); engine.KindOf(err) != engine.KindConflict {
				t.Errorf("retention deleting a baseline gives %v", err)
			}
			s.wantTimeline(t, a.ID, b.ID)
			if r := must(s.engine().Verify(ctx, engine.VerifyOptions{IDs: []string{a.ID}}, nil))(t); len(r.Findings) != 0 {
				t.Errorf("verification beside a pin says %+v", r)
			}
			for range 2 { // twice is once
				if err := s.Unpin(ctx, a.ID, "bob"); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Pin(ctx, b.ID, engine.Pin{Actor: "ann"}); err != nil {
				t.Fatal(err)
			}
			for id, o := range map[string]engine.DeleteOptions{a.ID: {Actor: "exam"}, b.ID: {Actor: "exam", Reason: "forced", Force: true}} {
				if err := s.Delete(ctx, id, o, nil); err != nil {
					t.Fatal(err)
				}
			}
			var told []string
			for _, e := range must(s.Audit(ctx, engine.AuditFilter{Source: s.Source, Limit: 1000}))(t) {
				told = append(told, e.Action+" by "+e.Actor)
				if e.Action == engine.ActionDeleted && e.SnapshotID == b.ID && (!strings.Contains(e.Before, `"forced"`) || !strings.Contains(e.Before, `"ann"`)) {
					t.Errorf("the deletion does not say why, and what pin went with it: %s", e.Before)
				}
			}
			want := []string{"snapshot.published by exam", "snapshot.published by exam", "snapshot.pinned by ann", "snapshot.pinned by ann", "snapshot.unpinned by bob", "snapshot.pinned by ann", "snapshot.deleted by exam", "snapshot.deleted by exam"}
			if !slices.Equal(told, want) {
				t.Errorf("the trail says %v, want %v", told, want)
			}
			for what, err := range map[string]error{"pin": s.Pin(ctx, a.ID, engine.Pin{}), "unpin": s.Unpin(ctx, a.ID, "")} {
				if engine.KindOf(err) != engine.KindNotFound {
					t.Errorf("%s of a snapshot that is gone gives %v", what, err)
				}
			}
		}},
		{"a pin and a deletion at once: one of them wins, and a pinned snapshot stays", func(t *testing.T, s Store) {
			for i := range 5 {
				snap := s.freeze(t, fmt.Sprintf("race%d", i), i, demoGraph(1))
				var wg sync.WaitGroup
				var pinned, deleted error
				wg.Go(func() { pinned = s.Pin(ctx, snap.ID, engine.Pin{Actor: "ann"}) })
				wg.Go(func() {
					deleted = s.Delete(ctx, snap.ID, engine.DeleteOptions{Actor: engine.RetentionActor, Spare: true}, nil)
				})
				wg.Wait()
				_, there := s.Get(ctx, snap.ID)
				switch {
				case pinned == nil && engine.KindOf(deleted) == engine.KindConflict && deleted != nil && there == nil:
				case engine.KindOf(pinned) == engine.KindNotFound && deleted == nil && engine.KindOf(there) == engine.KindNotFound:
				default:
					t.Fatalf("pin: %v, deletion: %v, and then: %v", pinned, deleted, there)
				}
			}
		}},
		{"a summary of neighbours is kept until they are none", func(t *testing.T, s Store) {
			a, b := s.freeze(t, "left", 0, demoGraph(1)), s.freeze(t, "right", 2, demoGraph(2))
			n := engine.NextSummary{Added: 1, Removed: 2, Changed: 3, Worse: 4, Better: 5}
			if err := s.Annotate(ctx, a.ID, b.ID, n); err != nil {
				t.Fatal(err)
			}
			if got := must(s.Between(ctx, a.ID, b.ID))(t); got == nil || *got != n {
				t.Errorf("got %+v, want %+v", got, n)
			}
			s.freeze(t, "middle", 1, demoGraph(1))
			if got := must(s.Between(ctx, a.ID, b.ID))(t); got != nil {
				t.Errorf("they are no neighbours any more, and still %+v", got)
			}
		}},
		{"many at once make one line", func(t *testing.T, s Store) {
			var wg sync.WaitGroup
			made := make([]string, 6)
			for i := range made {
				wg.Go(func() {
					snap := draft(s.Source, "race", i%3)
					if err := engine.FreezeGraph(ctx, s, snap, demoGraph(float64(i)), engine.PublishOptions{}, nil); err != nil {
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

// ExamRandom freezes random graphs in a store and holds what it says of them to the laws of diffs, and to an independent
// comparison that looks at every value instead of digests.
func ExamRandom(t *testing.T, s Store) {
	ctx := context.Background()
	e := s.engine()
	minute := 0
	rapid.Check(t, func(rt *rapid.T) {
		before := RandomGraph(rt)
		after := Mutate(rt, before)
		minute += 2
		a, b := draft(s.Source, "random", minute), draft(s.Source, "random", minute+1)
		for snap, g := range map[*engine.Snapshot]*engine.Graph{a: before, b: after} {
			if err := engine.FreezeGraph(ctx, s, snap, g, engine.PublishOptions{}, nil); err != nil {
				rt.Fatal(err)
			}
		}
		got, err := e.Graph(ctx, b.ID)
		if err != nil {
			rt.Fatal(err)
		}
		if m, err := engine.ManifestOf(got); err != nil || m.Root() != b.RootHash {
			rt.Fatalf("the graph came back with another root: %v\ngot  %+v\nwant %+v", err, got, after)
		}
		forth, err := e.Compare(ctx, a.ID, b.ID, engine.CompareOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := outline(forth), independently(before, after); !slices.Equal(got, want) {
			rt.Fatalf("got  %v\nwant %v", got, want)
		}
		applied, err := forth.Apply(before)
		if err != nil {
			rt.Fatal(err)
		}
		if m, err := engine.ManifestOf(applied); err != nil || m.State() != b.StateHash {
			rt.Fatalf("the baseline with the diff applied is not the target: %v\ngot  %+v\nwant %+v", err, applied, after)
		}
		back, err := e.Compare(ctx, b.ID, a.ID, engine.CompareOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := outline(back.Inverse()), outline(forth); !slices.Equal(got, want) {
			rt.Fatalf("forth %v\nback  %v", want, got)
		}
		summary, err := e.Compare(ctx, a.ID, b.ID, engine.CompareOptions{SummaryOnly: true})
		if err != nil || summary.NextSummary() != forth.NextSummary() {
			rt.Fatalf("the summary says %+v, the whole diff %+v, %v", summary.NextSummary(), forth.NextSummary(), err)
		}
	})
}

// outline reduces a diff to one line a change.
func outline(d *engine.Diff) []string {
	out := []string{fmt.Sprintf("same %d %d", d.Nodes.Unchanged, d.Relationships.Unchanged)}
	for _, c := range d.Changes {
		line := fmt.Sprintf("%s %s %q", c.Status, c.Kind, c.Key)
		for _, p := range c.Properties {
			line += fmt.Sprintf(" %q: %#v -> %#v", p.Name, p.From, p.To)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// independently compares two graphs value by value, in the form of outline.
func independently(a, b *engine.Graph) []string {
	clock := map[string]bool{"timestamp": true, "updated_at": true, "window_s": true}
	content := func(e *engine.Element) map[string]any {
		m := map[string]any{}
		for name, v := range e.Properties {
			if !clock[name] && v != nil {
				m[name] = v
			}
		}
		return m
	}
	was, is := elements(a), elements(b)
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	same := map[engine.ElementKind]int{}
	var out []string
	for name := range names {
		x, y := was[name], is[name]
		status, some := "changed", y
		switch {
		case x == nil:
			status, x = "added", &engine.Element{}
		case y == nil:
			status, some, y = "removed", x, &engine.Element{}
		case sameContent(content(x), content(y)) && slices.Equal(x.Labels, y.Labels) && x.Type == y.Type && x.From == y.From && x.To == y.To:
			same[x.Kind]++
			continue
		}
		line := fmt.Sprintf("%s %s %q", status, some.Kind, some.Key)
		if status == "changed" && !slices.Equal(x.Labels, y.Labels) {
			line += fmt.Sprintf(" %q: %#v -> %#v", "labels", x.Labels, y.Labels)
		}
		from, to := content(x), content(y)
		all := map[string]bool{}
		for n := range from {
			all[n] = true
		}
		for n := range to {
			all[n] = true
		}
		for _, n := range slices.Sorted(maps.Keys(all)) {
			if !sameContent(from[n], to[n]) {
				line += fmt.Sprintf(" %q: %#v -> %#v", n, from[n], to[n])
			}
		}
		out = append(out, line)
	}
	out = append(out, fmt.Sprintf("same %d %d", same[engine.KindNode], same[engine.KindRelationship]))
	slices.Sort(out)
	return out
}

// sameContent is reflect.DeepEqual for which NaN is NaN, and a moment is its text.
func sameContent(a, b any) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b)
}

func elements(g *engine.Graph) map[string]*engine.Element {
	m := map[string]*engine.Element{}
	for _, n := range g.Nodes {
		m["n "+n.Key] = engine.NodeElement(n)
	}
	for _, r := range g.Relationships {
		m["r "+r.Key] = engine.RelationshipElement(r)
	}
	return m
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

// draft gives a snapshot that lacks all that follows from its graph.
func draft(source, description string, minute int) *engine.Snapshot {
	at := epoch.Add(time.Duration(minute) * time.Minute)
	return &engine.Snapshot{
		ID: engine.SnapshotID(at, source+" "+description, engine.TriggerManual), Source: source, Timestamp: at, TriggerType: engine.TriggerManual,
		Severity: engine.SeverityLow, Description: description, Tags: []string{"exam"}, Live: engine.LiveState{Source: source, DatabaseName: "shop"},
	}
}

func digestsOf(g *engine.Graph) (nodes, rels []int64) {
	for _, n := range g.Nodes {
		d, err := engine.NodeDigest(n)
		if err != nil {
			panic(err) // the graphs are made here
		}
		nodes = append(nodes, d.Full)
	}
	for _, r := range g.Relationships {
		d, err := engine.RelationshipDigest(r)
		if err != nil {
			panic(err)
		}
		rels = append(rels, d.Full)
	}
	return nodes, rels
}

// engine gives an engine over the store, without a live graph.
func (s Store) engine() *engine.Engine { return engine.New(engine.Options{Store: s.SnapshotStore}) }

func (s Store) freeze(t *testing.T, description string, minute int, g *engine.Graph) *engine.Snapshot {
	t.Helper()
	return s.freezeAs(t, description, minute, g, func(*engine.Snapshot) {})
}

func (s Store) freezeAs(t *testing.T, description string, minute int, g *engine.Graph, change func(*engine.Snapshot)) *engine.Snapshot {
	t.Helper()
	snap := draft(s.Source, description, minute)
	change(snap)
	if err := engine.FreezeGraph(context.Background(), s, snap, g, engine.PublishOptions{Actor: "exam"}, nil); err != nil {
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
	m, err := engine.ManifestOf(g)
	if err != nil {
		return err.Error()
	}
	return m.Root()
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
