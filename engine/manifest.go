package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
)

// Manifest is the index of a snapshot: every element by kind and key, with its digests and the few figures by which
// comparisons rank. The root hash follows from it alone, so a manifest that gives the root hash of the snapshot is the one
// that was published: it names the element that was changed, added or taken away since, and two manifests tell what
// differs between two snapshots without reading either.
type Manifest struct {
	Types         []string // relationship types, sorted
	Nodes         []ManifestNode
	Relationships []ManifestRelationship
}

// ManifestNode is one node; the figures are NaN where the node has none.
type ManifestNode struct {
	Key                  string
	Labels               string // all of them, joined by NUL bytes
	Digest               Digest
	Severity             Severity
	TimeMS, Latency, QPS float64 // time_ms_per_s, avg_latency_ms, queries_per_sec
}

// Type gives the first label, or "".
func (n *ManifestNode) Type() string {
	first, _, _ := strings.Cut(n.Labels, "\x00")
	return first
}

// ManifestRelationship is one relationship.
type ManifestRelationship struct {
	Key      string
	Type     uint32 // index into Types
	From, To uint32 // indexes into Nodes
	Digest   Digest
	Severity Severity
	Value    float64 // NaN where it has none
}

// number gives a pointer to a figure, or nil for NaN.
func number(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// figure is the opposite of number.
func figure(p Properties, name string) float64 {
	if v, ok := p.Number(name); ok {
		return v
	}
	return math.NaN()
}

// Root gives the root hash of the listed elements.
func (m *Manifest) Root() string { return m.hash(func(d Digest) int64 { return d.Full }) }

// State gives the hash of the listed elements without the properties that only say when: equal for two snapshots of an
// unchanged graph.
func (m *Manifest) State() string { return m.hash(func(d Digest) int64 { return d.State }) }

func (m *Manifest) hash(of func(Digest) int64) string {
	var h rootHash
	for i := range m.Nodes {
		h.put('n', m.Nodes[i].Key, of(m.Nodes[i].Digest))
	}
	for i := range m.Relationships {
		h.put('r', m.Relationships[i].Key, of(m.Relationships[i].Digest))
	}
	return h.sum()
}

// Ends gives the keys of the ends of a relationship.
func (m *Manifest) Ends(r *ManifestRelationship) (from, to string) {
	return m.Nodes[r.From].Key, m.Nodes[r.To].Key
}

// HashBytes gives SHA-256 of bytes, hex.
func HashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// manifestBuilder makes a manifest of a graph that comes piece by piece: all nodes, then relationships, in any order. It
// holds the graph to the invariants of Graph.Check.
type manifestBuilder struct {
	m     Manifest
	index map[string]uint32 // key -> place in m.Nodes
	types map[string]uint32
}

func newManifestBuilder() *manifestBuilder {
	return &manifestBuilder{index: map[string]uint32{}, types: map[string]uint32{}}
}

func (b *manifestBuilder) node(n Node, d Digest) error {
	if n.Key == "" {
		return Errorf(KindInvalid, "graph", "a node has no key")
	}
	if _, twice := b.index[n.Key]; twice {
		return Errorf(KindInvalid, "graph", "two nodes have the key %q", n.Key)
	}
	b.index[n.Key] = uint32(len(b.m.Nodes))
	b.m.Nodes = append(b.m.Nodes, ManifestNode{
		Key: n.Key, Labels: strings.Join(n.Labels, "\x00"), Digest: d, Severity: SeverityOf(n.Properties),
		TimeMS: figure(n.Properties, "time_ms_per_s"), Latency: figure(n.Properties, "avg_latency_ms"), QPS: figure(n.Properties, "queries_per_sec"),
	})
	return nil
}

func (b *manifestBuilder) relationship(r Relationship, d Digest) error {
	if r.Key == "" || r.Type == "" {
		return Errorf(KindInvalid, "graph", "a relationship has no key or no type")
	}
	from, ok := b.index[r.From]
	to, also := b.index[r.To]
	if !ok || !also {
		return Errorf(KindInvalid, "graph", "relationship %q joins %q and %q, which are not both in the graph", r.Key, r.From, r.To)
	}
	kind, known := b.types[r.Type]
	if !known {
		kind = uint32(len(b.m.Types))
		b.types[r.Type] = kind
		b.m.Types = append(b.m.Types, r.Type)
	}
	b.m.Relationships = append(b.m.Relationships, ManifestRelationship{
		Key: r.Key, Type: kind, From: from, To: to, Digest: d, Severity: SeverityOf(r.Properties), Value: figure(r.Properties, "value"),
	})
	return nil
}

// done sorts the manifest and gives it. The builder is spent.
func (b *manifestBuilder) done() (*Manifest, error) {
	m := &b.m
	place := sortWithPlaces(m.Nodes, func(x, y ManifestNode) int { return strings.Compare(x.Key, y.Key) })
	kinds := sortWithPlaces(m.Types, strings.Compare)
	for i := range m.Relationships {
		r := &m.Relationships[i]
		r.From, r.To, r.Type = place[r.From], place[r.To], kinds[r.Type]
	}
	slices.SortFunc(m.Relationships, func(x, y ManifestRelationship) int { return strings.Compare(x.Key, y.Key) })
	for i := 1; i < len(m.Relationships); i++ {
		if m.Relationships[i].Key == m.Relationships[i-1].Key {
			return nil, Errorf(KindInvalid, "graph", "two relationships have the key %q", m.Relationships[i].Key)
		}
	}
	return m, nil
}

// sortWithPlaces sorts a list and tells for each old place the new one.
func sortWithPlaces[T any](list []T, order func(a, b T) int) []uint32 {
	olds := make([]uint32, len(list))
	for i := range olds {
		olds[i] = uint32(i)
	}
	before := slices.Clone(list)
	slices.SortFunc(olds, func(a, b uint32) int { return cmp.Or(order(before[a], before[b]), cmp.Compare(a, b)) })
	places := make([]uint32, len(list))
	for now, old := range olds {
		list[now], places[old] = before[old], uint32(now)
	}
	return places
}

// ManifestOf lists the elements of a graph. Kinds: invalid.
func ManifestOf(g *Graph) (*Manifest, error) {
	b := newManifestBuilder()
	for _, n := range g.Nodes {
		d, err := NodeDigest(n)
		if err == nil {
			err = b.node(n, d)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, r := range g.Relationships {
		d, err := RelationshipDigest(r)
		if err == nil {
			err = b.relationship(r, d)
		}
		if err != nil {
			return nil, err
		}
	}
	return b.done()
}
