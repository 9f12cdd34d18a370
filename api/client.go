package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"

	"graphsnap/engine"
)

// Client calls the routes of a Server. Errors are engine errors of the kind that the server named; a server that does
// not answer is unavailable.
type Client struct {
	// Actor is who asks, for the audit trail; nobody where empty.
	Actor string

	base string
	http *http.Client
}

// NewClient makes a client of the server at an address such as http://127.0.0.1:8080.
func NewClient(baseURL string) *Client {
	return &Client{base: strings.TrimRight(baseURL, "/"), http: &http.Client{}}
}

// ListOptions narrow a list; zero values select everything.
type ListOptions struct {
	Source, Trigger, Severity, Since, Until, Query, Tag, Cursor string
	Limit                                                       int
}

// Capture freezes the live graph.
func (c *Client) Capture(ctx context.Context, r CaptureRequest) (a Captured, err error) {
	return a, c.call(ctx, http.MethodPost, base+"/snapshots", nil, r, &a)
}

// List gives one page.
func (c *Client) List(ctx context.Context, o ListOptions) (page Page, err error) {
	q := values("source", o.Source, "trigger", o.Trigger, "severity", o.Severity, "since", o.Since, "until", o.Until, "q", o.Query, "tag", o.Tag, "cursor", o.Cursor)
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return page, c.call(ctx, http.MethodGet, base+"/snapshots", q, nil, &page)
}

// CompareQuery names two snapshots and narrows the list of changes; zero values select everything.
type CompareQuery struct {
	Baseline, Target, Source    string
	Kind, Status, Aspect, Query string
	Types                       []string
	MinChange, NoiseFloor       float64 // relative; 0.1 is 10 %
	Offset, Limit               int
	SummaryOnly                 bool
}

// Compare gives the diff of two snapshots.
func (c *Client) Compare(ctx context.Context, o CompareQuery) (d Comparison, err error) {
	q := values("baseline", o.Baseline, "target", o.Target, "source", o.Source, "kind", o.Kind, "status", o.Status, "aspect", o.Aspect, "q", o.Query)
	q["type"] = o.Types
	setNumber(q, "min_change", o.MinChange)
	setNumber(q, "noise_floor", o.NoiseFloor)
	setNumber(q, "offset", float64(o.Offset))
	setNumber(q, "limit", float64(o.Limit))
	if o.SummaryOnly {
		q.Set("summary_only", "true")
	}
	return d, c.call(ctx, http.MethodGet, base+"/snapshots/compare", q, nil, &d)
}

// CompareBrief gives the diff of two snapshots in five numbers.
func (c *Client) CompareBrief(ctx context.Context, baseline, target, source string) (b ComparisonBrief, err error) {
	return b, c.call(ctx, http.MethodGet, base+"/snapshots/compare/brief", values("baseline", baseline, "target", target, "source", source), nil, &b)
}

// HistoryQuery names an element; zero values select everything.
type HistoryQuery struct {
	Key, From, Source, Since, Until, Property string
	Limit                                     int
	Properties                                bool
}

// History gives one element over time.
func (c *Client) History(ctx context.Context, o HistoryQuery) (h ElementHistory, err error) {
	q := values("key", o.Key, "from", o.From, "source", o.Source, "since", o.Since, "until", o.Until, "property", o.Property)
	setNumber(q, "limit", float64(o.Limit))
	if o.Properties {
		q.Set("properties", "true")
	}
	return h, c.call(ctx, http.MethodGet, base+"/history", q, nil, &h)
}

// Delete removes a snapshot.
func (c *Client) Delete(ctx context.Context, ref, source string) error {
	return c.call(ctx, http.MethodDelete, refPath(ref), values("source", source), nil, nil)
}

// Status tells how every part feels.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, base+"/status", nil, nil, &s)
}

// Demo tells what the demo workload does.
func (c *Client) Demo(ctx context.Context) (d DemoStatus, err error) {
	return d, c.call(ctx, http.MethodGet, base+"/demo", nil, nil, &d)
}

// SetLoad sets the rate of the demo workload, statements per second.
func (c *Client) SetLoad(ctx context.Context, rate float64) (d DemoStatus, err error) {
	return d, c.call(ctx, http.MethodPut, base+"/demo/load", nil, DemoLoad{rate}, &d)
}

// StartFault switches a fault of the demo on.
func (c *Client) StartFault(ctx context.Context, name string) (d DemoStatus, err error) {
	return d, c.call(ctx, http.MethodPost, base+"/demo/faults/"+url.PathEscape(name), nil, nil, &d)
}

// ClearFaults ends all faults of the demo.
func (c *Client) ClearFaults(ctx context.Context) (d DemoStatus, err error) {
	return d, c.call(ctx, http.MethodDelete, base+"/demo/faults", nil, nil, &d)
}

// Events calls f for each event until ctx ends or the connection does. Data of the events is raw JSON.
func (c *Client) Events(ctx context.Context, f func(kind string, data json.RawMessage)) error {
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(c.base, "http")+"/ws/performance", nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	for {
		var ev struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := conn.ReadJSON(&ev); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return c.unreachable(err)
		}
		f(ev.Type, ev.Data)
	}
}

func refPath(ref string) string { return base + "/snapshots/" + url.PathEscape(ref) }

func setNumber(q url.Values, name string, v float64) {
	if v != 0 {
		q.Set(name, strconv.FormatFloat(v, 'f', -1, 64))
	}
}

func values(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func (c *Client) call(ctx context.Context, method, path string, q url.Values, in, out any) error {
	r := request{method: method, path: path, query: q}
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return engine.Errorf(engine.KindInternal, "client", "the request cannot be written").WithCause(err)
		}
		r.body, r.contentType = bytes.NewReader(raw), "application/json"
	}
	return c.answer(ctx, r, out)
}

// answer sends a request and reads its answer into out.
func (c *Client) answer(ctx context.Context, r request, out any) error {
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return engine.Errorf(engine.KindInternal, "client", "the answer of %s cannot be read", c.base).WithCause(err).WithHint("is it a graphsnap server of this version?")
	}
	return nil
}

// request is what is sent.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         io.Reader
	contentType  string
}

// do sends a request and turns problems into errors.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, r.body)
	if err != nil {
		return nil, engine.Errorf(engine.KindInvalid, "client", "%q is no address of a server", c.base).WithHint("write --server http://127.0.0.1:8080")
	}
	for name, list := range r.header {
		req.Header[name] = list
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if c.Actor != "" {
		req.Header.Set(actorHeader, c.Actor)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	var p Problem
	if json.Unmarshal(raw, &p) != nil || p.Kind == "" {
		return nil, engine.Errorf(engine.KindInternal, "client", "%s answers %s, which is no answer of graphsnap", c.base, resp.Status).WithHint("does --server name the right address?")
	}
	return nil, &engine.Error{Kind: engine.Kind(p.Kind), Message: p.Detail, Hint: p.Hint}
}

func (c *Client) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return engine.Errorf(engine.KindUnavailable, "", "no graphsnap server answers at %s", c.base).WithCause(rootCause(err)).
		WithHint("start one with `graphsnap up`, or name another with --server")
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
