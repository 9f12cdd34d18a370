package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

func (s *Server) retentionRoutes(api huma.API) {
	register(s, api, "pin", http.MethodPut, snapshotPath+"/pin", "Keep a snapshot from retention and from being deleted by accident", 0, s.pin)
	register(s, api, "unpin", http.MethodDelete, snapshotPath+"/pin", "Give a snapshot back to retention", 0, s.unpin)
	register(s, api, "retention", http.MethodGet, base+"/retention", "The retention policy, and what its last run did", 0, s.retention)
	register(s, api, "retention-plan", http.MethodPost, base+"/retention/plan", "What a policy would keep and remove, with the reason for each snapshot; nothing is removed", 0, s.retentionPlan)
	register(s, api, "retention-run", http.MethodPost, base+"/retention/run", "Remove now what the policy does not keep; the answer comes as the run begins", http.StatusAccepted, s.retentionRun)
	register(s, api, "templates", http.MethodGet, base+"/templates", "The templates of captures", 0, s.templates)
	register(s, api, "template-preview", http.MethodPost, base+"/templates/{name}/preview", "What a template would capture now", 0, s.templatePreview)
}

type pinInput struct {
	RefInput
	ActorInput
	Body PinRequest
}

func (s *Server) pin(ctx context.Context, in *pinInput) (*body[Row], error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err == nil {
		snap, err = s.o.Engine.Pin(ctx, snap.ID, in.actor(), in.Body.Note)
	}
	if err != nil {
		return nil, err
	}
	return &body[Row]{rowOf(snap)}, nil
}

type unpinInput struct {
	RefInput
	ActorInput
}

func (s *Server) unpin(ctx context.Context, in *unpinInput) (*body[Row], error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err == nil {
		snap, err = s.o.Engine.Unpin(ctx, snap.ID, in.actor())
	}
	if err != nil {
		return nil, err
	}
	return &body[Row]{rowOf(snap)}, nil
}

func (s *Server) retention(context.Context, *struct{}) (*body[RetentionStatus], error) {
	if s.o.Retainer == nil {
		return &body[RetentionStatus]{}, nil
	}
	state := s.o.Retainer.State()
	return &body[RetentionStatus]{RetentionStatus{
		Enabled: true, Policy: state.Policy, Current: runOf(state.Current), Last: runOf(state.Last), NextAt: moment(state.Next),
	}}, nil
}

// planPage is how many decisions a page holds where nobody says.
const planPage = 100

func (s *Server) retentionPlan(ctx context.Context, in *body[RetentionPlanRequest]) (*body[RetentionPlan], error) {
	r := in.Body
	var policy engine.RetentionPolicy
	switch {
	case r.Policy != nil:
		policy = *r.Policy
	case s.o.Retainer != nil:
		policy = s.o.Retainer.State().Policy
	}
	plan, err := s.o.Engine.PlanRetention(ctx, policy, r.Source)
	if err != nil {
		return nil, err
	}
	out := RetentionPlan{Policy: policy, At: plan.Now, Keep: plan.Keep, Remove: plan.Remove, Notes: orEmpty(plan.Notes), Decisions: []RetentionDecision{}}
	limit, place := cmp.Or(r.Limit, planPage), 0
	for _, d := range plan.Decisions {
		if r.Only == "keep" && d.Remove || r.Only == "remove" && !d.Remove {
			continue
		}
		if place++; place <= r.Offset {
			continue
		}
		if len(out.Decisions) == limit {
			out.NextOffset = ptr(r.Offset + limit)
			break
		}
		out.Decisions = append(out.Decisions, RetentionDecision{d.ID, d.Source, d.Timestamp.UTC(), d.Class, d.Remove, d.Protected, orEmpty(d.Reasons)})
	}
	return &body[RetentionPlan]{out}, nil
}

func (s *Server) retentionRun(ctx context.Context, in *struct{ ActorInput }) (*body[RetentionRun], error) {
	if s.o.Retainer == nil {
		return nil, engine.Errorf(engine.KindConflict, "retention", "this server removes nothing").WithHint("write a retention policy into the configuration; `graphsnap retain --dry-run` tries one first")
	}
	run, err := s.o.Retainer.Start(ctx, in.actor())
	if err != nil {
		return nil, err
	}
	return &body[RetentionRun]{*runOf(run)}, nil
}

func (s *Server) templates(context.Context, *struct{}) (*body[Templates], error) {
	return &body[Templates]{Templates{orEmpty(s.o.Engine.Templates())}}, nil
}

func (s *Server) templatePreview(ctx context.Context, in *struct {
	Name   string `path:"name" maxLength:"64"`
	Source string `query:"source" maxLength:"200" doc:"Needed only where several sources are monitored and none is the default"`
}) (*body[TemplatePreview], error) {
	t, err := s.o.Engine.Template(in.Name)
	if err != nil {
		return nil, err
	}
	p, err := s.o.Engine.PreviewTemplate(ctx, *t, in.Source)
	if err != nil {
		return nil, err
	}
	return &body[TemplatePreview]{previewOf(t, p)}, nil
}
