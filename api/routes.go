package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

const (
	base         = "/api/performance"
	snapshotPath = base + "/snapshots/{snapshot_id}"
	// historyDepth is the number of earlier snapshots that include_historical looks at.
	historyDepth = 20
)

// RefInput names a snapshot. It is exported because huma passes over embedded fields that are not.
type RefInput struct {
	ID     string `path:"snapshot_id" doc:"An id, latest, latest~3, @-1h, @2026-01-31T09:00:00Z or a unique prefix" example:"latest"`
	Source string `query:"source" doc:"Narrows everything but a full id; needed where several sources have snapshots and none is the default"`
}

type listInput struct {
	Limit    int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
	Trigger  string `query:"trigger" enum:"manual,scheduled,threshold,incident,"`
	Severity string `query:"severity" enum:"low,medium,high,critical,"`
	Since    string `query:"since" doc:"From this moment on; a date or RFC 3339" example:"2026-01-01"`
	Until    string `query:"until" doc:"Before this moment; a date or RFC 3339"`
	Query    string `query:"q" maxLength:"200" doc:"Part of id or description"`
	Tag      string `query:"tag" maxLength:"100"`
	Source   string `query:"source" maxLength:"200"`
	Cursor   string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
}

type body[T any] struct{ Body T }

// routes registers all operations.
func (s *Server) routes(api huma.API) {
	register(s, api, "capture", http.MethodPost, base+"/snapshots", "Freeze the live graph of a source", http.StatusCreated, s.capture)
	register(s, api, "list", http.MethodGet, base+"/snapshots", "List snapshots, newest first", 0, s.list)
	register(s, api, "get", http.MethodGet, snapshotPath, "One snapshot with its graph", 0, s.get)
	register(s, api, "compare", http.MethodGet, base+"/snapshots/compare", "What changed from baseline to target", 0, s.compare)
	register(s, api, "delete", http.MethodDelete, snapshotPath, "Delete a snapshot; its timeline stays linked", http.StatusNoContent, s.remove)
	register(s, api, "export", http.MethodGet, snapshotPath+"/export", "Download a snapshot", 0, s.export)
	register(s, api, "import", http.MethodPost, base+"/snapshots/import", "Bring back an exported snapshot (not built yet)", 0, s.importSnapshot)
	register(s, api, "live", http.MethodGet, base+"/live", "The live graph of a source, now", 0, s.live)
	register(s, api, "status", http.MethodGet, base+"/status", "How every part feels", 0, s.status)
	register(s, api, "demo", http.MethodGet, base+"/demo", "What the demo workload does now", 0, s.demo)
	register(s, api, "demo-load", http.MethodPut, base+"/demo/load", "Set the rate of the demo workload", 0, s.demoLoad)
	register(s, api, "demo-fault", http.MethodPost, base+"/demo/faults/{name}", "Switch a fault of the demo on", 0, s.demoFault)
	register(s, api, "demo-clear", http.MethodDelete, base+"/demo/faults", "End all faults of the demo", 0, s.demoClear)
}

// register adds an operation and turns errors of the engine into problems.
func register[I, O any](s *Server, api huma.API, id, method, path, summary string, status int, f func(context.Context, *I) (*O, error)) {
	huma.Register(api, huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, MaxBodyBytes: maxBody, BodyReadTimeout: 30 * time.Second,
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		if err == nil {
			return out, nil
		}
		var p huma.StatusError
		if errors.As(err, &p) {
			return nil, p
		}
		return nil, problemOf(s.o.Logger, err)
	})
}

type captureOutput struct {
	Location string `header:"Location" doc:"Address of the snapshot"`
	Body     Row
}

func (s *Server) capture(ctx context.Context, in *body[CaptureRequest]) (*captureOutput, error) {
	r := in.Body
	snap, _, err := s.o.Engine.Capture(ctx, engine.CaptureRequest{
		ID: r.CaptureID, Source: r.Source, Trigger: engine.TriggerType(r.TriggerType), TriggerReason: r.TriggerReason,
		Severity: engine.Severity(r.Severity), Description: r.Description, Tags: r.Tags, Template: r.Template,
	})
	if err != nil {
		return nil, err
	}
	row := rowOf(snap)
	if r.IncludeHistorical {
		if err := s.history(ctx, snap, &row.Summary); err != nil {
			return nil, err
		}
	}
	return &captureOutput{Location: base + "/snapshots/" + snap.ID, Body: row}, nil
}

