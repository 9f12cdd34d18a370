package engine

import (
	"context"
	"encoding/json"
	"io"
)

// json writes the snapshot document: the fields that name the snapshot, the graph with one element a line, and the fields
// that follow from the graph.
func (x *export) json(ctx context.Context, w io.Writer) error {
	head, err := json.Marshal(headOf(x.snapshot, x.metadata))
	if err != nil {
		return Errorf(KindInternal, "export", "the head of the document cannot be written").WithCause(err)
	}
	out := NewGraphWriter(w, AppendJSONNode, AppendJSONRelationship)
	out.Begin(append(head[:len(head)-1], `,"graph_state":`...))
	if err := x.graph(ctx, out); err != nil {
		return err
	}
	tail, err := json.Marshal(tailOf(x.snapshot, x.metadata))
	if err != nil {
		return Errorf(KindInternal, "export", "the end of the document cannot be written").WithCause(err)
	}
	var after []byte
	if len(tail) > len("{}") {
		after = append(append(after, ','), tail[1:len(tail)-1]...)
	}
	return out.End(append(after, "}\n"...))
}

// GraphWriter is a sink that writes the graph_state of a document, one element a line.
type GraphWriter struct {
	output
	node          func([]byte, Node) ([]byte, error)
	relationship  func([]byte, Relationship) ([]byte, error)
	inList        bool // something stands in the current list
	relationships bool
}

// NewGraphWriter writes to w with a form of elements: each function appends one to a text.
func NewGraphWriter(w io.Writer, node func([]byte, Node) ([]byte, error), relationship func([]byte, Relationship) ([]byte, error)) *GraphWriter {
	return &GraphWriter{output: output{w: w}, node: node, relationship: relationship}
}

// Begin writes what stands in front of the graph.
func (o *GraphWriter) Begin(before []byte) {
	o.b = append(append(o.b, before...), `{"nodes":[`...)
}

// End completes the graph, and writes what stands behind it. Kinds: unavailable (the receiver is gone).
func (o *GraphWriter) End(after []byte) error {
	o.relationshipsFollow()
	o.b = append(append(o.b, "\n]}"...), after...)
	return o.flush(true)
}

func (o *GraphWriter) next() {
	if o.inList {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '\n')
	o.inList = true
}

// Nodes writes nodes.
func (o *GraphWriter) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	for _, n := range nodes {
		o.next()
		var err error
		if o.b, err = o.node(o.b, n); err == nil {
			err = o.flush(false)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (o *GraphWriter) relationshipsFollow() {
	if !o.relationships {
		o.b = append(o.b, "\n],\"relationships\":["...)
		o.inList, o.relationships = false, true
	}
}

// Relationships writes relationships.
func (o *GraphWriter) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	o.relationshipsFollow()
	for _, r := range rels {
		o.next()
		var err error
		if o.b, err = o.relationship(o.b, r); err == nil {
			err = o.flush(false)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
