package engine

import (
	"bytes"
	"math"
	"slices"
	"sort"
)

// higherIsWorse holds the metrics whose value has a good and a bad direction. The others, such as QUERIES_PER_SEC, are
// load: more of it is neither worse nor better.
var higherIsWorse = map[string]bool{
	RelAvgLatencyMS:    true,
	RelTimeMSPerS:      true,
	RelHotspotScore:    true,
	RelLoadFactor:      true,
	RelErrorRate:       true,
	RelLockWaitMS:      true,
	RelIndexEfficiency: false,
}

func statusOf(a, b *Digest) Status {
	switch {
	case a == nil:
		return StatusAdded
	case b == nil:
		return StatusRemoved
	case a.State != b.State:
		return StatusChanged
	}
	return StatusUnchanged
}

func nodeChange(a, b *ManifestNode) Change {
	c := Change{Kind: KindNode, Aspect: AspectStructure}
	var from, to *Digest
	if a != nil {
		c.Key, c.Type, c.SeverityFrom, from = a.Key, a.Type(), a.Severity, &a.Digest
	}
	if b != nil {
		c.Key, c.Type, c.SeverityTo, to = b.Key, b.Type(), b.Severity, &b.Digest
	}
	c.Status = statusOf(from, to)
	if c.Status == StatusChanged && a.Labels == b.Labels {
		c.Aspect = AspectMetric
	}
	return c
}

func relationshipChange(ma, mb *Manifest, a, b *ManifestRelationship) Change {
	c := Change{Kind: KindRelationship, Aspect: AspectMetric}
	var from, to *Digest
	if a != nil {
		c.Key, c.Type, c.SeverityFrom, from, c.ValueFrom = a.Key, ma.Types[a.Type], a.Severity, &a.Digest, number(a.Value)
		c.From, c.To = ma.Ends(a)
	}
	if b != nil {
		c.Key, c.Type, c.SeverityTo, to, c.ValueTo = b.Key, mb.Types[b.Type], b.Severity, &b.Digest, number(b.Value)
		c.From, c.To = mb.Ends(b)
	}
	if c.ValueFrom == nil && c.ValueTo == nil {
		c.Aspect = AspectStructure
	}
	c.Status = statusOf(from, to)
	c.Absolute, c.Relative = deltaOf(c.ValueFrom, c.ValueTo)
	return c
}

// complete fills in what stands on the element itself, on the sides that have it.
func (c *Change) complete(from, to *Element) {
	var was, is Properties
	if from != nil {
		was, c.LabelsFrom = from.Properties, from.Labels
	}
	if to != nil {
		is, c.LabelsTo = to.Properties, to.Labels
	}
	c.Properties = propertyChanges(was, is)
	if from != nil && to != nil && !slices.Equal(from.Labels, to.Labels) {
		c.Properties = append([]PropertyChange{{Name: "labels", From: from.Labels, To: to.Labels}}, c.Properties...)
	}
}

// NodeElement gives a node as one side of a comparison.
func NodeElement(n Node) *Element {
	return &Element{Kind: KindNode, Key: n.Key, Type: n.Type(), Labels: n.Labels, Properties: n.Properties}
}

// RelationshipElement gives a relationship as one side of a comparison.
func RelationshipElement(r Relationship) *Element {
	return &Element{Kind: KindRelationship, Key: r.Key, Type: r.Type, From: r.From, To: r.To, Properties: r.Properties}
}

// directionOf says whether a changed or new metric got worse or better: by severity first, then by its value.
func directionOf(c Change, floor float64) string {
	if c.Status == StatusRemoved || c.Status == StatusUnchanged {
		return ""
	}
	from, to := c.SeverityFrom.Rank(), c.SeverityTo.Rank()
	switch {
	case c.Status == StatusAdded && to >= SeverityHigh.Rank():
		return "worse"
	case c.Status == StatusAdded:
		return ""
	case from > 0 && to > from:
		return "worse"
	case to > 0 && to < from:
		return "better"
	}
	up, directed := higherIsWorse[c.Type]
	if !directed || c.Relative == nil || math.Abs(*c.Relative) < floor {
		return ""
	}
	if (*c.Relative > 0) == up {
		return "worse"
	}
	return "better"
}

func propertyChanges(from, to Properties) []PropertyChange {
	names := make([]string, 0, len(from)+len(to))
	for name := range from {
		names = append(names, name)
	}
	for name := range to {
		if _, both := from[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var changes []PropertyChange
	for _, name := range names {
		if clockProperties[name] || sameValue(from[name], to[name]) {
			continue
		}
		c := PropertyChange{Name: name, From: from[name], To: to[name]}
		c.Absolute, c.Relative = deltaOf(numberPtr(from, name), numberPtr(to, name))
		changes = append(changes, c)
	}
	return changes
}

// sameValue compares by the canonical encoding, the same notion of equality that digests have.
func sameValue(a, b any) bool {
	ea, errA := appendValue(nil, a)
	eb, errB := appendValue(nil, b)
	return errA == nil && errB == nil && bytes.Equal(ea, eb)
}

func deltaOf(from, to *float64) (absolute, relative *float64) {
	if from == nil || to == nil {
		return nil, nil
	}
	abs := *to - *from
	if *from == 0 {
		return &abs, nil
	}
	rel := abs / math.Abs(*from)
	return &abs, &rel
}

// Relative gives (to-from)/|from|, or nil where a side is unknown or from is 0.
func Relative(from, to *float64) *float64 {
	_, rel := deltaOf(from, to)
	return rel
}

func sortChanges(changes []Change) {
	relative := func(c *Change) float64 {
		if c.Relative == nil {
			return 0
		}
		return math.Abs(*c.Relative)
	}
	sort.Slice(changes, func(i, j int) bool {
		a, b := &changes[i], &changes[j]
		if x, y := math.Abs(a.Contribution), math.Abs(b.Contribution); x != y {
			return x > y
		}
		if x, y := a.Type == RelTimeMSPerS, b.Type == RelTimeMSPerS; x != y {
			return x
		}
		if x, y := relative(a), relative(b); x != y {
			return x > y
		}
		if a.Kind != b.Kind {
			return a.Kind == KindRelationship
		}
		return a.Key < b.Key
	})
}
