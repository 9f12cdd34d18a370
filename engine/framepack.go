package engine

import (
	"bytes"
	"compress/gzip"
	"context"
)

// packGraph gives a graph in little memory: the graph_state of a snapshot document, gzipped.
func packGraph(g *Graph) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return nil, Errorf(KindInternal, "frame", "the graph cannot be packed").WithCause(err)
	}
	out := &jsonOutput{output: output{w: z}}
	out.b = append(out.b, `{"nodes":[`...)
	if err := Feed(context.Background(), g, out); err != nil {
		return nil, err
	}
	out.relationshipsFollow()
	out.b = append(out.b, "\n]}"...)
	if err := out.flush(true); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, Errorf(KindInternal, "frame", "the graph cannot be packed").WithCause(err)
	}
	return bytes.Clone(packed.Bytes()), nil // without the room to grow
}

// unpackGraph is the opposite of packGraph.
func unpackGraph(packed []byte) (*Graph, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, Errorf(KindInternal, "frame", "the graph cannot be unpacked").WithCause(err)
	}
	g := &Graph{}
	r := newJSONReader(z)
	err = r.object(maxMembers, func(list string) error {
		return r.array(func() error {
			if list == "nodes" {
				n, err := readNode(r)
				g.Nodes = append(g.Nodes, n)
				return err
			}
			rel, err := readRelationship(r)
			g.Relationships = append(g.Relationships, rel)
			return err
		})
	})
	if err == nil {
		err = r.finish()
	}
	return g, err
}
