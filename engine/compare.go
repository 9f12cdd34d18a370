package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// DefaultNoiseFloor is the relative change below which a metric counts neither as worse nor as better.
const DefaultNoiseFloor = 0.10

// CompareOptions narrow the list of changes of a comparison; counts, totals and pairs are always of everything.
type CompareOptions struct {
	Kind        ElementKind // "" both
	Types       []string    // first labels or relationship types
	Status      Status      // "" all but unchanged
	Aspect      Aspect      // "" both
	Query       string      // part of the key, case does not matter
	MinChange   float64     // smallest relative change of a value, 0.1 is 10 %; elements without a value stay
	NoiseFloor  float64     // DefaultNoiseFloor where 0
	Offset      int         // changes passed over
	Limit       int         // most changes; 0 gives all of them
	SummaryOnly bool        // no changes, counts and pairs only
}

func (o *CompareOptions) normalise() error {
	const op = "compare"
	switch {
	case o.Kind != "" && o.Kind != KindNode && o.Kind != KindRelationship:
		return Errorf(KindInvalid, op, "there is no kind %q", o.Kind).WithHint("kinds are node and relationship")
	case o.Status != "" && o.Status != StatusAdded && o.Status != StatusRemoved && o.Status != StatusChanged:
		return Errorf(KindInvalid, op, "there is no status %q to list", o.Status).WithHint("statuses are added, removed and changed")
	case o.Aspect != "" && o.Aspect != AspectStructure && o.Aspect != AspectMetric:
		return Errorf(KindInvalid, op, "there is no aspect %q", o.Aspect).WithHint("aspects are structure and metric")
	case o.MinChange < 0 || o.NoiseFloor < 0 || math.IsNaN(o.MinChange) || math.IsNaN(o.NoiseFloor):
		return Errorf(KindInvalid, op, "a relative change below 0 makes no sense").WithHint("write 0.1 for 10 %%")
	case o.Offset < 0 || o.Limit < 0:
		return Errorf(KindInvalid, op, "offset and limit cannot be below 0")
	}
	if o.NoiseFloor == 0 {
		o.NoiseFloor = DefaultNoiseFloor
	}
	return nil
}

// side is one side of a comparison: what a snapshot or a live reading says, its index, and where its elements come from.
type side struct {
	snapshot Snapshot
	manifest *Manifest
	elements func(ctx context.Context, keys ElementKeys) (*Graph, error)
}

// Compare answers what changed from one snapshot to another, or to the live graph where target is Live. Both are full
// ids. What changed, and how the pairs rank, follows from the two manifests alone; only the listed changes are read.
// Kinds: not_found, invalid, unavailable, conflict (no reading of the live graph could be proven).
func (e *Engine) Compare(ctx context.Context, baseline, target string, o CompareOptions) (*Diff, error) {
	if err := o.normalise(); err != nil {
		return nil, err
	}
	a, err := e.frozenSide(ctx, baseline)
	if err != nil {
		return nil, err
	}
	var b *side
	if target == Live {
		b, err = e.liveSide(ctx, a.snapshot.Source, a.snapshot.Template)
	} else {
		b, err = e.frozenSide(ctx, target)
	}
	if err != nil {
		return nil, err
	}
	d, listed := newDiff(a, b, o)
	if o.SummaryOnly || len(listed) == 0 {
		return d, nil
	}
	return d, d.fill(ctx, a, b, listed)
}

// CompareBrief gives a diff in five numbers. Those of neighbours stand on the timeline already, so their manifests are not
// read. Kinds: as Compare.
func (e *Engine) CompareBrief(ctx context.Context, baseline, target string) (*NextSummary, error) {
	if target != Live {
		n, err := e.store.Between(ctx, baseline, target)
		if n != nil || err != nil {
			return n, err
		}
	}
	d, err := e.Compare(ctx, baseline, target, CompareOptions{SummaryOnly: true})
	if err != nil {
		return nil, err
	}
	n := d.NextSummary()
	return &n, nil
}

func (e *Engine) frozenSide(ctx context.Context, id string) (*side, error) {
	s, err := e.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	m, err := e.manifest(ctx, s)
	if err != nil {
		return nil, err
	}
	return &side{*s, m, func(ctx context.Context, keys ElementKeys) (*Graph, error) { return e.store.Elements(ctx, id, keys) }}, nil
}

// manifest gives the index of a snapshot. One that is not there, as after the replay of a Cypher export, is made from the
// elements, which must give the root hash. Kinds: not_found, invalid, unavailable.
func (e *Engine) manifest(ctx context.Context, s *Snapshot) (*Manifest, error) {
	m, err := e.store.Manifest(ctx, s.ID)
	if err == nil || KindOf(err) != KindInvalid {
		return m, err
	}
	d := describeInto(nil)
	if walkErr := e.store.Walk(ctx, s.ID, d); walkErr != nil {
		return nil, walkErr
	}
	if m, err = d.builder.done(); err == nil && m.Root() != s.RootHash {
		err = Errorf(KindInvalid, "manifest", "the elements of %s do not give its root hash", s.ID).WithHint("`graphsnap verify %s` names what was changed", s.ID)
	}
	return m, err
}

