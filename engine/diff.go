package engine

// Status is what happened to an element between baseline and target.
type Status string

// The statuses of an element in a diff.
const (
	StatusAdded     Status = "added"
	StatusRemoved   Status = "removed"
	StatusChanged   Status = "changed"
	StatusUnchanged Status = "unchanged"
)

// ElementKind tells nodes from relationships.
type ElementKind string

// The kinds of element.
const (
	KindNode         ElementKind = "node"
	KindRelationship ElementKind = "relationship"
)

// Element is one side of a compared element.
type Element struct {
	Kind       ElementKind
	Key        string
	Type       string // first label or relationship type
	Labels     []string
	From, To   string // keys of the ends; relationships only
	Properties Properties
}

// Aspect tells what a database is from how it performs.
type Aspect string

// The aspects of a change.
const (
	AspectStructure Aspect = "structure" // an element that came, went or changed its labels, or one without a value, such as a reference
	AspectMetric    Aspect = "metric"    // a figure that moved
)

// PropertyChange is one property that differs. Absolute and Relative are set for numbers only; Relative is
// (to-from)/|from| and nil where from is 0.
type PropertyChange struct {
	Name     string
	From, To any // nil where the side lacks it
	Absolute *float64
	Relative *float64
}

// Change is one element of a diff.
type Change struct {
	Status       Status
	Aspect       Aspect
	Kind         ElementKind
	Key          string
	Type         string
	From, To     string // keys of the ends; relationships only
	Properties   []PropertyChange
	ValueFrom    *float64 // the metric's `value` on either side; nil if it has none
	ValueTo      *float64
	Absolute     *float64
	Relative     *float64
	SeverityFrom Severity
	SeverityTo   Severity
	LabelsFrom   []string
	LabelsTo     []string
	Direction    string  // worse, better or "" where neither
	Contribution float64 // change of additive time by the element or, for other metrics, by its pair of ends; ms/s
}

// PairChange ranks what happened between two tables (or at one, with From equal to To), by additive time.
type PairChange struct {
	From, To    string
	TimeFrom    *float64 // TIME_MS_PER_S, ms/s
	TimeTo      *float64
	LatencyFrom *float64 // AVG_LATENCY_MS, ms
	LatencyTo   *float64
	QPSFrom     *float64 // QUERIES_PER_SEC, queries/s
	QPSTo       *float64
	Delta       float64 // TimeTo - TimeFrom with absent as 0, ms/s; the rank goes by its absolute value
	Share       float64 // |Delta| over the sum of |Delta| of all pairs, 0-1
}

// Counts counts the elements of a diff by status.
type Counts struct {
	Added, Removed, Changed, Unchanged int
}

// Differing gives the number of elements that are not unchanged.
func (c Counts) Differing() int { return c.Added + c.Removed + c.Changed }

// Diff is the whole answer to "what changed between these two snapshots".
type Diff struct {
	Baseline, Target    Snapshot
	Nodes               Counts
	Relationships       Counts
	Worse, Better       int
	Structural          int          // differing elements whose aspect is structure
	Changes             []Change     // the selected ones, without the unchanged; by contribution, largest first
	TotalChanges        int          // how many the options select, before offset and limit
	Pairs               []PairChange // by |Delta|, largest first
	SecondsBetween      float64
	SameDatabase        bool
	NothingChanged      bool
	IncomparableReasons []string // why figures may mislead, e.g. another database version
}

// NextSummary is the diff of two neighbours on the timeline in five numbers.
type NextSummary struct {
	Added, Removed, Changed, Worse, Better int
}

// NextSummary counts nodes and relationships together.
func (d *Diff) NextSummary() NextSummary {
	return NextSummary{
		Added:   d.Nodes.Added + d.Relationships.Added,
		Removed: d.Nodes.Removed + d.Relationships.Removed,
		Changed: d.Nodes.Changed + d.Relationships.Changed,
		Worse:   d.Worse,
		Better:  d.Better,
	}
}

