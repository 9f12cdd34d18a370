package engine

import (
	"context"
	"math"
	"sort"
	"strings"
)

// description takes a graph piece by piece and derives what a snapshot says of it: digests, manifest, summary, counts. It
// hands the elements on with their digests, and holds them to the invariants of a graph.
type description struct {
	next     Sink // nil where only the description is wanted
	builder  *manifestBuilder
	summary  summariser
	labels   map[string]int
	types    map[string]int
	worst    Severity
	manifest *Manifest
}

func describeInto(next Sink) *description {
	return &description{next: next, builder: newManifestBuilder(), labels: map[string]int{}, types: map[string]int{}, worst: SeverityLow}
}

// Nodes takes nodes.
func (d *description) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	digests := make([]int64, len(nodes))
	for i, n := range nodes {
		digest, err := NodeDigest(n)
		if err == nil {
			err = d.builder.node(n, digest)
		}
		if err != nil {
			return err
		}
		digests[i] = digest.Full
		d.labels[n.Type()]++
		d.worst = worse(d.worst, SeverityOf(n.Properties))
		d.summary.node(n)
	}
	if d.next == nil {
		return nil
	}
	return d.next.Nodes(ctx, nodes, digests)
}

// Relationships takes relationships.
func (d *description) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	digests := make([]int64, len(rels))
	for i, r := range rels {
		digest, err := RelationshipDigest(r)
		if err == nil {
			err = d.builder.relationship(r, digest)
		}
		if err != nil {
			return err
		}
		digests[i] = digest.Full
		d.types[r.Type]++
		d.worst = worse(d.worst, SeverityOf(r.Properties))
		d.summary.relationship(r)
	}
	if d.next == nil {
		return nil
	}
	return d.next.Relationships(ctx, rels, digests)
}

// finish fills in what follows from the graph. Kinds: invalid.
func (d *description) finish(s *Snapshot) error {
	m, err := d.builder.done()
	if err != nil {
		return err
	}
	d.manifest = m
	s.Summary = d.summary.finish(s.Live.Totals, len(m.Nodes)+len(m.Relationships))
	s.Labels, s.RelationshipTypes = d.labels, d.types
	s.NodeCount, s.RelationshipCount = len(m.Nodes), len(m.Relationships)
	s.RootHash, s.StateHash = m.Root(), m.State()
	s.SchemaVersion = SchemaVersion
	if s.Severity == "" {
		s.Severity = d.worst
	}
	return nil
}

// collected is a sink that keeps the graph.
type collected struct{ Graph }

func (c *collected) Nodes(_ context.Context, nodes []Node, _ []int64) error {
	c.Graph.Nodes = append(c.Graph.Nodes, nodes...)
	return nil
}

func (c *collected) Relationships(_ context.Context, rels []Relationship, _ []int64) error {
	c.Graph.Relationships = append(c.Graph.Relationships, rels...)
	return nil
}

// feedBatch is how many elements Feed hands over at once.
const feedBatch = 5000

// Feed hands a whole graph to a sink.
func Feed(ctx context.Context, g *Graph, sink Sink) error {
	for rest := g.Nodes; len(rest) > 0; {
		n := min(feedBatch, len(rest))
		if err := sink.Nodes(ctx, rest[:n], nil); err != nil {
			return err
		}
		rest = rest[n:]
	}
	for rest := g.Relationships; len(rest) > 0; {
		n := min(feedBatch, len(rest))
		if err := sink.Relationships(ctx, rest[:n], nil); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// Collect gives the whole graph that walk hands to a sink, in key order.
func Collect(walk func(Sink) error) (*Graph, error) {
	var c collected
	if err := walk(&c); err != nil {
		return nil, err
	}
	c.Sort()
	return &c.Graph, nil
}

// summariser makes a summary of a graph that comes piece by piece.
type summariser struct {
	bottlenecks []Bottleneck
	weight      map[[2]string]float64 // additive time between two nodes, and at one node by itself, ms/s
	edges       []timedEdge
}

func (s *summariser) weigh(from, to string, ms float64) {
	if s.weight == nil {
		s.weight = map[[2]string]float64{}
	}
	s.weight[[2]string{from, to}] += ms
}

func (s *summariser) node(n Node) {
	if v, ok := n.Properties.Number("time_ms_per_s"); ok {
		s.weigh(n.Key, n.Key, v)
	}
	if sev := SeverityOf(n.Properties); sev.IsBottleneck() {
		s.bottlenecks = append(s.bottlenecks, Bottleneck{Kind: KindNode, Key: n.Key, Type: n.Type(), Severity: sev, Value: numberPtr(n.Properties, "hotspot_score")})
	}
}

func (s *summariser) relationship(r Relationship) {
	if v, ok := r.Properties.Number("value"); ok && r.Type == RelTimeMSPerS {
		s.weigh(r.From, r.To, v)
		if v > 0 && r.From != r.To && !math.IsInf(v, 1) {
			s.edges = append(s.edges, timedEdge{r.From, r.To, v})
		}
	}
	if sev := SeverityOf(r.Properties); sev.IsBottleneck() {
		s.bottlenecks = append(s.bottlenecks, Bottleneck{Kind: KindRelationship, Key: r.Key, Type: r.Type, From: r.From, To: r.To, Severity: sev, Value: numberPtr(r.Properties, "value")})
	}
}

func (s *summariser) finish(totals Totals, elements int) Summary {
	out := Summary{
		TotalQPS: totals.TotalQPS, AvgLatencyMS: totals.AvgLatencyMS,
		BottlenecksCount: len(s.bottlenecks), Bottlenecks: s.bottlenecks,
		CriticalPaths: criticalPaths(s.edges), Complexity: complexityOf(elements),
	}
	sort.Slice(out.Bottlenecks, func(i, j int) bool {
		a, b := out.Bottlenecks[i], out.Bottlenecks[j]
		if a.Severity.Rank() != b.Severity.Rank() {
			return a.Severity.Rank() > b.Severity.Rank()
		}
		if x, y := s.weight[a.ends()], s.weight[b.ends()]; x != y {
			return x > y
		}
		if a.Kind != b.Kind {
			return a.Kind == KindRelationship
		}
		return strings.Compare(a.Key, b.Key) < 0
	})
	out.Bottlenecks = out.Bottlenecks[:min(maxListBottlenecks, len(out.Bottlenecks))]
	return out
}
