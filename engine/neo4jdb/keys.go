package neo4jdb

import (
	"fmt"
	"sort"

	"graphsnap/engine"
)

// keyer gives every element of a read live graph its key: the one it carries, else one from name and label, else its
// element id. Elements are told apart by element id within one read only.
type keyer struct {
	nodes []keyedNode
	rels  []keyedRelationship
	byID  map[string]int // element id -> index in nodes
	seen  map[string]bool
}

type keyedNode struct {
	id   string
	node engine.Node
}

type keyedRelationship struct {
	id       string
	from, to int
	rel      engine.Relationship
}

func newKeyer() *keyer { return &keyer{byID: map[string]int{}, seen: map[string]bool{}} }

func (k *keyer) node(id string, labels []string, p engine.Properties) {
	if _, twice := k.byID[id]; twice {
		return
	}
	k.byID[id] = len(k.nodes)
	k.nodes = append(k.nodes, keyedNode{id, engine.Node{Labels: labels, Properties: p}})
}

// relationship adds one whose ends were both read; false where an end is not there.
func (k *keyer) relationship(id, relType, from, to string, p engine.Properties) bool {
	f, okF := k.byID[from]
	t, okT := k.byID[to]
	if !okF || !okT {
		return false
	}
	if !k.seen[id] {
		k.seen[id] = true
		k.rels = append(k.rels, keyedRelationship{id, f, t, engine.Relationship{Type: relType, Properties: p}})
	}
	return true
}

// graph gives all elements with unique keys, in key order, and what had to be made up.
func (k *keyer) graph() (*engine.Graph, []string) {
	var warnings []string
	// Element ids decide the order of namesakes: stable for as long as the producer leaves them alone.
	sort.Slice(k.rels, func(i, j int) bool { return k.rels[i].id < k.rels[j].id })
	order := make([]int, len(k.nodes))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return k.nodes[order[a]].id < k.nodes[order[b]].id })

	taken, nameless, namesakes := map[string]bool{}, 0, 0
	for _, i := range order {
		n := &k.nodes[i]
		own, isKey := n.node.Properties["key"].(string)
		name, hasName := n.node.Properties["name"].(string)
		switch {
		case isKey && own != "":
			n.node.Key = own
			// The key is the identity, not a value; it comes back from there.
			delete(n.node.Properties, "key")
		case hasName && name != "":
			n.node.Key = engine.NodeKey(name, n.node.Type())
		default:
			n.node.Key = engine.NodeKey(n.id, n.node.Type())
			nameless++
		}
		if taken[n.node.Key] {
			namesakes++
		}
		n.node.Key = unique(taken, n.node.Key)
	}
	if nameless > 0 {
		warnings = append(warnings, fmt.Sprintf("%d nodes have neither key nor name and are known by their element id, which is not stable", nameless))
	}
	if namesakes > 0 {
		warnings = append(warnings, fmt.Sprintf("%d nodes share a name and label with another and got a number", namesakes))
	}

	g := &engine.Graph{Nodes: make([]engine.Node, len(k.nodes)), Relationships: make([]engine.Relationship, len(k.rels))}
	for i := range k.nodes {
		g.Nodes[i] = k.nodes[i].node
	}
	taken = map[string]bool{}
	for i, r := range k.rels {
		r.rel.From, r.rel.To = g.Nodes[r.from].Key, g.Nodes[r.to].Key
		if own, ok := r.rel.Properties["key"].(string); ok && own != "" {
			r.rel.Key = own
			delete(r.rel.Properties, "key")
		} else {
			r.rel.Key = engine.RelationshipKey(r.rel.From, r.rel.Type, r.rel.To, "")
		}
		r.rel.Key = unique(taken, r.rel.Key)
		g.Relationships[i] = r.rel
	}
	g.Sort()
	return g, warnings
}

// unique numbers a key that is taken already: #2, #3 ...
func unique(taken map[string]bool, key string) string {
	candidate := key
	for n := 2; taken[candidate]; n++ {
		candidate = fmt.Sprintf("%s#%d", key, n)
	}
	taken[candidate] = true
	return candidate
}
