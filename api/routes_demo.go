package api

import (
	"context"

	"graphsnap/engine"
)

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

func demoOf(s engine.DemoState) DemoStatus {
	out := DemoStatus{DSN: s.DSN, Rate: s.Rate, EffectiveRate: s.EffectiveRate, Classes: []DemoClass{}, Faults: []DemoFault{}}
	for _, c := range s.Classes {
		out.Classes = append(out.Classes, DemoClass{c.Name, orEmpty(c.Tables), c.Weight, c.Sent, c.Errors, c.TotalMS})
	}
	for _, f := range s.Faults {
		fault := DemoFault{Name: f.Name, Cause: f.Cause, Active: f.Active}
		if !f.Since.IsZero() {
			fault.Since = ptr(f.Since)
		}
		out.Faults = append(out.Faults, fault)
	}
	return out
}
