package enginetest

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"sync"

	"graphsnap/engine"
)

// MemoryStore is the reference that the real stores are compared with: as simple as it can be, with a diff of its own that
// looks at values instead of digests.
type MemoryStore struct {
	mu      sync.Mutex
	seq     int64
	chain   string
	entries []*entry
}

type entry struct {
	snapshot engine.Snapshot
	graph    *engine.Graph
}

var _ engine.SnapshotStore = (*MemoryStore)(nil)

// less orders a timeline.
func less(a, b *engine.Snapshot) bool {
	if !a.Timestamp.Equal(b.Timestamp) {
		return a.Timestamp.Before(b.Timestamp)
	}
	return a.Seq < b.Seq
}

// timeline gives the entries of a source in time order; all sources where it is "".
func (m *MemoryStore) timeline(source string) []*entry {
	var out []*entry
	for _, e := range m.entries {
		if source == "" || e.snapshot.Source == source {
			out = append(out, e)
		}
	}
	sort.Slice(out, func(i, j int) bool { return less(&out[i].snapshot, &out[j].snapshot) })
	return out
}

// Sources lists the sources that have snapshots.
func (m *MemoryStore) Sources(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	var names []string
	for _, e := range m.entries {
		if !seen[e.snapshot.Source] {
			seen[e.snapshot.Source] = true
			names = append(names, e.snapshot.Source)
		}
	}
	sort.Strings(names)
	return names, nil
}

