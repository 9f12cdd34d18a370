package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

// Cases are the incidents; engine.Responder keeps them.
type Cases interface {
	// Cases gives one page, newest first. Kinds: invalid, unavailable.
	Cases(ctx context.Context, f engine.CaseFilter) ([]engine.Case, string, error)
	// Case gives one in full. Kinds: not_found, unavailable.
	Case(ctx context.Context, id string) (*engine.Case, error)
	// CloseCase ends one in the name of a person. Kinds: not_found, conflict, unavailable.
	CloseCase(ctx context.Context, id, actor string) (*engine.Case, error)
}

func (s *Server) caseRoutes(api huma.API) {
	register(s, api, "cases", http.MethodGet, base+"/cases", "List cases, newest first", 0, s.listCases)
	register(s, api, "case", http.MethodGet, base+"/cases/{case_id}", "One case with its course", 0, s.getCase)
	register(s, api, "case-close", http.MethodPost, base+"/cases/{case_id}/close", "End an open case by hand, with a last snapshot", 0, s.closeCase)
	register(s, api, "deployments", http.MethodGet, base+"/deployments", "List deployments, newest first", 0, s.listDeployments)
	register(s, api, "deployment-start", http.MethodPost, base+"/deployments", "Say that a deployment begins, and freeze the state before it", http.StatusCreated, s.startDeployment)
	register(s, api, "deployment-finish", http.MethodPost, base+"/deployments/{name}/finish", "Say that a deployment is over, and freeze the state after it", 0, s.finishDeployment)
}

func (s *Server) cases() (Cases, error) {
	if s.o.Cases == nil {
		return nil, engine.Errorf(engine.KindNotFound, "cases", "this server keeps no cases").WithHint("ask one that runs with triggers: `graphsnap serve` or `graphsnap up`")
	}
	return s.o.Cases, nil
}

type casesInput struct {
	Limit    int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
	Source   string `query:"source" maxLength:"200"`
	State    string `query:"state" enum:"open,ended,"`
	Severity string `query:"severity" enum:"low,medium,high,critical,"`
	Since    string `query:"since" doc:"Opened from this moment on; a date or RFC 3339"`
	Until    string `query:"until" doc:"Opened before this moment; a date or RFC 3339"`
	Cursor   string `query:"cursor" maxLength:"400" doc:"next_cursor of the page before"`
}

