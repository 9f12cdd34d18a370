package api

import (
	"context"
	"net/http"

	"graphsnap/engine"
)

// historyDepth is the number of earlier snapshots that include_historical looks at.
const historyDepth = 20

type captureInput struct {
	ActorInput
	Body CaptureRequest
}

type captureOutput struct {
	Status   int
	Location string `header:"Location" doc:"Address of the snapshot"`
	Body     Captured
}

func (s *Server) capture(ctx context.Context, in *captureInput) (*captureOutput, error) {
	r := in.Body
	snap, unchanged, err := s.o.Engine.Capture(ctx, engine.CaptureRequest{
		ID: r.CaptureID, Source: r.Source, Trigger: engine.TriggerType(r.TriggerType), TriggerReason: r.TriggerReason,
		Severity: engine.Severity(r.Severity), Description: r.Description, Tags: r.Tags, Template: r.Template, Retention: r.Retention,
		Actor: in.actor(), AllowFuzzy: r.AllowFuzzy, SkipUnchanged: r.SkipUnchanged,
	})
	if err != nil {
		return nil, err
	}
	out := &captureOutput{Status: http.StatusCreated, Location: base + "/snapshots/" + snap.ID, Body: Captured{rowOf(snap), unchanged}}
	if unchanged {
		out.Status = http.StatusOK
	}
	if r.IncludeHistorical {
		if err := s.history(ctx, snap, &out.Body.Summary); err != nil {
			return nil, err
		}
	}
	return out, nil
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

func (s *Server) list(ctx context.Context, in *listInput) (*body[Page], error) {
	since, until, err := parseTimes(in.Since, in.Until)
	if err != nil {
		return nil, err
	}
	rows, cursor, err := s.o.Engine.List(ctx, engine.Filter{
		Source: in.Source, Trigger: engine.TriggerType(in.Trigger), Severity: engine.Severity(in.Severity), Since: since, Until: until,
		Query: in.Query, Tag: in.Tag, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	page := Page{Snapshots: make([]Row, len(rows)), NextCursor: cursor}
	for i := range rows {
		page.Snapshots[i] = rowOf(&rows[i])
	}
	return &body[Page]{page}, nil
}

// pinTag names a pin in a tag.
func pinTag(p *engine.Pin) string {
	if p == nil {
		return ""
	}
	return engine.HashTexts(p.Actor, p.Note, p.At.UTC().String())
}

type removeInput struct {
	RefInput
	ActorInput
	Force bool `query:"force" doc:"Also where it is pinned"`
}

func (s *Server) remove(ctx context.Context, in *removeInput) (*struct{}, error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.o.Engine.DeleteWith(ctx, snap.ID, engine.DeleteOptions{Actor: in.actor(), Force: in.Force})
}