// Inverse gives the diff seen from the other side, with the changes in the same order.
func (d *Diff) Inverse() *Diff {
	swap := func(c Counts) Counts {
		return Counts{Added: c.Removed, Removed: c.Added, Changed: c.Changed, Unchanged: c.Unchanged}
	}
	out := *d
	out.Baseline, out.Target, out.SecondsBetween = d.Target, d.Baseline, -d.SecondsBetween
	out.Nodes, out.Relationships = swap(d.Nodes), swap(d.Relationships)
	out.Pairs = make([]PairChange, len(d.Pairs))
	for i, p := range d.Pairs {
		p.TimeFrom, p.TimeTo, p.LatencyFrom, p.LatencyTo, p.QPSFrom, p.QPSTo, p.Delta = p.TimeTo, p.TimeFrom, p.LatencyTo, p.LatencyFrom, p.QPSTo, p.QPSFrom, -p.Delta
		out.Pairs[i] = p
	}
	out.Changes = make([]Change, len(d.Changes))
	out.Worse, out.Better = 0, 0
	for i, c := range d.Changes {
		c.ValueFrom, c.ValueTo, c.SeverityFrom, c.SeverityTo, c.LabelsFrom, c.LabelsTo = c.ValueTo, c.ValueFrom, c.SeverityTo, c.SeverityFrom, c.LabelsTo, c.LabelsFrom
		switch c.Status {
		case StatusAdded:
			c.Status = StatusRemoved
		case StatusRemoved:
			c.Status = StatusAdded
		}
		c.Absolute, c.Relative = deltaOf(c.ValueFrom, c.ValueTo)
		c.Contribution = -c.Contribution
		c.Direction = directionOf(c, DefaultNoiseFloor)
		properties := make([]PropertyChange, len(c.Properties))
		for j, p := range c.Properties {
			p.From, p.To = p.To, p.From
			p.Absolute, p.Relative = nil, nil
			if a, b := numberPtr(Properties{"": p.From}, ""), numberPtr(Properties{"": p.To}, ""); a != nil && b != nil {
				p.Absolute, p.Relative = deltaOf(a, b)
			}
			properties[j] = p
		}
		c.Properties = properties
		switch c.Direction {
		case "worse":
			out.Worse++
		case "better":
			out.Better++
		}
		out.Changes[i] = c
	}
	return &out
}

// Apply gives the graph that results when a baseline changes as a diff with all its changes says. It equals the target but
// for the properties that only say when a value was taken. Kinds: conflict (the diff is not one of this graph).
func (d *Diff) Apply(baseline *Graph) (*Graph, error) {
	change := make(map[string]*Change, len(d.Changes))
	for i := range d.Changes {
		c := &d.Changes[i]
		change[string(c.Kind)+c.Key] = c
	}
	if len(change) != d.Nodes.Differing()+d.Relationships.Differing() {
		return nil, Errorf(KindConflict, "apply", "the diff lists %d of %d changes", len(change), d.Nodes.Differing()+d.Relationships.Differing())
	}
	out := &Graph{}
	for _, n := range baseline.Nodes {
		c := change[string(KindNode)+n.Key]
		delete(change, string(KindNode)+n.Key)
		if c != nil {
			if c.Status == StatusRemoved {
				continue
			}
			n.Labels, n.Properties = c.LabelsTo, c.applyTo(n.Properties)
		}
		out.Nodes = append(out.Nodes, n)
	}
	for _, r := range baseline.Relationships {
		c := change[string(KindRelationship)+r.Key]
		delete(change, string(KindRelationship)+r.Key)
		if c != nil {
			if c.Status == StatusRemoved {
				continue
			}
			r.Type, r.From, r.To, r.Properties = c.Type, c.From, c.To, c.applyTo(r.Properties)
		}
		out.Relationships = append(out.Relationships, r)
	}
	for _, c := range change {
		switch {
		case c.Status != StatusAdded:
			return nil, Errorf(KindConflict, "apply", "the diff changes %q, which the graph does not have", c.Key)
		case c.Kind == KindNode:
			out.Nodes = append(out.Nodes, Node{Key: c.Key, Labels: c.LabelsTo, Properties: c.applyTo(nil)})
		default:
			out.Relationships = append(out.Relationships, Relationship{Key: c.Key, Type: c.Type, From: c.From, To: c.To, Properties: c.applyTo(nil)})
		}
	}
	out.Sort()
	return out, nil
}

func (c *Change) applyTo(p Properties) Properties {
	out := make(Properties, len(p))
	for name, v := range p {
		out[name] = v
	}
	for _, change := range c.Properties {
		switch {
		case change.Name == "labels" && c.Kind == KindNode && isLabels(change.From) && isLabels(change.To):
		case change.To == nil:
			delete(out, change.Name)
		default:
			out[change.Name] = change.To
		}
	}
	return out
}

// isLabels tells the entry of changed labels from a property that is called labels, whose value no store gives as []string.
func isLabels(v any) bool {
	_, ok := v.([]string)
	return ok
}
