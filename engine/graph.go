package engine

import (
	"fmt"
	"sort"
	"strings"
)

// Properties are the properties of a node or relationship, as Neo4j types them: bool, int64, float64, string, []byte,
// time types and lists of these.
type Properties map[string]any

// Node is one node of a live or frozen graph. Key is its stable identity across ticks and snapshots, `users:Table`.
type Node struct {
	Key        string
	Labels     []string // own labels, sorted; the first one is the type in the snapshot document
	Properties Properties
}

// Type gives the first own label, or "" where a node has none.
func (n Node) Type() string {
	if len(n.Labels) == 0 {
		return ""
	}
	return n.Labels[0]
}

// Relationship is one relationship of a live or frozen graph; From and To are keys of nodes of the same graph. Key is
// `users:Table-[AVG_LATENCY_MS]->products:Table`, with a discriminator where several of one type join the same ends.
type Relationship struct {
	Key        string
	Type       string
	From, To   string
	Properties Properties
}

// Graph is a whole live or frozen graph. Keys are unique within it, and every end of a relationship is in Nodes.
type Graph struct {
	Nodes         []Node
	Relationships []Relationship
}

// NodeKey gives the identity of a node of our collectors: the qualified name and its label, `users:Table`.
func NodeKey(name, label string) string { return name + ":" + label }

// RelationshipKey gives the identity of a relationship. The discriminator is "" but for types of which several may
// join the same two nodes, such as REFERENCES, where it is the constraint's name.
func RelationshipKey(from, relType, to, discriminator string) string {
	if discriminator != "" {
		relType += ":" + discriminator
	}
	return from + "-[" + relType + "]->" + to
}

// KeyName gives the name part of a node key: `users` for `users:Table`.
func KeyName(key string) string {
	if i := strings.LastIndexByte(key, ':'); i > 0 {
		return key[:i]
	}
	return key
}

// The relationship types that our collectors write. Other types are captured and compared just as well.
const (
	RelReferences      = "REFERENCES"
	RelQueriesPerSec   = "QUERIES_PER_SEC"
	RelAvgLatencyMS    = "AVG_LATENCY_MS"
	RelTimeMSPerS      = "TIME_MS_PER_S"
	RelRowsPerSec      = "ROWS_PER_SEC"
	RelJoinFrequency   = "JOIN_FREQUENCY"
	RelIndexEfficiency = "INDEX_EFFICIENCY"
	RelHotspotScore    = "HOTSPOT_SCORE"
	RelLoadFactor      = "LOAD_FACTOR"
	RelErrorRate       = "ERROR_RATE"
	RelLockWaitMS      = "LOCK_WAIT_MS"
)

// MetricUnits gives the unit of each metric relationship type; the types not in it have no unit.
var MetricUnits = map[string]string{
	RelQueriesPerSec:   "queries/s",
	RelAvgLatencyMS:    "ms",
	RelTimeMSPerS:      "ms/s",
	RelRowsPerSec:      "rows/s",
	RelJoinFrequency:   "joins/s",
	RelIndexEfficiency: "%",
	RelHotspotScore:    "score 0-100",
	RelLoadFactor:      "ratio",
	RelErrorRate:       "%",
	RelLockWaitMS:      "ms",
}

// Severity ranks how bad an element is: low, medium, high, critical.
type Severity string

// The severities, in rising order.
const (
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Rank gives 1 for low to 4 for critical, and 0 for anything else.
func (s Severity) Rank() int {
	switch s {
	case SeverityLow:
		return 1
	case SeverityMedium:
		return 2
	case SeverityHigh:
		return 3
	case SeverityCritical:
		return 4
	}
	return 0
}

// IsBottleneck reports whether an element of this severity is a bottleneck: high or critical.
func (s Severity) IsBottleneck() bool { return s.Rank() >= 3 }

// SeverityOf reads the severity of an element's properties.
func SeverityOf(p Properties) Severity {
	s, _ := p["severity"].(string)
	return Severity(strings.ToLower(s))
}

// Number reads a numeric property; ok is false where it is absent or no number.
func (p Properties) Number(name string) (value float64, ok bool) {
	switch v := p[name].(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return 0, false
}

// Sort orders nodes and relationships by key, the canonical order of documents and digests.
func (g *Graph) Sort() {
	sort.Slice(g.Nodes, func(i, j int) bool { return g.Nodes[i].Key < g.Nodes[j].Key })
	sort.Slice(g.Relationships, func(i, j int) bool { return g.Relationships[i].Key < g.Relationships[j].Key })
}

// Check verifies the invariants of a graph: keys unique and not empty, ends present, types and labels not empty.
func (g *Graph) Check() error {
	const op = "graph.check"
	nodes := make(map[string]struct{}, len(g.Nodes))
	for _, n := range g.Nodes {
		if n.Key == "" {
			return Errorf(KindInvalid, op, "a node has no key")
		}
		if _, dup := nodes[n.Key]; dup {
			return Errorf(KindInvalid, op, "two nodes have the key %q", n.Key)
		}
		nodes[n.Key] = struct{}{}
	}
	rels := make(map[string]struct{}, len(g.Relationships))
	for _, r := range g.Relationships {
		if r.Key == "" || r.Type == "" {
			return Errorf(KindInvalid, op, "a relationship has no key or no type")
		}
		if _, dup := rels[r.Key]; dup {
			return Errorf(KindInvalid, op, "two relationships have the key %q", r.Key)
		}
		rels[r.Key] = struct{}{}
		for _, end := range []string{r.From, r.To} {
			if _, ok := nodes[end]; !ok {
				return Errorf(KindInvalid, op, "relationship %q ends at %q, which is not in the graph", r.Key, end)
			}
		}
	}
	return nil
}

// String gives a short description for logs.
func (g *Graph) String() string {
	return fmt.Sprintf("%d nodes, %d relationships", len(g.Nodes), len(g.Relationships))
}