func (s *Server) listCases(ctx context.Context, in *casesInput) (*body[CasePage], error) {
	cases, err := s.cases()
	if err != nil {
		return nil, err
	}
	since, until, err := parseTimes(in.Since, in.Until)
	if err != nil {
		return nil, err
	}
	rows, cursor, err := cases.Cases(ctx, engine.CaseFilter{
		Source: in.Source, State: in.State, Severity: engine.Severity(in.Severity), Since: since, Until: until, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	page := CasePage{Cases: make([]CaseRow, len(rows)), NextCursor: cursor}
	for i := range rows {
		page.Cases[i] = caseRowOf(&rows[i])
	}
	return &body[CasePage]{page}, nil
}

type caseInput struct {
	ID string `path:"case_id" maxLength:"200"`
}

func (s *Server) getCase(ctx context.Context, in *caseInput) (*body[CaseDocument], error) {
	cases, err := s.cases()
	if err != nil {
		return nil, err
	}
	c, err := cases.Case(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[CaseDocument]{caseDocumentOf(c)}, nil
}

func (s *Server) closeCase(ctx context.Context, in *struct {
	ActorInput
	ID string `path:"case_id" maxLength:"200"`
}) (*body[CaseDocument], error) {
	cases, err := s.cases()
	if err != nil {
		return nil, err
	}
	c, err := cases.CloseCase(ctx, in.ID, in.actor())
	if err != nil {
		return nil, err
	}
	return &body[CaseDocument]{caseDocumentOf(c)}, nil
}

func caseRowOf(c *engine.Case) CaseRow {
	unit, _ := engine.UnitOf(c.Metric)
	row := CaseRow{
		CaseID: c.ID, Source: c.Source, Title: c.Title, State: c.State, Severity: string(c.Severity), Rule: c.Rule, Rules: orEmpty(c.Rules), Reason: c.Reason,
		Metric: c.Metric, Unit: unit, Key: c.Key, Threshold: c.Threshold, OpenedAt: c.OpenedAt.UTC(), OnsetAt: moment(c.OnsetAt), PeakAt: moment(c.PeakAt),
		PeakValue: c.PeakValue, EndedAt: moment(c.EndedAt), EndReason: c.EndReason, Note: c.Note, Affected: orEmpty(c.Affected), Snapshots: []CaseSnapshot{},
	}
	for _, s := range c.Snapshots {
		row.Snapshots = append(row.Snapshots, CaseSnapshot{s.ID, s.Role, s.At.UTC(), s.Exists})
	}
	return row
}

func caseDocumentOf(c *engine.Case) CaseDocument {
	d := CaseDocument{CaseRow: caseRowOf(c), Points: make([]CasePoint, len(c.Points))}
	for i, p := range c.Points {
		d.Points[i] = CasePoint{p.At.UTC(), p.Value, p.TotalQPS, p.AvgLatencyMS, p.ErrorRate, p.Bottlenecks, string(p.Severity)}
	}
	return d
}

func firingOf(f *engine.Firing) Firing {
	return Firing{
		FiringID: f.ID, Source: f.Source, Rule: f.Rule, Kind: f.Kind, At: f.At.UTC(), Reason: f.Reason, Severity: string(f.Severity), Metric: f.Metric, Key: f.Key,
		Value: f.Value, Threshold: f.Threshold, OnsetAt: moment(f.Onset), Affected: orEmpty(f.Affected), State: f.State, SnapshotID: f.SnapshotID, Failure: f.Failure,
	}
}

func (s *Server) deployments() (*engine.Deployments, error) {
	if s.o.Deployments == nil {
		return nil, engine.Errorf(engine.KindNotFound, "deployments", "this server keeps no deployments").WithHint("ask one that runs with a snapshot database: `graphsnap serve` or `graphsnap up`")
	}
	return s.o.Deployments, nil
}

func (s *Server) listDeployments(ctx context.Context, in *struct {
	Source string `query:"source" maxLength:"200"`
	Name   string `query:"name" maxLength:"100"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
}) (*body[DeploymentList], error) {
	deployments, err := s.deployments()
	if err != nil {
		return nil, err
	}
	list, err := deployments.List(ctx, engine.DeploymentFilter{Source: in.Source, Name: in.Name, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := DeploymentList{Deployments: make([]Deployment, len(list))}
	for i := range list {
		out.Deployments[i] = deploymentOf(&list[i])
	}
	return &body[DeploymentList]{out}, nil
}

func (s *Server) startDeployment(ctx context.Context, in *struct {
	ActorInput
	Body DeploymentStart
}) (*body[Deployment], error) {
	deployments, err := s.deployments()
	if err != nil {
		return nil, err
	}
	d, _, err := deployments.Start(ctx, in.Body.Name, in.Body.Version, in.Body.Source, in.actor())
	if err != nil {
		return nil, err
	}
	return &body[Deployment]{deploymentOf(d)}, nil
}

func (s *Server) finishDeployment(ctx context.Context, in *struct {
	ActorInput
	Name string `path:"name" maxLength:"100"`
}) (*body[Deployment], error) {
	deployments, err := s.deployments()
	if err != nil {
		return nil, err
	}
	d, _, err := deployments.Finish(ctx, in.Name, in.actor())
	if err != nil {
		return nil, err
	}
	return &body[Deployment]{deploymentOf(d)}, nil
}

func deploymentOf(d *engine.Deployment) Deployment {
	return Deployment{d.ID, d.Name, d.Version, d.Source, d.Actor, d.StartedAt.UTC(), moment(d.FinishedAt), d.PreID, d.PostID}
}
