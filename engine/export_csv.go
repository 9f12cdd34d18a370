package engine

import (
	"archive/tar"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// The files of a CSV export, in the order in which they must stand.
const (
	csvMetadata      = "metadata.json"
	csvNodes         = "nodes.csv"
	csvRelationships = "relationships.csv"
)

// csv writes a tar of three files. A tar needs the size of a file, and CSV the columns, before the rows, so the graph is
// read twice: the first reading also finds what CSV cannot carry, before anything is written.
func (x *export) csv(ctx context.Context, w io.Writer) error {
	plan := &csvPlan{nodes: newCSVTable("key:ID", ":LABEL"), rels: newCSVTable(":START_ID", ":END_ID", ":TYPE", "rk:string")}
	if err := x.graph(ctx, plan); err != nil {
		return err
	}
	metadata, err := metadataDocument(x.snapshot, x.metadata)
	if err != nil {
		return err
	}
	out := &csvOutput{output: output{w: tar.NewWriter(w)}, plan: plan, at: x.snapshot.Timestamp}
	if err := out.file(csvMetadata, int64(len(metadata)), metadata); err != nil {
		return err
	}
	if err := out.table(csvNodes, plan.nodes); err != nil {
		return err
	}
	if err := overlapped(ctx, x.walk, out); err != nil {
		return err
	}
	if err := out.relationshipsFollow(); err != nil {
		return err
	}
	if err := out.flush(true); err != nil {
		return err
	}
	if err := out.tar().Close(); err != nil {
		return unwritable(err)
	}
	return nil
}

// metadataDocument gives the document without its graph.
func metadataDocument(s *Snapshot, metadata bool) ([]byte, error) {
	head, err := json.Marshal(headOf(s, metadata))
	if err != nil {
		return nil, Errorf(KindInternal, "export", "the metadata cannot be written").WithCause(err)
	}
	tail, err := json.Marshal(tailOf(s, metadata))
	if err != nil {
		return nil, Errorf(KindInternal, "export", "the metadata cannot be written").WithCause(err)
	}
	if len(tail) > len("{}") {
		head = append(append(head[:len(head)-1], ','), tail[1:]...)
	}
	return append(head, '\n'), nil
}

// csvPlan is a sink that finds the columns and sizes.
type csvPlan struct {
	nodes, rels *csvTable
	scratch     []byte
}

func (p *csvPlan) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	for _, n := range nodes {
		labels, err := csvLabels(n.Labels)
		if err == nil {
			p.scratch, err = p.nodes.add(p.scratch, n.Key, n.Properties, n.Key, labels)
		}
		if err != nil {
			return inElement("node", n.Key, err)
		}
	}
	return ctx.Err()
}

func (p *csvPlan) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	for _, r := range rels {
		var err error
		if p.scratch, err = p.rels.add(p.scratch, r.Key, r.Properties, r.From, r.To, r.Type, r.Key); err != nil {
			return inElement("relationship", r.Key, err)
		}
	}
	return ctx.Err()
}

// csvLabels joins labels; import tells them apart again, so none may hold a semicolon.
func csvLabels(labels []string) (string, error) {
	for _, l := range labels {
		if strings.Contains(l, ";") {
			return "", unsayable("a label with a semicolon, which separates labels")
		}
	}
	return strings.Join(labels, ";"), nil
}

// csvOutput is a sink that writes the rows.
type csvOutput struct {
	output
	plan          *csvPlan
	at            time.Time
	relationships bool
}

func (o *csvOutput) tar() *tar.Writer { return o.w.(*tar.Writer) }

func (o *csvOutput) file(name string, size int64, start []byte) error {
	if err := o.flush(true); err != nil {
		return err
	}
	if err := o.tar().WriteHeader(tarFile(name, size, o.at)); err != nil {
		return unwritable(err)
	}
	o.b = append(o.b, start...)
	return o.flush(false)
}

func tarFile(name string, size int64, at time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: at.UTC().Truncate(time.Second)}
}

func (o *csvOutput) table(name string, t *csvTable) error {
	header, size, err := t.plan()
	if err != nil {
		return err
	}
	return o.file(name, size, header)
}

func (o *csvOutput) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	for _, n := range nodes {
		labels, err := csvLabels(n.Labels)
		if err == nil {
			o.b, err = o.plan.nodes.row(o.b, n.Properties, n.Key, labels)
		}
		if err == nil {
			err = o.flush(false)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (o *csvOutput) relationshipsFollow() error {
	if o.relationships {
		return nil
	}
	o.relationships = true
	return o.table(csvRelationships, o.plan.rels)
}

func (o *csvOutput) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	if err := o.relationshipsFollow(); err != nil {
		return err
	}
	for _, r := range rels {
		var err error
		if o.b, err = o.plan.rels.row(o.b, r.Properties, r.From, r.To, r.Type, r.Key); err == nil {
			err = o.flush(false)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
