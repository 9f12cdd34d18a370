package engine

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"sort"
)

// clockProperties say when a value was taken, not what it is: an element that differs in nothing else is unchanged.
var clockProperties = map[string]bool{"timestamp": true, "updated_at": true, "window_s": true}

// higherIsWorse holds the metrics whose value has a good and a bad direction. The others, such as QUERIES_PER_SEC, are
// load: more of it is neither worse nor better.
var higherIsWorse = map[string]bool{
	RelAvgLatencyMS:    true,
	RelTimeMSPerS:      true,
	RelHotspotScore:    true,
	RelLoadFactor:      true,
	RelErrorRate:       true,
	RelLockWaitMS:      true,
	RelIndexEfficiency: false,
}

// relativeFloor is the relative change below which a metric counts neither as worse nor as better.
const relativeFloor = 0.10

// Compare answers what changed from one snapshot to another, or to the live graph where target is Live. Both are full
// ids. Kinds: not_found, invalid, unavailable.
func (e *Engine) Compare(ctx context.Context, baseline, target string) (*Diff, error) {
	if target == Live {
		return e.compareLive(ctx, baseline)
	}
	found, err := e.store.Compare(ctx, baseline, target)
	if err != nil {
		return nil, err
	}
	d := newDiff(found)
	return d, d.fillUnchanged(func(keys []string) (map[string]float64, error) { return e.store.Values(ctx, target, keys) })
}

func (e *Engine) compareLive(ctx context.Context, baseline string) (*Diff, error) {
	s, err := e.store.Get(ctx, baseline)
	if err != nil {
		return nil, err
	}
	frozen, err := e.store.Graph(ctx, baseline)
	if err != nil {
		return nil, err
	}
	live, err := e.live.ReadLive(ctx, s.Source)
	if err != nil {
		return nil, err
	}
	now, err := newSnapshot(CaptureRequest{Trigger: TriggerManual, Description: "the live graph, not frozen"}, s.Source, live)
	if err != nil {
		return nil, err
	}
	now.ID, now.Timestamp = Live, e.clock.Now()
	found, err := differ(frozen, &live.Graph)
	if err != nil {
		return nil, err
	}
	found.Baseline, found.Target = *s, *now
	d := newDiff(found)
	return d, d.fillUnchanged(func(keys []string) (map[string]float64, error) { return e.store.Values(ctx, baseline, keys) })
}

// mostFilled bounds the pairs whose unchanged metrics are looked up; nobody reads further down a ranking.
const mostFilled = 200

