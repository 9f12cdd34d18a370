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

// Pair is one element whose digest differs between two snapshots; a nil side does not have it.
type Pair struct {
	Baseline, Target *Element
}

// Difference is what a store finds: the elements whose digests differ, and how many are the same.
type Difference struct {
	Baseline, Target Snapshot
	Pairs            []Pair
	SameNodes        int
	SameRels         int
}

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

// Diff is the whole answer to "what changed between these two snapshots".
type Diff struct {
	Baseline, Target    Snapshot
	Nodes               Counts
	Relationships       Counts
	Worse, Better       int
	Changes             []Change     // without the unchanged ones; by contribution, largest first
	Pairs               []PairChange // by |Delta|, largest first
	SummaryFrom         Summary
	SummaryTo           Summary
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