func (s *Server) history(ctx context.Context, snap *engine.Snapshot, summary *PerformanceSummary) error {
	var keys []string
	for _, b := range snap.Summary.Bottlenecks {
		if b.Kind == engine.KindRelationship {
			keys = append(keys, b.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	points, err := s.o.Engine.History(ctx, snap.ID, keys, historyDepth)
	if err == nil {
		addHistory(summary, points)
	}
	return err
}

func (s *Server) list(ctx context.Context, in *listInput) (*body[Page], error) {
	f := engine.Filter{
		Source: in.Source, Trigger: engine.TriggerType(in.Trigger), Severity: engine.Severity(in.Severity),
		Query: in.Query, Tag: in.Tag, Limit: in.Limit, Cursor: in.Cursor,
	}
	var err error
	if f.Since, err = parseTime("since", in.Since); err != nil {
		return nil, err
	}
	if f.Until, err = parseTime("until", in.Until); err != nil {
		return nil, err
	}
	rows, cursor, err := s.o.Engine.List(ctx, f)
	if err != nil {
		return nil, err
	}
	page := Page{Snapshots: make([]Row, len(rows)), NextCursor: cursor}
	for i := range rows {
		page.Snapshots[i] = rowOf(&rows[i])
	}
	return &body[Page]{page}, nil
}

func parseTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, engine.Errorf(engine.KindInvalid, "list", "%s=%q is no moment", name, text).WithHint("write 2026-01-31 or 2026-01-31T09:00:00Z (UTC)")
}

type getInput struct {
	RefInput
	IncludeHistorical bool   `query:"include_historical" doc:"Add earlier values of each bottleneck"`
	IfNoneMatch       string `header:"If-None-Match"`
}

type documentOutput struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Status       int
	Body         *Document
}

func (s *Server) get(ctx context.Context, in *getInput) (*documentOutput, error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err != nil {
		return nil, err
	}
	// `latest` moves, and history grows; the snapshot itself never changes.
	out := &documentOutput{Status: http.StatusOK, CacheControl: "no-cache"}
	if !in.IncludeHistorical {
		out.ETag = `"` + snap.RootHash + "-" + snap.ID + `"`
		if in.IfNoneMatch == out.ETag {
			out.Status = http.StatusNotModified
			return out, nil
		}
	}
	d, err := s.document(ctx, snap)
	if err != nil {
		return nil, err
	}
	if in.IncludeHistorical {
		if err := s.history(ctx, snap, &d.Summary); err != nil {
			return nil, err
		}
	}
	out.Body = d
	return out, nil
}

func (s *Server) document(ctx context.Context, snap *engine.Snapshot) (*Document, error) {
	g, err := s.o.Engine.Graph(ctx, snap.ID)
	if err != nil {
		return nil, err
	}
	return &Document{Row: rowOf(snap), SchemaVersion: snap.SchemaVersion, GraphState: graphOf(g)}, nil
}

type compareInput struct {
	Baseline string `query:"baseline" required:"true" doc:"As snapshot_id elsewhere"`
	Target   string `query:"target" required:"true" doc:"As snapshot_id elsewhere, or LIVE"`
	Source   string `query:"source"`
	Limit    int    `query:"limit" default:"500" minimum:"1" maximum:"10000" doc:"Longest list of pairs and of changes"`
}

func (s *Server) compare(ctx context.Context, in *compareInput) (*body[Comparison], error) {
	a, err := s.o.Engine.Resolve(ctx, in.Source, in.Baseline)
	if err != nil {
		return nil, err
	}
	target := engine.Live
	if in.Target != engine.Live {
		b, err := s.o.Engine.Resolve(ctx, in.Source, in.Target)
		if err != nil {
			return nil, err
		}
		target = b.ID
	}
	d, err := s.o.Engine.Compare(ctx, a.ID, target, engine.CompareOptions{Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return &body[Comparison]{comparisonOf(d, in.Limit)}, nil
}

func (s *Server) remove(ctx context.Context, in *RefInput) (*struct{}, error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.o.Engine.Delete(ctx, snap.ID, "")
}

type exportInput struct {
	RefInput
	Format      string `query:"format" default:"json" enum:"json,cypher,csv"`
	Compression string `query:"compression" enum:"gzip,zstd,"`
}

func (s *Server) export(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if in.Format != "json" || in.Compression != "" {
		return nil, unsupported("export in this form", "use format=json without compression")
	}
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err != nil {
		return nil, err
	}
	d, err := s.document(ctx, snap)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetHeader("Content-Disposition", `attachment; filename="`+snap.ID+`.json"`)
		encoder := json.NewEncoder(ctx.BodyWriter())
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d); err != nil {
			s.o.Logger.Warn("an export was cut short", "id", snap.ID, "err", err)
		}
	}}, nil
}

func (s *Server) importSnapshot(context.Context, *struct{}) (*struct{}, error) {
	return nil, unsupported("import", "the exported JSON file can be kept and read as it is")
}

func (s *Server) live(ctx context.Context, in *struct {
	Source string `query:"source"`
}) (*body[LiveDocument], error) {
	read, g, err := s.o.Engine.LiveGraph(ctx, in.Source)
	if err != nil {
		return nil, err
	}
	return &body[LiveDocument]{liveOf(read, g)}, nil
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*body[Status], error) {
	return &body[Status]{s.o.Status(ctx)}, nil
}

func (s *Server) theDemo() (Demo, error) {
	if s.o.Demo == nil {
		return nil, engine.Errorf(engine.KindNotFound, "demo", "no demo runs here").WithHint("`graphsnap up` without --no-demo starts one")
	}
	return s.o.Demo, nil
}

func (s *Server) demo(ctx context.Context, _ *struct{}) (*body[DemoStatus], error) {
	d, err := s.theDemo()
	if err != nil {
		return nil, err
	}
	state, err := d.State(ctx)
	if err != nil {
		return nil, err
	}
	return &body[DemoStatus]{demoOf(state)}, nil
}

func (s *Server) demoLoad(ctx context.Context, in *body[DemoLoad]) (*body[DemoStatus], error) {
	d, err := s.theDemo()
	if err != nil {
		return nil, err
	}
	if err := d.SetRate(ctx, in.Body.Rate); err != nil {
		return nil, err
	}
	return s.demo(ctx, nil)
}

func (s *Server) demoFault(ctx context.Context, in *struct {
	Name string `path:"name" example:"drop-index"`
}) (*body[DemoStatus], error) {
	d, err := s.theDemo()
	if err != nil {
		return nil, err
	}
	if err := d.StartFault(ctx, in.Name); err != nil {
		return nil, err
	}
	return s.demo(ctx, nil)
}

func (s *Server) demoClear(ctx context.Context, _ *struct{}) (*body[DemoStatus], error) {
	d, err := s.theDemo()
	if err != nil {
		return nil, err
	}
	if err := d.ClearFaults(ctx); err != nil {
		return nil, err
	}
	return s.demo(ctx, nil)
}