// fillUnchanged completes the ranked pairs: a metric that did not change is not among the differences, and would look
// unknown beside those that did. What is not found is unknown on both sides.
func (d *Diff) fillUnchanged(values func(keys []string) (map[string]float64, error)) error {
	type gap struct {
		from, to **float64
	}
	gaps := map[string]gap{}
	for i := range d.Pairs[:min(mostFilled, len(d.Pairs))] {
		p := &d.Pairs[i]
		if p.From == p.To {
			continue // a table's own figures stand on its node, which is compared as a whole
		}
		for relType, g := range map[string]gap{
			RelTimeMSPerS: {&p.TimeFrom, &p.TimeTo}, RelAvgLatencyMS: {&p.LatencyFrom, &p.LatencyTo}, RelQueriesPerSec: {&p.QPSFrom, &p.QPSTo},
		} {
			if *g.from == nil && *g.to == nil {
				gaps[RelationshipKey(p.From, relType, p.To, "")] = g
			}
		}
	}
	if len(gaps) == 0 {
		return nil
	}
	keys := make([]string, 0, len(gaps))
	for key := range gaps {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	found, err := values(keys)
	for key, v := range found {
		*gaps[key].from, *gaps[key].to = &v, &v
	}
	return err
}

// differ finds the elements whose digests differ. Pure.
func differ(a, b *Graph) (*Difference, error) {
	da, err := DigestGraph(a)
	if err != nil {
		return nil, err
	}
	db, err := DigestGraph(b)
	if err != nil {
		return nil, err
	}
	d := &Difference{}
	type side struct {
		element *Element
		digest  int64
	}
	index := func(g *Graph, ds *Digests) map[string]side {
		m := make(map[string]side, len(g.Nodes)+len(g.Relationships))
		for i, n := range g.Nodes {
			m["n"+n.Key] = side{NodeElement(n), ds.Nodes[i]}
		}
		for i, r := range g.Relationships {
			m["r"+r.Key] = side{RelationshipElement(r), ds.Relationships[i]}
		}
		return m
	}
	ia, ib := index(a, da), index(b, db)
	for k, x := range ia {
		y, ok := ib[k]
		switch {
		case !ok:
			d.Pairs = append(d.Pairs, Pair{Baseline: x.element})
		case x.digest != y.digest:
			d.Pairs = append(d.Pairs, Pair{x.element, y.element})
		case x.element.Kind == KindNode:
			d.SameNodes++
		default:
			d.SameRels++
		}
	}
	for k, y := range ib {
		if _, ok := ia[k]; !ok {
			d.Pairs = append(d.Pairs, Pair{Target: y.element})
		}
	}
	return d, nil
}

// NodeElement gives a node as one side of a comparison.
func NodeElement(n Node) *Element {
	return &Element{Kind: KindNode, Key: n.Key, Type: n.Type(), Labels: n.Labels, Properties: n.Properties}
}

// RelationshipElement gives a relationship as one side of a comparison.
func RelationshipElement(r Relationship) *Element {
	return &Element{Kind: KindRelationship, Key: r.Key, Type: r.Type, From: r.From, To: r.To, Properties: r.Properties}
}

// newDiff turns what a store found into the answer: property changes, counts, directions and ranks. Pure.
func newDiff(found *Difference) *Diff {
	d := &Diff{
		Baseline:       found.Baseline,
		Target:         found.Target,
		SummaryFrom:    found.Baseline.Summary,
		SummaryTo:      found.Target.Summary,
		SecondsBetween: found.Target.Timestamp.Sub(found.Baseline.Timestamp).Seconds(),
		SameDatabase:   found.Baseline.Source == found.Target.Source && found.Baseline.Live.DatabaseName == found.Target.Live.DatabaseName,
	}
	d.Nodes.Unchanged, d.Relationships.Unchanged = found.SameNodes, found.SameRels
	pairs := rankPairs(found.Pairs)
	delta := make(map[[2]string]float64, len(pairs))
	for _, p := range pairs {
		delta[[2]string{p.From, p.To}] = p.Delta
		if p.Delta != 0 || p.LatencyFrom != nil || p.LatencyTo != nil {
			d.Pairs = append(d.Pairs, p)
		}
	}
	for _, p := range found.Pairs {
		c := newChange(p)
		counts := &d.Nodes
		if c.Kind == KindRelationship {
			counts = &d.Relationships
			c.Contribution = delta[[2]string{c.From, c.To}]
		} else {
			c.Contribution = delta[[2]string{c.Key, c.Key}]
		}
		switch c.Status {
		case StatusAdded:
			counts.Added++
		case StatusRemoved:
			counts.Removed++
		case StatusChanged:
			counts.Changed++
		default:
			counts.Unchanged++
			continue
		}
		switch c.Direction {
		case "worse":
			d.Worse++
		case "better":
			d.Better++
		}
		d.Changes = append(d.Changes, c)
	}
	sortChanges(d.Changes)
	d.NothingChanged = len(d.Changes) == 0
	if !d.SameDatabase {
		d.IncomparableReasons = append(d.IncomparableReasons, "the two snapshots are of different databases")
	}
	if a, b := found.Baseline.Live.DatabaseVersion, found.Target.Live.DatabaseVersion; a != b && a != "" && b != "" {
		d.IncomparableReasons = append(d.IncomparableReasons, "the database was upgraded from "+a+" to "+b)
	}
	return d
}

func newChange(p Pair) Change {
	var c Change
	var from, to Properties
	some := p.Target
	switch {
	case p.Baseline == nil:
		c.Status, to = StatusAdded, p.Target.Properties
	case p.Target == nil:
		c.Status, from, some = StatusRemoved, p.Baseline.Properties, p.Baseline
	default:
		c.Status, from, to = StatusUnchanged, p.Baseline.Properties, p.Target.Properties
	}
	c.Kind, c.Key, c.Type, c.From, c.To = some.Kind, some.Key, some.Type, some.From, some.To
	c.Properties = propertyChanges(from, to)
	if c.Status == StatusUnchanged {
		if !sameLabels(p.Baseline.Labels, p.Target.Labels) {
			c.Properties = append([]PropertyChange{{Name: "labels", From: p.Baseline.Labels, To: p.Target.Labels}}, c.Properties...)
		}
		if len(c.Properties) > 0 {
			c.Status = StatusChanged
		}
	}
	c.ValueFrom, c.ValueTo = numberPtr(from, "value"), numberPtr(to, "value")
	c.Absolute, c.Relative = deltaOf(c.ValueFrom, c.ValueTo)
	c.SeverityFrom, c.SeverityTo = SeverityOf(from), SeverityOf(to)
	c.Direction = directionOf(c)
	return c
}

func sameLabels(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// directionOf says whether a changed or new metric got worse or better: by severity first, then by its value.
func directionOf(c Change) string {
	if c.Status == StatusRemoved || c.Status == StatusUnchanged {
		return ""
	}
	from, to := c.SeverityFrom.Rank(), c.SeverityTo.Rank()
	switch {
	case c.Status == StatusAdded && to >= SeverityHigh.Rank():
		return "worse"
	case c.Status == StatusAdded:
		return ""
	case from > 0 && to > from:
		return "worse"
	case to > 0 && to < from:
		return "better"
	}
	up, directed := higherIsWorse[c.Type]
	if !directed || c.Relative == nil || math.Abs(*c.Relative) < relativeFloor {
		return ""
	}
	if (*c.Relative > 0) == up {
		return "worse"
	}
	return "better"
}

func propertyChanges(from, to Properties) []PropertyChange {
	names := make([]string, 0, len(from)+len(to))
	for name := range from {
		names = append(names, name)
	}
	for name := range to {
		if _, both := from[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var changes []PropertyChange
	for _, name := range names {
		if clockProperties[name] || sameValue(from[name], to[name]) {
			continue
		}
		c := PropertyChange{Name: name, From: from[name], To: to[name]}
		c.Absolute, c.Relative = deltaOf(numberPtr(from, name), numberPtr(to, name))
		changes = append(changes, c)
	}
	return changes
}

// sameValue compares by the canonical encoding, the same notion of equality that digests have.
func sameValue(a, b any) bool {
	ea, errA := appendValue(nil, a)
	eb, errB := appendValue(nil, b)
	return errA == nil && errB == nil && bytes.Equal(ea, eb)
}

func deltaOf(from, to *float64) (absolute, relative *float64) {
	if from == nil || to == nil {
		return nil, nil
	}
	abs := *to - *from
	if *from == 0 {
		return &abs, nil
	}
	rel := abs / math.Abs(*from)
	return &abs, &rel
}

// Relative gives (to-from)/|from|, or nil where a side is unknown or from is 0.
func Relative(from, to *float64) *float64 {
	_, rel := deltaOf(from, to)
	return rel
}

// rankPairs groups metrics by their two ends, and nodes by themselves, and ranks by the change of additive time. Time is
// the one metric that may be added up over elements, so it is the one that ranks.
func rankPairs(found []Pair) []PairChange {
	byEnds := map[[2]string]*PairChange{}
	at := func(from, to string) *PairChange {
		p, ok := byEnds[[2]string{from, to}]
		if !ok {
			p = &PairChange{From: from, To: to}
			byEnds[[2]string{from, to}] = p
		}
		return p
	}
	for _, f := range found {
		some, from, to := f.Target, Properties(nil), Properties(nil)
		if f.Baseline != nil {
			some, from = f.Baseline, f.Baseline.Properties
		}
		if f.Target != nil {
			to = f.Target.Properties
		}
		if some.Kind == KindNode {
			if _, ok := from.Number("time_ms_per_s"); !ok {
				if _, ok := to.Number("time_ms_per_s"); !ok {
					continue
				}
			}
			p := at(some.Key, some.Key)
			addTo(&p.TimeFrom, from, "time_ms_per_s")
			addTo(&p.TimeTo, to, "time_ms_per_s")
			p.LatencyFrom, p.LatencyTo = numberPtr(from, "avg_latency_ms"), numberPtr(to, "avg_latency_ms")
			p.QPSFrom, p.QPSTo = numberPtr(from, "queries_per_sec"), numberPtr(to, "queries_per_sec")
			continue
		}
		switch some.Type {
		case RelTimeMSPerS:
			p := at(some.From, some.To)
			addTo(&p.TimeFrom, from, "value")
			addTo(&p.TimeTo, to, "value")
		case RelAvgLatencyMS:
			p := at(some.From, some.To)
			p.LatencyFrom, p.LatencyTo = numberPtr(from, "value"), numberPtr(to, "value")
		case RelQueriesPerSec:
			p := at(some.From, some.To)
			p.QPSFrom, p.QPSTo = numberPtr(from, "value"), numberPtr(to, "value")
		}
	}
	pairs := make([]PairChange, 0, len(byEnds))
	var total float64
	for _, p := range byEnds {
		p.Delta = valueOr0(p.TimeTo) - valueOr0(p.TimeFrom)
		total += math.Abs(p.Delta)
		pairs = append(pairs, *p)
	}
	for i := range pairs {
		if total > 0 {
			pairs[i].Share = math.Abs(pairs[i].Delta) / total
		}
	}
	sort.Slice(pairs, func(i, j int) bool {
		a, b := pairs[i], pairs[j]
		if x, y := math.Abs(a.Delta), math.Abs(b.Delta); x != y {
			return x > y
		}
		// Other producers may not measure time; then the change of latency ranks.
		if x, y := latencyMove(a), latencyMove(b); x != y {
			return x > y
		}
		if a.From != b.From {
			return a.From < b.From
		}
		return a.To < b.To
	})
	return pairs
}

func latencyMove(p PairChange) float64 {
	return math.Abs(valueOr0(p.LatencyTo) - valueOr0(p.LatencyFrom))
}

func addTo(sum **float64, p Properties, name string) {
	if v, ok := p.Number(name); ok {
		v += valueOr0(*sum)
		*sum = &v
	}
}

func valueOr0(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

func sortChanges(changes []Change) {
	relative := func(c Change) float64 {
		if c.Relative == nil {
			return 0
		}
		return math.Abs(*c.Relative)
	}
	sort.Slice(changes, func(i, j int) bool {
		a, b := changes[i], changes[j]
		if x, y := math.Abs(a.Contribution), math.Abs(b.Contribution); x != y {
			return x > y
		}
		if x, y := a.Type == RelTimeMSPerS, b.Type == RelTimeMSPerS; x != y {
			return x
		}
		if x, y := relative(a), relative(b); x != y {
			return x > y
		}
		if a.Kind != b.Kind {
			return a.Kind == KindRelationship
		}
		return a.Key < b.Key
	})
}
