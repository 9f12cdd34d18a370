package engine

import (
	"bytes"
	"compress/gzip"
	"context"
)

// packer is a sink that keeps a graph in little memory: the graph_state of a snapshot document, gzipped.
type packer struct {
	*GraphWriter
	packed *bytes.Buffer
	z      *gzip.Writer
}

func newPacker() *packer {
	p := &packer{packed: &bytes.Buffer{}}
	p.z, _ = gzip.NewWriterLevel(p.packed, gzip.BestSpeed) // the level is a valid one
	p.GraphWriter = NewGraphWriter(p.z, AppendJSONNode, AppendJSONRelationship)
	p.Begin(nil)
	return p
}

// done gives what was packed, without room to grow.
func (p *packer) done() ([]byte, error) {
	if err := p.End(nil); err != nil {
		return nil, err
	}
	if err := p.z.Close(); err != nil {
		return nil, Errorf(KindInternal, "pack", "the graph cannot be packed").WithCause(err)
	}
	return bytes.Clone(p.packed.Bytes()), nil
}

// packGraph packs a whole graph.
func packGraph(g *Graph) ([]byte, error) {
	p := newPacker()
	if err := Feed(context.Background(), g, p); err != nil {
		return nil, err
	}
	return p.done()
}

// unpack hands a packed graph over, element by element.
func unpack(packed []byte, node func(Node), relationship func(Relationship)) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Errorf(KindInternal, "pack", "the graph cannot be unpacked").WithCause(err)
	}
	r := newJSONReader(z)
	err = r.object(maxMembers, func(list string) error {
		return r.array(func() error {
			if list == "nodes" {
				n, err := readNode(r)
				node(n)
				return err
			}
			rel, err := readRelationship(r)
			relationship(rel)
			return err
		})
	})
	if err == nil {
		err = r.finish()
	}
	return err
}

// unpackGraph is the opposite of packGraph.
func unpackGraph(packed []byte) (*Graph, error) {
	g := &Graph{}
	err := unpack(packed, func(n Node) { g.Nodes = append(g.Nodes, n) }, func(r Relationship) { g.Relationships = append(g.Relationships, r) })
	return g, err
}
