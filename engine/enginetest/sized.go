package enginetest

import "graphsnap/engine"

// SizedGraph gives the graph of the benchmark with so many tables and relationships.
func SizedGraph(nodes, relationships, step int) *engine.Graph {
	return engine.BenchGraph{Nodes: nodes, Relationships: relationships, Step: step}.Graph()
}
