package enginetest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"graphsnap/engine"
)

var drawn = regexp.MustCompile(`^(\w+) -\[(\w+)(?: ([\d.]+))?(?: (\w+))?\]-> (\w+)$`)

// ParseGraph reads a graph drawn as text, a relationship a line: `users -[AVG_LATENCY_MS 45 low]-> products`. Value and
// severity may be missing; the ends become tables.
func ParseGraph(text string) (*engine.Graph, error) {
	g := &engine.Graph{}
	seen := map[string]bool{}
	table := func(name string) string {
		key := engine.NodeKey(name, "Table")
		if !seen[key] {
			seen[key] = true
			g.Nodes = append(g.Nodes, engine.Node{Key: key, Labels: []string{"Table"}, Properties: engine.Properties{"name": name}})
		}
		return key
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		m := drawn.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%q is no relationship", line)
		}
		p := engine.Properties{}
		if m[3] != "" {
			v, err := strconv.ParseFloat(m[3], 64)
			if err != nil {
				return nil, err
			}
			p["value"] = v
		}
		if m[4] != "" {
			p["severity"] = m[4]
		}
		from, to := table(m[1]), table(m[5])
		g.Relationships = append(g.Relationships, engine.Relationship{Key: engine.RelationshipKey(from, m[2], to, ""), Type: m[2], From: from, To: to, Properties: p})
	}
	g.Sort()
	return g, g.Check()
}
