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
		raw, err := json.Marshal(head)
		if err != nil {
			return engine.Errorf(engine.KindInternal, "document", "the head of %s cannot be written", snap.ID).WithCause(err)
		}
		out := engine.NewGraphWriter(w, appended(nodeOf), appended(relationshipOf))
		out.Begin(append(raw[:len(raw)-1], `,"graph_state":`...))
		if in.Graph {
			if err := s.o.Engine.Walk(ctx, snap.ID, out); err != nil {
				return err
			}
		}
		return out.End([]byte("}\n"))
	}), nil
}

// documentHead is a Document without its graph.
type documentHead struct {
	Row
	SchemaVersion int `json:"schema_version"`
}

// appended gives a form of elements to a writer of graphs.
func appended[E, F any](form func(E) F) func([]byte, E) ([]byte, error) {
	return func(b []byte, e E) ([]byte, error) {
		raw, err := json.Marshal(form(e))
		if err != nil {
			return b, engine.Errorf(engine.KindInternal, "document", "an element cannot be written").WithCause(err)
		}
		return append(b, raw...), nil
	}
}
