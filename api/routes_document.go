package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

// registerGet adds the operation that answers a snapshot document, whose graph is sent while it is read.
func registerGet(s *Server, api huma.API) {
	document := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Document](), true, "Document")
	registerOperation(s, api, huma.Operation{
		OperationID: "get", Method: http.MethodGet, Path: snapshotPath, Summary: "One snapshot with its graph",
		Responses: map[string]*huma.Response{
			"200": {Description: "The document; with a strong ETag unless earlier values were asked for", Content: map[string]*huma.MediaType{"application/json": {Schema: document}}},
			"304": {Description: "If-None-Match names the document"},
		},
	}, s.get)
}

type getInput struct {
	RefInput
	IncludeHistorical bool   `query:"include_historical" doc:"Add earlier values of each bottleneck"`
	Graph             bool   `query:"graph" default:"true" doc:"false: graph_state is empty, all else is there"`
	IfNoneMatch       string `header:"If-None-Match"`
}

func (s *Server) get(ctx context.Context, in *getInput) (*huma.StreamResponse, error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err != nil {
		return nil, err
	}
	head := documentHead{Row: rowOf(snap), SchemaVersion: snap.SchemaVersion}
	d := download{contentType: "application/json", ifNoneMatch: in.IfNoneMatch}
	if in.IncludeHistorical {
		if err := s.history(ctx, snap, &head.Summary); err != nil {
			return nil, err
		}
	} else {
		// `latest` moves, and history grows; the snapshot itself never changes, and its pin is in the tag.
		d.etag = s.strongTag(sealOf(snap), "document", pinTag(snap.Pin), strconv.FormatBool(in.Graph))
	}
	return s.download(d, func(ctx context.Context, w io.Writer) error {
		out := &documentWriter{w: w}
		out.head(head)
		if in.Graph {
			if err := s.o.Engine.Walk(ctx, snap.ID, out); err != nil {
				return err
			}
		}
		return out.end()
	}), nil
}

// documentHead is a Document without its graph.
type documentHead struct {
	Row
	SchemaVersion int `json:"schema_version"`
}

// documentWriter is a sink that writes a Document as its graph comes.
type documentWriter struct {
	w             io.Writer
	buffer        []byte
	inList        bool // something stands in the current list
	relationships bool
	err           error
}

// documentChunk is how much is gathered before it is sent, bytes.
const documentChunk = 64 << 10

func (d *documentWriter) head(h documentHead) {
	raw, err := json.Marshal(h)
	if err != nil {
		d.err = engine.Errorf(engine.KindInternal, "document", "the head of %s cannot be written", h.SnapshotID).WithCause(err)
		return
	}
	d.buffer = append(append(d.buffer, raw[:len(raw)-1]...), `,"graph_state":{"nodes":[`...)
}

func (d *documentWriter) add(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return engine.Errorf(engine.KindInternal, "document", "an element cannot be written").WithCause(err)
	}
	if d.inList {
		d.buffer = append(d.buffer, ',')
	}
	d.inList = true
	if d.buffer = append(d.buffer, raw...); len(d.buffer) < documentChunk {
		return nil
	}
	return d.flush()
}

func (d *documentWriter) flush() error {
	_, err := d.w.Write(d.buffer)
	d.buffer = d.buffer[:0]
	return err
}

// Nodes writes nodes.
func (d *documentWriter) Nodes(ctx context.Context, nodes []engine.Node, _ []int64) error {
	if d.err != nil {
		return d.err
	}
	for _, n := range nodes {
		if err := d.add(nodeOf(n)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (d *documentWriter) relationshipsFollow() {
	if !d.relationships {
		d.buffer = append(d.buffer, `],"relationships":[`...)
		d.inList, d.relationships = false, true
	}
}

// Relationships writes relationships.
func (d *documentWriter) Relationships(ctx context.Context, rels []engine.Relationship, _ []int64) error {
	if d.err != nil {
		return d.err
	}
	d.relationshipsFollow()
	for _, r := range rels {
		if err := d.add(relationshipOf(r)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (d *documentWriter) end() error {
	if d.err != nil {
		return d.err
	}
	d.relationshipsFollow()
	d.buffer = append(d.buffer, "]}}\n"...)
	return d.flush()
}
