package neo4jdb

import (
	"math"
	"testing"
	"time"

	"graphsnap/engine"
)

// drawn is what a reading sees.
type drawn struct {
	nodes []keyedNode
	rels  []leaving // all leave node 1
}

func (d drawn) into(f *fingerprint) *fingerprint {
	for _, n := range d.nodes {
		f.node(n.id, n.node.Labels, n.node.Properties)
	}
	for _, r := range d.rels {
		f.relationship(1, r)
	}
	return f
}

func drawing() drawn {
	return drawn{
		nodes: []keyedNode{
			{id: 1, node: engine.Node{Labels: []string{"A", "B"}, Properties: engine.Properties{"name": "a", "n": int64(1), "on": true}}},
			{id: 2, node: engine.Node{Labels: []string{"A"}, Properties: engine.Properties{"name": "b", "list": []any{int64(1), "x"}, "at": time.Unix(1, 0).UTC()}}},
		},
		rels: []leaving{{id: 7, to: 2, relType: "R", p: engine.Properties{"value": 1.5}}, {id: 8, to: 2, relType: "R", p: engine.Properties{"value": math.NaN()}}},
	}
}

// Two readings are the same whatever the order of their elements, and differ in whatever one of them shows otherwise.
func TestFingerprintTellsReadingsApart(t *testing.T) {
	first := drawing().into(newFingerprint())
	turned := drawing()
	turned.nodes[0], turned.nodes[1] = turned.nodes[1], turned.nodes[0]
	turned.rels[0], turned.rels[1] = turned.rels[1], turned.rels[0]
	if !turned.into(first.another()).same(first) {
		t.Error("the order of the elements counts")
	}
	for name, change := range map[string]func(d *drawn){
		"a value":                     func(d *drawn) { d.rels[0].p["value"] = 1.25 },
		"the type of a value":         func(d *drawn) { d.nodes[0].node.Properties["n"] = 1.0 },
		"a switch":                    func(d *drawn) { d.nodes[0].node.Properties["on"] = false },
		"an entry of a list":          func(d *drawn) { d.nodes[1].node.Properties["list"] = []any{int64(1), "y"} },
		"a moment":                    func(d *drawn) { d.nodes[1].node.Properties["at"] = time.Unix(2, 0).UTC() },
		"a property less":             func(d *drawn) { delete(d.nodes[1].node.Properties, "name") },
		"values that change places":   func(d *drawn) { d.rels[0].p, d.rels[1].p = d.rels[1].p, d.rels[0].p },
		"a label":                     func(d *drawn) { d.nodes[0].node.Labels = []string{"A"} },
		"labels cut elsewhere":        func(d *drawn) { d.nodes[0].node.Labels = []string{"AB"} },
		"an end":                      func(d *drawn) { d.rels[0].to = 1 },
		"a type":                      func(d *drawn) { d.rels[0].relType = "S" },
		"an element less":             func(d *drawn) { d.rels = d.rels[:1] },
		"an element twice":            func(d *drawn) { d.nodes = append(d.nodes, d.nodes[0]) },
		"an element for another like": func(d *drawn) { d.rels[0].id = 9 },
	} {
		other := drawing()
		change(&other)
		if other.into(first.another()).same(first) {
			t.Errorf("%s makes no difference", name)
		}
	}
	if drawing().into(newFingerprint()).same(first) {
		t.Error("fingerprints of different seeds are compared")
	}
}
