package engine

import "fmt"

// BenchGraph is a graph of any size that is made element by element, the same at every call, with the properties that
// collectors write. Step shifts the values of every tenth relationship, so that two steps differ in a tenth of them.
type BenchGraph struct {
	Nodes, Relationships, Step int
}

var benchTypes = []string{RelQueriesPerSec, RelAvgLatencyMS, RelTimeMSPerS, RelJoinFrequency, RelHotspotScore}

// Node gives the i-th node.
func (g BenchGraph) Node(i int) Node {
	name := fmt.Sprintf("table_%06d", i)
	return Node{Key: NodeKey(name, "Table"), Labels: []string{"Table"}, Properties: Properties{
		"name": name, "schema": "public", "row_count": int64(i * 10), "size_bytes": int64(i * 8192), "hotspot_score": float64(i % 100), "severity": "low",
	}}
}

// Relationship gives the i-th relationship and the places of its ends among the nodes.
func (g BenchGraph) Relationship(i int) (r Relationship, from, to int) {
	pair := i / len(benchTypes)
	from, to = pair%g.Nodes, (pair*7919+1+pair/g.Nodes)%g.Nodes
	value, moves := float64(i%1000), i%10 == 0
	if moves {
		value += float64(g.Step)
	}
	a, b := NodeKey(fmt.Sprintf("table_%06d", from), "Table"), NodeKey(fmt.Sprintf("table_%06d", to), "Table")
	relType := benchTypes[i%len(benchTypes)]
	return Relationship{
		Key: RelationshipKey(a, relType, b, fmt.Sprint(i)), Type: relType, From: a, To: b,
		Properties: Properties{"value": value, "unit": "ms", "timestamp": int64(1769850000), "trend": "stable", "severity": "low", "window_s": 60.0, "quality": "exact", "moves": moves},
	}, from, to
}

// Graph gives the whole graph.
func (g BenchGraph) Graph() *Graph {
	out := &Graph{Nodes: make([]Node, g.Nodes), Relationships: make([]Relationship, g.Relationships)}
	for i := range out.Nodes {
		out.Nodes[i] = g.Node(i)
	}
	for i := range out.Relationships {
		out.Relationships[i], _, _ = g.Relationship(i)
	}
	return out
}
