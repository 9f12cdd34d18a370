package engine

import (
	"context"
	"errors"
	"io"
)

// ExportFormat is a form in which a snapshot leaves the database.
type ExportFormat string

// The formats.
const (
	ExportJSON   ExportFormat = "json"   // the snapshot document; import reads it
	ExportCypher ExportFormat = "cypher" // statements that rebuild the snapshot in an empty Neo4j
	ExportCSV    ExportFormat = "csv"    // a tar of metadata.json, nodes.csv and relationships.csv as neo4j-admin import takes them; import reads it
)

// CypherForm says how the statements of a Cypher export follow each other.
type CypherForm string

// The forms.
const (
	CypherPlain CypherForm = "plain" // statements alone, each ends with a semicolon at the end of a line
	CypherShell CypherForm = "shell" // for cypher-shell, with its commands around each transaction
)

// ExportOptions say how a snapshot is exported.
type ExportOptions struct {
	Format       ExportFormat // json where empty
	Form         CypherForm   // of Cypher; plain where empty
	NoMetadata   bool         // only what identifies the snapshot, and its graph
	Pseudonymise []byte       // the key of pseudonyms for all names; none where empty
}

func (o *ExportOptions) normalise() error {
	const op = "export"
	if o.Format == "" {
		o.Format = ExportJSON
	}
	if o.Form == "" {
		o.Form = CypherPlain
	}
	switch o.Format {
	case ExportJSON, ExportCypher, ExportCSV:
	default:
		return Errorf(KindInvalid, op, "there is no format %.40q", string(o.Format)).WithHint("formats are json, cypher and csv")
	}
	if o.Form != CypherPlain && o.Form != CypherShell {
		return Errorf(KindInvalid, op, "there is no form %.40q of Cypher", string(o.Form)).WithHint("forms are plain and shell")
	}
	return nil
}

// Export writes a snapshot to w as it is read; memory does not grow with the snapshot, and it stops when ctx ends or w
// fails. After an error w holds a part that import refuses. What cannot be said in a format is an error that names the
// element and the property, before anything is written where the format allows. Kinds: not_found, invalid, unavailable,
// exhausted (ctx ended).
func (e *Engine) Export(ctx context.Context, id string, o ExportOptions, w io.Writer) error {
	if err := o.normalise(); err != nil {
		return err
	}
	x, err := e.exporting(ctx, id, o)
	if err != nil {
		return err
	}
	switch o.Format {
	case ExportCypher:
		return x.cypher(ctx, o.Form, w)
	case ExportCSV:
		return x.csv(ctx, w)
	}
	return x.json(ctx, w)
}

// export is one snapshot on its way out.
type export struct {
	snapshot *Snapshot // as it is exported
	metadata bool
	walk     func(ctx context.Context, sink Sink) error
	renamed  bool // the graph is not the one in the database, so what the snapshot says of it must be derived again
}

func (e *Engine) exporting(ctx context.Context, id string, o ExportOptions) (*export, error) {
	s, err := e.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	x := &export{snapshot: s, metadata: !o.NoMetadata}
	x.walk = func(ctx context.Context, sink Sink) error { return e.store.Walk(ctx, id, sink) }
	if len(o.Pseudonymise) == 0 {
		return x, nil
	}
	p, err := NewPseudonymiser(o.Pseudonymise)
	if err != nil {
		return nil, err
	}
	x.snapshot, x.renamed = p.Snapshot(s), true
	x.walk = func(ctx context.Context, sink Sink) error { return e.store.Walk(ctx, id, &pseudonymised{p, sink}) }
	return x, nil
}

// graph hands the graph to a sink and completes the snapshot. Reading and writing overlap.
func (x *export) graph(ctx context.Context, sink Sink) error {
	if !x.renamed {
		return overlapped(ctx, x.walk, sink)
	}
	d := describeInto(sink)
	if err := overlapped(ctx, x.walk, d); err != nil {
		return err
	}
	return d.finish(x.snapshot)
}

// overlapped walks while the batches before go into a sink. It returns when both are done.
func overlapped(ctx context.Context, walk func(context.Context, Sink) error, sink Sink) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	b := &behind{work: make(chan func() error, 2), done: make(chan struct{}), sink: sink}
	go func() {
		defer close(b.done)
		for work := range b.work {
			if b.err == nil {
				if b.err = work(); b.err != nil {
					stop(b.err)
				}
			}
		}
	}()
	err := walk(ctx, b)
	close(b.work)
	<-b.done
	if b.err != nil { // it is why the walk ended, where that ended early
		return b.err
	}
	return err
}

// behind is a sink that hands batches to another goroutine.
type behind struct {
	work chan func() error
	done chan struct{}
	sink Sink
	err  error // read after done is closed
}

func (b *behind) queue(ctx context.Context, work func() error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case b.work <- work:
		return nil
	}
}

func (b *behind) Nodes(ctx context.Context, nodes []Node, digests []int64) error {
	return b.queue(ctx, func() error { return b.sink.Nodes(ctx, nodes, digests) })
}

func (b *behind) Relationships(ctx context.Context, rels []Relationship, digests []int64) error {
	return b.queue(ctx, func() error { return b.sink.Relationships(ctx, rels, digests) })
}

// output collects bytes and writes them in large pieces. After an error it does nothing.
type output struct {
	w   io.Writer
	b   []byte
	err error
}

// outputPiece is how much is written at once, bytes.
const outputPiece = 256 << 10

// flush writes what was collected, if that is enough or must be.
func (o *output) flush(all bool) error {
	if o.err == nil && len(o.b) > 0 && (all || len(o.b) >= outputPiece) {
		if _, err := o.w.Write(o.b); err != nil {
			o.err = unwritable(err)
		}
		o.b = o.b[:0]
		if cap(o.b) > 16*outputPiece { // one huge text must not stay
			o.b = nil
		}
	}
	return o.err
}

// unwritable says that the receiver of an export is gone or full.
func unwritable(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return Errorf(KindUnavailable, "export", "the export cannot be written").WithHint("look whether its receiver is still there and has room").WithCause(err)
}
