package neo4jdb

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"graphsnap/engine"
)

// keyer gives every element of a read live graph its key: the one it carries, else one from name and label, else its
// element id. Elements are told apart by their ids within one read only. Nodes are gathered, because namesakes are
// numbered in the order of their ids; relationships go on to the sink as they come.
type keyer struct {
	sink  engine.Sink
	nodes []keyedNode
	keys  map[int64]string // of the nodes, by id
	taken map[string]int   // keys of nodes, later of relationships, with the last number given to a namesake
	rels  []engine.Relationship

	count     int // elements handed on
	nameless  int
	namesakes int
}

type keyedNode struct {
	id        int64
	elementID string
	node      engine.Node
}

func newKeyer(sink engine.Sink) *keyer {
	return &keyer{sink: sink, keys: map[int64]string{}, taken: map[string]int{}}
}

func (k *keyer) node(id int64, elementID string, labels []string, p engine.Properties) {
	k.nodes = append(k.nodes, keyedNode{id, elementID, engine.Node{Labels: labels, Properties: p}})
}

// endNodes gives the nodes their keys and hands them on.
func (k *keyer) endNodes(ctx context.Context) error {
	// Ids decide the order of namesakes: stable for as long as the producer leaves them alone.
	slices.SortFunc(k.nodes, func(a, b keyedNode) int { return cmp.Compare(a.id, b.id) })
	k.nodes = slices.CompactFunc(k.nodes, func(a, b keyedNode) bool { return a.id == b.id }) // a scan may repeat what moves
	for i := range k.nodes {
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
			n.node.Key = engine.NodeKey(n.elementID, n.node.Type())
			k.nameless++
		}
		if _, twice := k.taken[n.node.Key]; twice {
			k.namesakes++
		}
		n.node.Key = k.unique(n.node.Key)
		k.keys[n.id] = n.node.Key
	}
	for part := range slices.Chunk(k.nodes, sinkBatch) {
		nodes := make([]engine.Node, len(part))
		for i := range part {
			nodes[i] = part[i].node
		}
		if err := k.sink.Nodes(ctx, nodes, nil); err != nil {
			return err
		}
	}
	k.count = len(k.nodes)
	k.nodes, k.taken = nil, map[string]int{}
	return nil
}

// sinkBatch is how many elements are handed to a sink at once.
const sinkBatch = 5000

// leaving is one relationship of the node whose relationships are being read.
type leaving struct {
	id, to  int64
	relType string
	p       engine.Properties
}

// leave takes all relationships that leave a node, and gives the ids of ends that are not among the nodes.
func (k *keyer) leave(ctx context.Context, from int64, list []leaving) (unknown []int64, err error) {
	start, known := k.keys[from]
	if !known {
		return []int64{from}, nil
	}
	slices.SortFunc(list, func(a, b leaving) int { return cmp.Compare(a.id, b.id) })
	for i, l := range list {
		if i > 0 && l.id == list[i-1].id {
			continue
		}
		end, known := k.keys[l.to]
		if !known {
			unknown = append(unknown, l.to)
			continue
		}
		r := engine.Relationship{Type: l.relType, From: start, To: end, Properties: l.p}
		if own, ok := l.p["key"].(string); ok && own != "" {
			r.Key = own
			delete(l.p, "key")
		} else {
			r.Key = engine.RelationshipKey(start, l.relType, end, "")
		}
		r.Key = k.unique(r.Key)
		k.rels = append(k.rels, r)
	}
	if len(k.rels) >= sinkBatch {
		return unknown, k.endRelationships(ctx)
	}
	return unknown, nil
}

// endRelationships hands on what is gathered.
func (k *keyer) endRelationships(ctx context.Context) error {
	rels := k.rels
	k.rels = nil // the sink may keep them
	k.count += len(rels)
	if len(rels) == 0 {
		return nil
	}
	return k.sink.Relationships(ctx, rels, nil)
}

// warnings tells what had to be made up.
func (k *keyer) warnings() []string {
	var out []string
	if k.nameless > 0 {
		out = append(out, fmt.Sprintf("%d nodes have neither key nor name and are known by their element id, which is not stable", k.nameless))
	}
	if k.namesakes > 0 {
		out = append(out, fmt.Sprintf("%d nodes share a name and label with another and got a number", k.namesakes))
	}
	return out
}

// unique numbers a key that is taken already: #2, #3 ...
func (k *keyer) unique(key string) string {
	last, twice := k.taken[key]
	if !twice {
		k.taken[key] = 1
		return key
	}
	for {
		last++
		candidate := fmt.Sprintf("%s#%d", key, last)
		if _, twice := k.taken[candidate]; !twice {
			k.taken[key], k.taken[candidate] = last, 1
			return candidate
		}
	}
}
