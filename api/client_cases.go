package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// CaseQuery narrows a list of cases; zero values select everything.
type CaseQuery struct {
	Source, State, Severity, Since, Until, Cursor string
	Limit                                         int
}

// Cases gives one page of cases, newest first.
func (c *Client) Cases(ctx context.Context, o CaseQuery) (page CasePage, err error) {
	q := values("source", o.Source, "state", o.State, "severity", o.Severity, "since", o.Since, "until", o.Until, "cursor", o.Cursor)
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return page, c.call(ctx, http.MethodGet, base+"/cases", q, nil, &page)
}

// Case gives one case with its course.
func (c *Client) Case(ctx context.Context, id string) (d CaseDocument, err error) {
	return d, c.call(ctx, http.MethodGet, base+"/cases/"+url.PathEscape(id), nil, nil, &d)
}

// CloseCase ends an open case.
func (c *Client) CloseCase(ctx context.Context, id string) (d CaseDocument, err error) {
	return d, c.call(ctx, http.MethodPost, base+"/cases/"+url.PathEscape(id)+"/close", nil, nil, &d)
}

// Deployments lists deployments, newest first.
func (c *Client) Deployments(ctx context.Context, source, name string, limit int) (l DeploymentList, err error) {
	q := values("source", source, "name", name)
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return l, c.call(ctx, http.MethodGet, base+"/deployments", q, nil, &l)
}

// StartDeployment says that a deployment begins.
func (c *Client) StartDeployment(ctx context.Context, r DeploymentStart) (d Deployment, err error) {
	return d, c.call(ctx, http.MethodPost, base+"/deployments", nil, r, &d)
}

// FinishDeployment says that the open deployment of a name is over.
func (c *Client) FinishDeployment(ctx context.Context, name string) (d Deployment, err error) {
	return d, c.call(ctx, http.MethodPost, base+"/deployments/"+url.PathEscape(name)+"/finish", nil, nil, &d)
}
