package enginetest

import (
	"fmt"

	"graphsnap/engine"
)

// SizedGraph gives a graph of so many tables and relationships with the properties that collectors write, the same at
// every call. Step shifts the values of every tenth relationship, so that two steps differ in a tenth of them.
func SizedGraph(nodes, relationships, step int) *engine.Graph {
	g := &engine.Graph{Nodes: make([]engine.Node, nodes), Relationships: make([]engine.Relationship, relationships)}
	for i := range nodes {
		name := fmt.Sprintf("table_%06d", i)
		g.Nodes[i] = engine.Node{Key: engine.NodeKey(name, "Table"), Labels: []string{"Table"}, Properties: engine.Properties{
			"name": name, "schema": "public", "row_count": int64(i * 10), "size_bytes": int64(i * 8192), "hotspot_score": float64(i % 100), "severity": "low",
		}}
	}
	types := []string{engine.RelQueriesPerSec, engine.RelAvgLatencyMS, engine.RelTimeMSPerS, engine.RelJoinFrequency, engine.RelHotspotScore}
	for i := range relationships {
		from, to := g.Nodes[(i/len(types))%nodes].Key, g.Nodes[(i/len(types)*7919+1+i/len(types)/nodes)%nodes].Key
		value := float64(i % 1000)
		if i%10 == 0 {
			value += float64(step)
		}
		relType := types[i%len(types)]
		g.Relationships[i] = engine.Relationship{
			Key: engine.RelationshipKey(from, relType, to, fmt.Sprint(i)), Type: relType, From: from, To: to,
			Properties: engine.Properties{"value": value, "unit": "ms", "timestamp": int64(1769850000), "trend": "stable", "severity": "low", "window_s": 60.0, "quality": "exact"},
		}
	}
	return g
}
