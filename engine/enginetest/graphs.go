package enginetest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"graphsnap/engine"
)

// hostile are names and texts that break what is careless with quoting.
var hostile = []string{"users", "order items", "back`tick", `quo"te's`, "snow☃", "semi;colon", "$param", "{brace}", "Frozen", "key", "\\slash", "new\nline"}

// values gives one property value, of a type that Neo4j stores and gives back as it was.
func values() *rapid.Generator[any] {
	text := rapid.SampledFrom(hostile)
	return rapid.OneOf(
		rapid.Map(rapid.Bool(), toAny[bool]),
		rapid.Map(rapid.Int64(), toAny[int64]),
		rapid.Map(rapid.Float64(), toAny[float64]),
		rapid.Map(text, toAny[string]),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 8), toAny[[]byte]),
		rapid.Map(rapid.Int64Range(0, 4e9), func(s int64) any { return time.Unix(s, 0).UTC() }),
		rapid.Map(rapid.SliceOfN(text, 1, 3), func(list []string) any {
			out := make([]any, len(list))
			for i, s := range list {
				out[i] = s
			}
			return out
		}),
	)
}

func toAny[T any](v T) any { return v }

func properties() *rapid.Generator[engine.Properties] {
	names := append([]string{"value", "severity", "seq", "h", "rk", "hot", "own_seq"}, hostile...)
	return rapid.Custom(func(t *rapid.T) engine.Properties {
		p := engine.Properties{}
		for range rapid.IntRange(0, 4).Draw(t, "properties") {
			p[rapid.SampledFrom(names).Draw(t, "name")] = values().Draw(t, "value")
		}
		delete(p, "key") // the identity; it is no property
		if rapid.Bool().Draw(t, "bottleneck") {
			p["severity"] = "critical"
		}
		return p
	})
}

// RandomGraph draws a small graph with hostile names, self loops and parallel relationships.
func RandomGraph(t *rapid.T) *engine.Graph {
	g := &engine.Graph{}
	labels := []string{"Table", "View", "Artist", "Frozen", "Snapshot", "odd label", "own_Frozen"}
	for i := range rapid.IntRange(1, 6).Draw(t, "nodes") {
		label := rapid.SampledFrom(labels).Draw(t, "label")
		g.Nodes = append(g.Nodes, engine.Node{
			Key: engine.NodeKey(fmt.Sprintf("%s%d", rapid.SampledFrom(hostile).Draw(t, "name"), i), label), Labels: []string{label}, Properties: properties().Draw(t, "properties"),
		})
	}
	types := []string{engine.RelAvgLatencyMS, engine.RelTimeMSPerS, "REFERENCES", "odd `type", "NEXT", "CONTAINS"}
	for i := range rapid.IntRange(0, 8).Draw(t, "relationships") {
		from := rapid.SampledFrom(g.Nodes).Draw(t, "from").Key
		to := rapid.SampledFrom(g.Nodes).Draw(t, "to").Key
		relType := rapid.SampledFrom(types).Draw(t, "type")
		g.Relationships = append(g.Relationships, engine.Relationship{
			Key: engine.RelationshipKey(from, relType, to, fmt.Sprint(i)), Type: relType, From: from, To: to, Properties: properties().Draw(t, "properties"),
		})
	}
	g.Sort()
	return g
}

// Mutate draws another state of a graph: some elements gone, changed or new.
func Mutate(t *rapid.T, g *engine.Graph) *engine.Graph {
	out := &engine.Graph{}
	gone := map[string]bool{}
	for i, n := range g.Nodes {
		switch rapid.IntRange(0, 5).Draw(t, "node") {
		case 0:
			if i > 0 { // a graph keeps at least one node
				gone[n.Key] = true
				continue
			}
		case 1:
			n.Properties = properties().Draw(t, "properties")
		}
		out.Nodes = append(out.Nodes, n)
	}
	for _, r := range g.Relationships {
		if gone[r.From] || gone[r.To] {
			continue
		}
		switch rapid.IntRange(0, 4).Draw(t, "relationship") {
		case 0:
			continue
		case 1:
			r.Properties = properties().Draw(t, "properties")
		}
		out.Relationships = append(out.Relationships, r)
	}
	if rapid.Bool().Draw(t, "new node") {
		out.Nodes = append(out.Nodes, engine.Node{Key: "new:Table", Labels: []string{"Table"}, Properties: properties().Draw(t, "properties")})
	}
	out.Sort()
	return out
}
