package api

import (
	"context"
	"net/http"
	"net/url"
)

// DeleteForced removes a snapshot also where it is pinned.
func (c *Client) DeleteForced(ctx context.Context, ref, source string) error {
	return c.call(ctx, http.MethodDelete, refPath(ref), values("source", source, "force", "true"), nil, nil)
}

// Pin keeps a snapshot from retention.
func (c *Client) Pin(ctx context.Context, ref, source, note string) (row Row, err error) {
	return row, c.call(ctx, http.MethodPut, refPath(ref)+"/pin", values("source", source), PinRequest{note}, &row)
}

// Unpin gives a snapshot back to retention.
func (c *Client) Unpin(ctx context.Context, ref, source string) (row Row, err error) {
	return row, c.call(ctx, http.MethodDelete, refPath(ref)+"/pin", values("source", source), nil, &row)
}

// Retention tells the policy and what its last run did.
func (c *Client) Retention(ctx context.Context) (s RetentionStatus, err error) {
	return s, c.call(ctx, http.MethodGet, base+"/retention", nil, nil, &s)
}

// RetentionPlan says what a policy would keep and remove; one page.
func (c *Client) RetentionPlan(ctx context.Context, r RetentionPlanRequest) (p RetentionPlan, err error) {
	return p, c.call(ctx, http.MethodPost, base+"/retention/plan", nil, r, &p)
}

// RetentionRun begins a run; Retention tells how far it is.
func (c *Client) RetentionRun(ctx context.Context) (r RetentionRun, err error) {
	return r, c.call(ctx, http.MethodPost, base+"/retention/run", nil, nil, &r)
}

// Templates lists the templates.
func (c *Client) Templates(ctx context.Context) (t Templates, err error) {
	return t, c.call(ctx, http.MethodGet, base+"/templates", nil, nil, &t)
}

// TemplatePreview says what a template would capture now.
func (c *Client) TemplatePreview(ctx context.Context, name, source string) (p TemplatePreview, err error) {
	return p, c.call(ctx, http.MethodPost, base+"/templates/"+url.PathEscape(name)+"/preview", values("source", source), nil, &p)
}
