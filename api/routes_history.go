package api

import (
	"context"
	"strings"

	"graphsnap/engine"
)

type timelineInput struct {
	Source string `query:"source" maxLength:"200"`
	Since  string `query:"since" doc:"From this moment on; a date or RFC 3339"`
	Until  string `query:"until" doc:"Before this moment; a date or RFC 3339"`
	Limit  int    `query:"limit" default:"10000" minimum:"1" maximum:"10000" doc:"The newest so many snapshots"`
}

func (s *Server) timeline(ctx context.Context, in *timelineInput) (*body[Timeline], error) {
	since, until, err := parseTimes(in.Since, in.Until)
	if err != nil {
		return nil, err
	}
	rows, err := s.o.Engine.Timeline(ctx, engine.TimelineQuery{Source: in.Source, Since: since, Until: until, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := Timeline{Snapshots: make([]TimelineRow, len(rows))}
	for i := range rows {
		r := &rows[i]
		out.Snapshots[i] = TimelineRow{
			SnapshotID: r.ID, Timestamp: r.Timestamp, TriggerType: string(r.TriggerType), Severity: string(r.Severity),
			TotalQPS: r.TotalQPS, AvgLatency: r.AvgLatencyMS, BottlenecksCount: r.BottlenecksCount,
		}
	}
	return &body[Timeline]{out}, nil
}

type elementHistoryInput struct {
	Key        string `query:"key" required:"true" maxLength:"4000" doc:"Of a node or, with -[TYPE]-> in it, a relationship" example:"users:Table-[AVG_LATENCY_MS]->products:Table"`
	From       string `query:"from" maxLength:"4000" doc:"Key of the node that a relationship leaves, where its key does not begin with it"`
	Source     string `query:"source"`
	Since      string `query:"since" doc:"From this moment on; a date or RFC 3339"`
	Until      string `query:"until" doc:"Before this moment; a date or RFC 3339"`
	Limit      int    `query:"limit" default:"1000" minimum:"1" maximum:"10000" doc:"The newest so many snapshots"`
	Property   string `query:"property" maxLength:"200" doc:"What value shows; value of a relationship and hotspot_score of a node where it is missing"`
	Properties bool   `query:"properties" doc:"All properties of each point"`
}

func (s *Server) elementHistory(ctx context.Context, in *elementHistoryInput) (*body[ElementHistory], error) {
	since, until, err := parseTimes(in.Since, in.Until)
	if err != nil {
		return nil, err
	}
	points, err := s.o.Engine.ElementHistory(ctx, engine.HistoryQuery{Source: in.Source, Key: in.Key, From: in.From, Since: since, Until: until, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	_, relationship, isRelationship := strings.Cut(in.Key, "-[")
	relType, _, _ := strings.Cut(relationship, "]->")
	out := ElementHistory{Key: in.Key, Property: in.Property, Points: make([]ElementPoint, len(points))}
	switch {
	case in.Property == "" && (isRelationship || in.From != ""):
		out.Property = "value"
	case in.Property == "":
		out.Property = "hotspot_score"
	}
	if out.Property == "value" {
		out.Unit = engine.MetricUnits[relType]
	}
	for i, p := range points {
		point := ElementPoint{SnapshotID: p.SnapshotID, Timestamp: p.Timestamp.UTC(), Present: p.Properties != nil, Severity: string(engine.SeverityOf(p.Properties))}
		if v, ok := p.Properties.Number(out.Property); ok {
			point.Value = &v
		}
		if in.Properties && point.Present {
			point.Properties = propertiesOf(p.Properties)
		}
		out.Points[i] = point
	}
	return &body[ElementHistory]{out}, nil
}
