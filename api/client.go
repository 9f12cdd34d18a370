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
func (c *Client) Capture(ctx context.Context, r CaptureRequest) (row Row, err error) {
	return row, c.call(ctx, http.MethodPost, base+"/snapshots", nil, r, &row)
}

// List gives one page.
func (c *Client) List(ctx context.Context, o ListOptions) (page Page, err error) {
	q := values("source", o.Source, "trigger", o.Trigger, "severity", o.Severity, "since", o.Since, "until", o.Until, "q", o.Query, "tag", o.Tag, "cursor", o.Cursor)
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return page, c.call(ctx, http.MethodGet, base+"/snapshots", q, nil, &page)
}

// Get gives a snapshot with its graph; ref may be an id, latest, latest~1, @-1h or a unique prefix.
func (c *Client) Get(ctx context.Context, ref, source string) (d Document, err error) {
	return d, c.call(ctx, http.MethodGet, refPath(ref), values("source", source), nil, &d)
}

// Compare gives the diff of two snapshots with at most limit pairs and changes.
func (c *Client) Compare(ctx context.Context, baseline, target, source string, limit int) (d Comparison, err error) {
	q := values("baseline", baseline, "target", target, "source", source, "limit", strconv.Itoa(limit))
	return d, c.call(ctx, http.MethodGet, base+"/snapshots/compare", q, nil, &d)
}

// Delete removes a snapshot.
func (c *Client) Delete(ctx context.Context, ref, source string) error {
	return c.call(ctx, http.MethodDelete, refPath(ref), values("source", source), nil, nil)
}

// Export copies an exported snapshot to w as it comes.
func (c *Client) Export(ctx context.Context, ref, source, format string, w io.Writer) error {
	resp, err := c.do(ctx, http.MethodGet, refPath(ref)+"/export", values("source", source, "format", format), nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return engine.Errorf(engine.KindUnavailable, "export", "the export was cut short").WithCause(err).WithHint("try again")
	}
	return nil
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
	resp, err := c.do(ctx, method, path, q, in)
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

// do sends a request and turns problems into errors.
func (c *Client) do(ctx context.Context, method, path string, q url.Values, in any) (*http.Response, error) {
	var payload io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, engine.Errorf(engine.KindInternal, "client", "the request cannot be written").WithCause(err)
		}
		payload = bytes.NewReader(raw)
	}
	address := c.base + path
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return nil, engine.Errorf(engine.KindInvalid, "client", "%q is no address of a server", c.base).WithHint("write --server http://127.0.0.1:8080")
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
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
	kind := engine.Kind(p.Kind)
	if p.Kind == kindUnsupported {
		kind = engine.KindInvalid
	}
	return nil, &engine.Error{Kind: kind, Message: p.Detail, Hint: p.Hint}
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
