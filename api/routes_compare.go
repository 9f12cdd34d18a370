package api

import (
	"context"
	"fmt"
	"net/http"

	"graphsnap/engine"
)

// SidesInput names the two sides of a comparison.
type SidesInput struct {
	Baseline string `query:"baseline" required:"true" doc:"As snapshot_id elsewhere"`
	Target   string `query:"target" required:"true" doc:"As snapshot_id elsewhere, or LIVE"`
	Source   string `query:"source"`
}

// sides resolves both; target is nil where it is LIVE.
func (s *Server) sides(ctx context.Context, in SidesInput) (baseline, target *engine.Snapshot, err error) {
	if baseline, err = s.o.Engine.Resolve(ctx, in.Source, in.Baseline); err == nil && in.Target != engine.Live {
		target, err = s.o.Engine.Resolve(ctx, in.Source, in.Target)
	}
	return baseline, target, err
}

func idOf(target *engine.Snapshot) string {
	if target == nil {
		return engine.Live
	}
	return target.ID
}

type compareInput struct {
	SidesInput
	Kind        string   `query:"kind" enum:"node,relationship," doc:"Changes of these elements only"`
	Types       []string `query:"type,explode" maxItems:"100" doc:"Changes of this first label or relationship type only; may be repeated"`
	Status      string   `query:"status" enum:"added,removed,changed,"`
	Aspect      string   `query:"aspect" enum:"structure,metric," doc:"structure: what came, went or changed its labels; metric: figures that moved"`
	Query       string   `query:"q" maxLength:"500" doc:"Part of the element's key"`
	MinChange   float64  `query:"min_change" minimum:"0" doc:"Smallest relative change of a value; 0.1 is 10 %"`
	NoiseFloor  float64  `query:"noise_floor" minimum:"0" doc:"Relative change below which a metric is neither worse nor better; 0.1 where it is missing"`
	Offset      int      `query:"offset" minimum:"0" doc:"next_offset of the page before"`
	Limit       int      `query:"limit" default:"500" minimum:"1" maximum:"10000" doc:"Longest list of pairs and of changes"`
	SummaryOnly bool     `query:"summary_only" doc:"Counts, totals and pairs, but no changes"`
	IfNoneMatch string   `header:"If-None-Match"`
}

type compareOutput struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Status       int
	Body         *Comparison
}

func (s *Server) compare(ctx context.Context, in *compareInput) (*compareOutput, error) {
	a, b, err := s.sides(ctx, in.SidesInput)
	if err != nil {
		return nil, err
	}
	o := engine.CompareOptions{
		Kind: engine.ElementKind(in.Kind), Types: in.Types, Status: engine.Status(in.Status), Aspect: engine.Aspect(in.Aspect), Query: in.Query,
		MinChange: in.MinChange, NoiseFloor: in.NoiseFloor, Offset: in.Offset, Limit: in.Limit, SummaryOnly: in.SummaryOnly,
	}
	out := &compareOutput{Status: http.StatusOK, CacheControl: "no-cache"}
	if b != nil {
		out.ETag = s.strongTag(sealOf(a), sealOf(b), fmt.Sprintf("%+v", o))
		if known(in.IfNoneMatch, out.ETag) {
			out.Status = http.StatusNotModified
			return out, nil
		}
	}
	d, err := s.o.Engine.Compare(ctx, a.ID, idOf(b), o)
	if err != nil {
		return nil, err
	}
	out.Body = ptr(comparisonOf(d, in.Offset, in.Limit))
	return out, nil
}

func (s *Server) compareBrief(ctx context.Context, in *SidesInput) (*body[ComparisonBrief], error) {
	a, b, err := s.sides(ctx, *in)
	if err != nil {
		return nil, err
	}
	n, err := s.o.Engine.CompareBrief(ctx, a.ID, idOf(b))
	if err != nil {
		return nil, err
	}
	return &body[ComparisonBrief]{ComparisonBrief{a.ID, idOf(b), n.Added, n.Removed, n.Changed, n.Worse, n.Better}}, nil
}