// merge walks two sorted lists side by side: f gets the entries of equal keys together, and nil where a side has none.
func merge[T any](a, b []T, key func(*T) string, f func(a, b *T)) {
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = strings.Compare(key(&a[0]), key(&b[0]))
		}
		switch {
		case order < 0:
			f(&a[0], nil)
			a = a[1:]
		case order > 0:
			f(nil, &b[0])
			b = b[1:]
		default:
			f(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
}

func nodeKey(n *ManifestNode) string        { return n.Key }
func relKey(r *ManifestRelationship) string { return r.Key }

// newDiff finds what differs between two manifests: counts, pairs, and the changes that the options select, which lack
// their properties still. Pure.
func newDiff(a, b *side, o CompareOptions) (*Diff, []Change) {
	d := &Diff{
		Baseline: a.snapshot, Target: b.snapshot,
		SecondsBetween: b.snapshot.Timestamp.Sub(a.snapshot.Timestamp).Seconds(),
		SameDatabase:   a.snapshot.Source == b.snapshot.Source && a.snapshot.Live.DatabaseName == b.snapshot.Live.DatabaseName,
	}
	pairs := newPairs()
	var changes []Change
	merge(a.manifest.Nodes, b.manifest.Nodes, nodeKey, func(x, y *ManifestNode) {
		c := nodeChange(x, y)
		pairs.node(c.Key, x, y, c.Status != StatusUnchanged)
		changes = d.count(&d.Nodes, c, o, changes)
	})
	merge(a.manifest.Relationships, b.manifest.Relationships, relKey, func(x, y *ManifestRelationship) {
		c := relationshipChange(a.manifest, b.manifest, x, y)
		pairs.relationship(&c)
		changes = d.count(&d.Relationships, c, o, changes)
	})
	d.Pairs = pairs.ranked()
	delta := make(map[[2]string]float64, len(d.Pairs))
	for _, p := range d.Pairs {
		delta[[2]string{p.From, p.To}] = p.Delta
	}
	for i := range changes {
		c := &changes[i]
		if c.Kind == KindNode {
			c.Contribution = delta[[2]string{c.Key, c.Key}]
		} else {
			c.Contribution = delta[[2]string{c.From, c.To}]
		}
	}
	sortChanges(changes)
	d.TotalChanges = len(changes)
	changes = changes[min(o.Offset, len(changes)):]
	if o.Limit > 0 && len(changes) > o.Limit {
		changes = changes[:o.Limit]
	}
	d.NothingChanged = d.Nodes.Differing()+d.Relationships.Differing() == 0
	if !d.SameDatabase {
		d.IncomparableReasons = append(d.IncomparableReasons, "the two snapshots are of different databases")
	}
	if x, y := a.snapshot.Template, b.snapshot.Template; x != y {
		d.IncomparableReasons = append(d.IncomparableReasons, fmt.Sprintf("the baseline was captured %s, the target %s: what only one of them covers counts as added or removed", withTemplate(x), withTemplate(y)))
	}
	if x, y := a.snapshot.Live.DatabaseVersion, b.snapshot.Live.DatabaseVersion; x != y && x != "" && y != "" {
		d.IncomparableReasons = append(d.IncomparableReasons, "the database was upgraded from "+x+" to "+y)
	}
	return d, changes
}

func withTemplate(name string) string {
	if name == "" {
		return "whole"
	}
	return "with template " + name
}

// count adds an element to the counts, and to the changes where the options select it.
func (d *Diff) count(counts *Counts, c Change, o CompareOptions, changes []Change) []Change {
	switch c.Status {
	case StatusAdded:
		counts.Added++
	case StatusRemoved:
		counts.Removed++
	case StatusChanged:
		counts.Changed++
	default:
		counts.Unchanged++
		return changes
	}
	c.Direction = directionOf(c, o.NoiseFloor)
	switch c.Direction {
	case "worse":
		d.Worse++
	case "better":
		d.Better++
	}
	if c.Aspect == AspectStructure {
		d.Structural++
	}
	if o.SummaryOnly || !o.selects(&c) {
		return changes
	}
	return append(changes, c)
}

func (o *CompareOptions) selects(c *Change) bool {
	return (o.Kind == "" || o.Kind == c.Kind) && (o.Status == "" || o.Status == c.Status) && (o.Aspect == "" || o.Aspect == c.Aspect) &&
		(len(o.Types) == 0 || slices.Contains(o.Types, c.Type)) &&
		(o.Query == "" || strings.Contains(strings.ToLower(c.Key), strings.ToLower(o.Query))) &&
		(o.MinChange == 0 || c.Relative == nil || math.Abs(*c.Relative) >= o.MinChange)
}

// fill reads the listed changes from both sides and completes them with their properties.
func (d *Diff) fill(ctx context.Context, a, b *side, listed []Change) error {
	keysOf := func(not Status) (keys ElementKeys) {
		for i := range listed {
			switch c := &listed[i]; {
			case c.Status == not:
			case c.Kind == KindNode:
				keys.Nodes = append(keys.Nodes, c.Key)
			default:
				keys.Relationships = append(keys.Relationships, RelationshipRef{c.From, c.Key})
			}
		}
		return keys
	}
	index := func(s *side, not Status) (map[string]*Element, error) {
		g, err := s.elements(ctx, keysOf(not))
		if err != nil {
			return nil, err
		}
		m := make(map[string]*Element, len(g.Nodes)+len(g.Relationships))
		for _, n := range g.Nodes {
			m["n"+n.Key] = NodeElement(n)
		}
		for _, r := range g.Relationships {
			m["r"+r.Key] = RelationshipElement(r)
		}
		return m, nil
	}
	was, err := index(a, StatusAdded)
	if err != nil {
		return err
	}
	is, err := index(b, StatusRemoved)
	if err != nil {
		return err
	}
	d.Changes = listed
	for i := range d.Changes {
		c := &d.Changes[i]
		name := "n" + c.Key
		if c.Kind == KindRelationship {
			name = "r" + c.Key
		}
		c.complete(was[name], is[name])
	}
	return nil
}
