package engine

import (
	"math"
	"sort"
	"strings"
)

// Summary is what a snapshot says at a glance. A nil figure is unknown.
type Summary struct {
	TotalQPS         *float64 // statements/s, from the database's own counters
	AvgLatencyMS     *float64 // ms, call-weighted
	BottlenecksCount int
	Bottlenecks      []Bottleneck
	CriticalPaths    []CriticalPath
	Complexity       Complexity
}

// Bottleneck is an element whose severity is high or critical.
type Bottleneck struct {
	Kind     ElementKind
	Key      string
	Type     string
	From, To string
	Severity Severity
	Value    *float64
}

// CriticalPath is a heavy chain of joined tables; Path is written `users->products->inventory`.
type CriticalPath struct {
	Path      string
	TimeMSPer float64 // additive time over its relationships, ms/s
}

// Complexity is the size class of a graph.
type Complexity string

// The size classes.
const (
	ComplexityLow    Complexity = "low"
	ComplexityMedium Complexity = "medium"
	ComplexityHigh   Complexity = "high"
)

// How much a summary shows.
const (
	maxCriticalPaths   = 5
	maxPathNodes       = 6
	maxListBottlenecks = 50
)

// Summarise computes the summary of a graph from it and the totals of its tick. Pure.
func Summarise(g *Graph, totals Totals) Summary {
	var s summariser
	for _, n := range g.Nodes {
		s.node(n)
	}
	for _, r := range g.Relationships {
		s.relationship(r)
	}
	return s.finish(totals, len(g.Nodes)+len(g.Relationships))
}

// ends gives what a bottleneck lies between; a node lies between itself and itself.
func (b Bottleneck) ends() [2]string {
	if b.Kind == KindNode {
		return [2]string{b.Key, b.Key}
	}
	return [2]string{b.From, b.To}
}

func worse(a, b Severity) Severity {
	if b.Rank() > a.Rank() {
		return b
	}
	return a
}

// complexityOf follows the number of elements: what fits one screen, what needs filters, what needs folding.
func complexityOf(n int) Complexity {
	switch {
	case n <= 200:
		return ComplexityLow
	case n <= 5000:
		return ComplexityMedium
	default:
		return ComplexityHigh
	}
}

type timedEdge struct {
	from, to string
	ms       float64
}

// criticalPaths finds the heaviest chains by additive time. Longest simple path is NP-hard, so chains grow greedily
// from each of the heaviest edges at both ends; edges of a chain found earlier are not used again. Only TIME_MS_PER_S is
// additive, and a table may stand in a chain once.
func criticalPaths(edges []timedEdge) []CriticalPath {
	sort.Slice(edges, func(i, j int) bool {
		if edges[i].ms != edges[j].ms {
			return edges[i].ms > edges[j].ms
		}
		if edges[i].from != edges[j].from {
			return edges[i].from < edges[j].from
		}
		return edges[i].to < edges[j].to
	})
	// best[n] lists the edges that leave or enter n, heaviest first, because edges is sorted.
	leaving, entering := map[string][]int{}, map[string][]int{}
	for i, e := range edges {
		leaving[e.from] = append(leaving[e.from], i)
		entering[e.to] = append(entering[e.to], i)
	}
	used := make([]bool, len(edges))
	var paths []CriticalPath
	for i := range edges {
		if len(paths) == maxCriticalPaths {
			break
		}
		if used[i] {
			continue
		}
		chain, ms := growChain(edges, used, leaving, entering, i)
		names := make([]string, len(chain))
		for k, key := range chain {
			names[k] = KeyName(key)
		}
		paths = append(paths, CriticalPath{Path: strings.Join(names, "->"), TimeMSPer: min(ms, math.MaxFloat64)}) // absurd values may add up to infinity
	}
	sort.SliceStable(paths, func(i, j int) bool { return paths[i].TimeMSPer > paths[j].TimeMSPer })
	return paths
}

func growChain(edges []timedEdge, used []bool, leaving, entering map[string][]int, start int) ([]string, float64) {
	used[start] = true
	chain := []string{edges[start].from, edges[start].to}
	ms := edges[start].ms
	in := map[string]bool{chain[0]: true, chain[1]: true}
	for len(chain) < maxPathNodes {
		tail, head := -1, -1
		for _, i := range leaving[chain[len(chain)-1]] {
			if !used[i] && !in[edges[i].to] {
				tail = i
				break
			}
		}
		for _, i := range entering[chain[0]] {
			if !used[i] && !in[edges[i].from] {
				head = i
				break
			}
		}
		switch {
		case tail >= 0 && (head < 0 || edges[tail].ms >= edges[head].ms):
			chain = append(chain, edges[tail].to)
			in[edges[tail].to], used[tail] = true, true
			ms += edges[tail].ms
		case head >= 0:
			chain = append([]string{edges[head].from}, chain...)
			in[edges[head].from], used[head] = true, true
			ms += edges[head].ms
		default:
			return chain, ms
		}
	}
	return chain, ms
}

// numberPtr gives a number that every surface can show: NaN and infinities have no form in JSON.
func numberPtr(p Properties, name string) *float64 {
	if v, ok := p.Number(name); ok {
		return finite(&v)
	}
	return nil
}
