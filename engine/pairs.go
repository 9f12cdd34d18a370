package engine

import (
	"math"
	"sort"
)

// pairs ranks what lies between two nodes, and nodes by themselves, by the change of additive time. Time is the one metric
// that may be added up over elements, so it is the one that ranks.
type pairs map[[2]string]*pair

type pair struct {
	PairChange
	changed bool // something of it differs; the others are not listed
}

func newPairs() pairs { return pairs{} }

func (p pairs) at(from, to string) *pair {
	ends := [2]string{from, to}
	if p[ends] == nil {
		p[ends] = &pair{PairChange: PairChange{From: from, To: to}}
	}
	return p[ends]
}

func (p pairs) node(key string, a, b *ManifestNode, changed bool) {
	some := func(n *ManifestNode) bool { return n != nil && !math.IsNaN(n.TimeMS) }
	if !some(a) && !some(b) {
		return
	}
	x := p.at(key, key)
	x.changed = x.changed || changed
	if a != nil {
		addTo(&x.TimeFrom, number(a.TimeMS))
		x.LatencyFrom, x.QPSFrom = number(a.Latency), number(a.QPS)
	}
	if b != nil {
		addTo(&x.TimeTo, number(b.TimeMS))
		x.LatencyTo, x.QPSTo = number(b.Latency), number(b.QPS)
	}
}

func (p pairs) relationship(c *Change) {
	var x *pair
	switch c.Type {
	case RelTimeMSPerS:
		x = p.at(c.From, c.To)
		addTo(&x.TimeFrom, c.ValueFrom)
		addTo(&x.TimeTo, c.ValueTo)
	case RelAvgLatencyMS:
		x = p.at(c.From, c.To)
		x.LatencyFrom, x.LatencyTo = c.ValueFrom, c.ValueTo
	case RelQueriesPerSec:
		x = p.at(c.From, c.To)
		x.QPSFrom, x.QPSTo = c.ValueFrom, c.ValueTo
	default:
		return
	}
	x.changed = x.changed || c.Status != StatusUnchanged
}

// ranked gives the pairs of which something changed, by the change of time, largest first.
func (p pairs) ranked() []PairChange {
	var out []PairChange
	var total float64
	for _, x := range p {
		x.Delta = valueOr0(x.TimeTo) - valueOr0(x.TimeFrom)
		total += math.Abs(x.Delta)
		if x.changed && (x.Delta != 0 || x.LatencyFrom != nil || x.LatencyTo != nil) {
			out = append(out, x.PairChange)
		}
	}
	for i := range out {
		if total > 0 {
			out[i].Share = math.Abs(out[i].Delta) / total
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if x, y := math.Abs(a.Delta), math.Abs(b.Delta); x != y {
			return x > y
		}
		// Other producers may not measure time; then the change of latency ranks.
		if x, y := latencyMove(a), latencyMove(b); x != y {
			return x > y
		}
		if a.From != b.From {
			return a.From < b.From
		}
		return a.To < b.To
	})
	return out
}

func latencyMove(p PairChange) float64 {
	return math.Abs(valueOr0(p.LatencyTo) - valueOr0(p.LatencyFrom))
}

func addTo(sum **float64, v *float64) {
	if v != nil {
		total := *v + valueOr0(*sum)
		*sum = &total
	}
}

func valueOr0(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}