// Freeze keeps a snapshot.
func (m *MemoryStore) Freeze(ctx context.Context, s *engine.Snapshot, g *engine.Graph, progress func(string, int, int)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	digests, err := engine.DigestGraph(g)
	if err != nil {
		return err
	}
	if digests.Root != s.RootHash || len(g.Nodes) != s.NodeCount || len(g.Relationships) != s.RelationshipCount {
		return engine.Errorf(engine.KindConflict, "freeze", "the graph is not the one that the snapshot describes")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	s.Seq = m.seq
	wanted := s.ID
	for n := 2; m.find(s.ID) != nil; n++ {
		s.ID = fmt.Sprintf("%s_%d", wanted, n)
	}
	if progress != nil {
		progress(engine.StagePublish, 0, 0)
	}
	s.ChainHash = engine.ChainHash(m.chain, s.ID, s.RootHash)
	m.chain = s.ChainHash
	m.entries = append(m.entries, &entry{*s, g})
	s.Previous, s.Next = m.neighbours(s)
	return nil
}

func (m *MemoryStore) find(id string) *entry {
	for _, e := range m.entries {
		if e.snapshot.ID == id {
			return e
		}
	}
	return nil
}

func (m *MemoryStore) neighbours(s *engine.Snapshot) (previous, next string) {
	line := m.timeline(s.Source)
	for i, e := range line {
		if e.snapshot.ID != s.ID {
			continue
		}
		if i > 0 {
			previous = line[i-1].snapshot.ID
		}
		if i+1 < len(line) {
			next = line[i+1].snapshot.ID
		}
	}
	return previous, next
}

func missing(id string) error {
	return engine.Errorf(engine.KindNotFound, "get", "there is no snapshot %q", id)
}

// List gives one page; the cursor is the position of the last row.
func (m *MemoryStore) List(_ context.Context, f engine.Filter) ([]engine.Snapshot, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	var after *engine.Snapshot
	if f.Cursor != "" {
		seq, err := strconv.ParseInt(f.Cursor, 10, 64)
		if err != nil {
			return nil, "", engine.Errorf(engine.KindInvalid, "list", "the cursor is not one of ours")
		}
		for _, e := range m.entries {
			if e.snapshot.Seq == seq {
				after = &e.snapshot
			}
		}
	}
	line := m.timeline(f.Source)
	var rows []engine.Snapshot
	for i := len(line) - 1; i >= 0; i-- {
		s := line[i].snapshot
		if fits(&s, f) && (after == nil || less(&s, after)) {
			rows = append(rows, s)
		}
	}
	if len(rows) <= limit {
		return rows, "", nil
	}
	return rows[:limit], strconv.FormatInt(rows[limit-1].Seq, 10), nil
}

func fits(s *engine.Snapshot, f engine.Filter) bool {
	text := strings.ToLower(f.Query)
	tagged := f.Tag == ""
	for _, t := range s.Tags {
		tagged = tagged || t == f.Tag
	}
	return tagged && (f.Trigger == "" || s.TriggerType == f.Trigger) && (f.Severity == "" || s.Severity == f.Severity) &&
		(f.Since.IsZero() || !s.Timestamp.Before(f.Since)) && (f.Until.IsZero() || s.Timestamp.Before(f.Until)) &&
		strings.HasPrefix(s.ID, f.Prefix) &&
		(text == "" || strings.Contains(strings.ToLower(s.ID), text) || strings.Contains(strings.ToLower(s.Description), text))
}

// Get gives one snapshot.
func (m *MemoryStore) Get(_ context.Context, id string) (*engine.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	s := e.snapshot
	s.Previous, s.Next = m.neighbours(&s)
	return &s, nil
}

// Graph gives the kept graph, in key order.
func (m *MemoryStore) Graph(_ context.Context, id string) (*engine.Graph, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	g := &engine.Graph{Nodes: append([]engine.Node(nil), e.graph.Nodes...), Relationships: append([]engine.Relationship(nil), e.graph.Relationships...)}
	g.Sort()
	return g, nil
}

// Delete forgets a snapshot.
func (m *MemoryStore) Delete(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range m.entries {
		if e.snapshot.ID == id {
			m.entries = append(m.entries[:i], m.entries[i+1:]...)
			return nil
		}
	}
	return missing(id)
}

// Annotate does nothing: links are computed here.
func (m *MemoryStore) Annotate(context.Context, string, string, engine.NextSummary) error { return nil }

// Compare looks at every value of both graphs.
func (m *MemoryStore) Compare(ctx context.Context, baseline, target string) (*engine.Difference, error) {
	a, err := m.Graph(ctx, baseline)
	if err != nil {
		return nil, err
	}
	b, err := m.Graph(ctx, target)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := &engine.Difference{Baseline: m.find(baseline).snapshot, Target: m.find(target).snapshot}
	was, is := elements(a), elements(b)
	for name, x := range was {
		y, both := is[name]
		switch {
		case !both:
			d.Pairs = append(d.Pairs, engine.Pair{Baseline: x})
		case !reflect.DeepEqual(x, y):
			d.Pairs = append(d.Pairs, engine.Pair{Baseline: x, Target: y})
		case x.Kind == engine.KindNode:
			d.SameNodes++
		default:
			d.SameRels++
		}
	}
	for name, y := range is {
		if _, both := was[name]; !both {
			d.Pairs = append(d.Pairs, engine.Pair{Target: y})
		}
	}
	return d, nil
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

// Values looks keys up in one snapshot.
func (m *MemoryStore) Values(_ context.Context, id string, keys []string) (map[string]float64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	return valuesOf(e.graph, keys), nil
}

func valuesOf(g *engine.Graph, keys []string) map[string]float64 {
	values := map[string]float64{}
	for _, r := range g.Relationships {
		for _, key := range keys {
			if v, ok := r.Properties.Number("value"); ok && r.Key == key {
				values[key] = v
			}
		}
	}
	return values
}

// History walks back from a snapshot.
func (m *MemoryStore) History(_ context.Context, id string, keys []string, limit int) ([]engine.HistoryPoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	line := m.timeline(e.snapshot.Source)
	var points []engine.HistoryPoint
	for i := len(line) - 1; i >= 0 && len(points) < limit; i-- {
		if !less(&line[i].snapshot, &e.snapshot) {
			continue
		}
		points = append(points, engine.HistoryPoint{SnapshotID: line[i].snapshot.ID, Timestamp: line[i].snapshot.Timestamp, Values: valuesOf(line[i].graph, keys)})
	}
	return points, nil
}
