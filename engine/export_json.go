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
	out := &jsonOutput{output: output{w: w}}
	out.b = append(append(out.b, head[:len(head)-1]...), `,"graph_state":{"nodes":[`...)
	if err := x.graph(ctx, out); err != nil {
		return err
	}
	tail, err := json.Marshal(tailOf(x.snapshot, x.metadata))
	if err != nil {
		return Errorf(KindInternal, "export", "the end of the document cannot be written").WithCause(err)
	}
	out.relationshipsFollow()
	out.b = append(out.b, "\n]}"...)
	if len(tail) > len("{}") {
		out.b = append(append(out.b, ','), tail[1:len(tail)-1]...)
	}
	out.b = append(out.b, "}\n"...)
	return out.flush(true)
}

// jsonOutput is a sink that writes the graph of a document.
type jsonOutput struct {
	output
	inList        bool // something stands in the current list
	relationships bool
}

func (o *jsonOutput) next() {
	if o.inList {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '\n')
	o.inList = true
}

func (o *jsonOutput) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	for _, n := range nodes {
		o.next()
		var err error
		if o.b, err = AppendJSONNode(o.b, n); err == nil {
			err = o.flush(false)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (o *jsonOutput) relationshipsFollow() {
	if !o.relationships {
		o.b = append(o.b, "\n],\"relationships\":["...)
		o.inList, o.relationships = false, true
	}
}

func (o *jsonOutput) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	o.relationshipsFollow()
	for _, r := range rels {
		o.next()
		var err error
		if o.b, err = AppendJSONRelationship(o.b, r); err == nil {
			err = o.flush(false)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
