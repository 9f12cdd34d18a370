package enginetest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	_ "time/tzdata" // zones with names, wherever the tests run

	"pgregory.net/rapid"

	"graphsnap/engine"
)

// hostile are names and texts that break what is careless with quoting.
var hostile = []string{
	"users", "order items", "back`tick", `quo"te's`, "snow☃", "semi;colon", "$param", "{brace}", "Frozen", "key", "\\slash", "new\nline",
	`\u0060`, `\u0027`, `\\u0060 x`, "=1+1", "-2", "'apostrophe", "co:lon", "comma,", "😀", "tab\t",
}

// text draws a text, hostile or any.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(append([]string{"", "nul\x00", "\r\n", "@sum", "+1", "\tx"}, hostile...)), rapid.String())
}

// scalars give values of the types of which Neo4j stores lists as well.
func scalars() map[string]*rapid.Generator[any] {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		at := time.Unix(rapid.Int64Range(-62_000_000_000, 250_000_000_000).Draw(t, "seconds"), rapid.SampledFrom([]int64{0, 1, 500_000_000, 999_999_999}).Draw(t, "nanos"))
		return at.UTC()
	})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // the data of zones are linked in
	}
	return map[string]*rapid.Generator[any]{
		"bool":       rapid.Map(rapid.Bool(), toAny[bool]),
		"int":        rapid.Map(rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 1<<53 + 1, 0, 1})), toAny[int64]),
		"float":      rapid.Map(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{1, 0.1, 1e21, 5e-324, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)})), toAny[float64]),
		"string":     rapid.Map(text(), toAny[string]),
		"date":       rapid.Map(moment, func(t time.Time) any { return engine.Date(t.Format("2006-01-02")) }),
		"local time": rapid.Map(moment, func(t time.Time) any { return engine.LocalTime(t.Format("15:04:05.999999999")) }),
		"time": rapid.Map(moment, func(t time.Time) any {
			return engine.OffsetTime(t.In(time.FixedZone("", int(t.Unix()%36)*1800)).Format("15:04:05.999999999Z07:00"))
		}),
		"local datetime": rapid.Map(moment, func(t time.Time) any { return engine.LocalDateTime(t.Format("2006-01-02T15:04:05.999999999")) }),
		"datetime": rapid.Custom(func(t *rapid.T) any {
			zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("Offset", 5*3600+1800), time.FixedZone("Offset", -3600), berlin}).Draw(t, "zone")
			return moment.Draw(t, "moment").In(zone)
		}),
		"duration": rapid.Custom(func(t *rapid.T) any {
			n := rapid.Int64Range(-1000, 1000)
			fraction := rapid.SampledFrom([]string{"", ".500000000", ".000000001"}).Draw(t, "fraction")
			return engine.Duration(fmt.Sprintf("P%dM%dDT%d%sS", n.Draw(t, "months"), n.Draw(t, "days"), n.Draw(t, "seconds"), fraction))
		}),
		"point": rapid.Custom(func(t *rapid.T) any {
			f := rapid.Float64Range(-90, 90)
			p := engine.Point{SRID: rapid.SampledFrom([]int64{4326, 4979, 7203, 9157}).Draw(t, "srid"), X: f.Draw(t, "x"), Y: f.Draw(t, "y")}
			if p.Is3D = p.SRID == 4979 || p.SRID == 9157; p.Is3D {
				p.Z = f.Draw(t, "z")
			}
			return p
		}),
	}
}

// values gives one property value, of a type that Neo4j stores and gives back as it was.
func values() *rapid.Generator[any] {
	all := []*rapid.Generator[any]{rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), toAny[[]byte])}
	kinds := scalars()
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, kinds[name])
		if name == "point" {
			continue // a list of points is of one coordinate system
		}
		all = append(all, rapid.Map(rapid.SliceOfN(kinds[name], 0, 3), toAny[[]any]))
	}
	return rapid.OneOf(all...)
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
	labels := []string{"Table", "View", "Artist", "Frozen", "Snapshot", "odd label", "own_Frozen", "=label`", `l\u0060`}
	for i := range rapid.IntRange(1, 6).Draw(t, "nodes") {
		label := rapid.SampledFrom(labels).Draw(t, "label")
		own := []string{label}
		if more := rapid.SampledFrom(labels).Draw(t, "label"); more != label && rapid.Bool().Draw(t, "two labels") {
			own = append(own, more)
			slices.Sort(own)
		}
		g.Nodes = append(g.Nodes, engine.Node{
			Key: engine.NodeKey(fmt.Sprintf("%s%d", rapid.SampledFrom(hostile).Draw(t, "name"), i), label), Labels: own, Properties: properties().Draw(t, "properties"),
		})
	}
	types := []string{engine.RelAvgLatencyMS, engine.RelTimeMSPerS, "REFERENCES", "odd `type", `t\u0060`, "NEXT", "CONTAINS"}
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
