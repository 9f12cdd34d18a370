package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"graphsnap/engine"
)

// Get gives one snapshot with its graph.
func (c *Client) Get(ctx context.Context, ref, source string) (d Document, err error) {
	return d, c.call(ctx, http.MethodGet, refPath(ref), values("source", source), nil, &d)
}

// Head gives one snapshot without its graph, however large that is.
func (c *Client) Head(ctx context.Context, ref, source string) (r Row, err error) {
	return r, c.call(ctx, http.MethodGet, refPath(ref), values("source", source, "graph", "false"), nil, &r)
}

// Copy copies the document of one snapshot to w as it comes.
func (c *Client) Copy(ctx context.Context, ref, source string, w io.Writer) error {
	return c.download(ctx, refPath(ref), values("source", source), nil, w)
}

// Relationships hands the relationships of a snapshot to f one by one, so that it may be of any size.
func (c *Client) Relationships(ctx context.Context, id string, f func(GraphRelationship)) error {
	resp, err := c.do(ctx, request{method: http.MethodGet, path: refPath(id), query: url.Values{}})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := eachRelationship(json.NewDecoder(resp.Body), f); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return engine.Errorf(engine.KindUnavailable, "client", "the document of %s was cut short", id).WithCause(err).WithHint("try again; the log of the server says why")
	}
	return nil
}

// eachRelationship finds graph_state.relationships in a document and decodes one element after another.
func eachRelationship(d *json.Decoder, f func(GraphRelationship)) error {
	return members(d, func(name string) error {
		if name != "graph_state" {
			return skipValue(d)
		}
		return members(d, func(name string) error {
			if name != "relationships" {
				return skipValue(d)
			}
			if _, err := d.Token(); err != nil { // [
				return err
			}
			for d.More() {
				var r GraphRelationship
				if err := d.Decode(&r); err != nil {
					return err
				}
				f(r)
			}
			_, err := d.Token() // ]
			return err
		})
	})
}

// members calls f at each value of the object that begins here; f takes the value.
func members(d *json.Decoder, f func(name string) error) error {
	if _, err := d.Token(); err != nil { // {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		text, _ := name.(string)
		if err := f(text); err != nil {
			return err
		}
	}
	_, err := d.Token() // }
	return err
}

// skipValue passes over a value, element by element where it is a list or an object.
func skipValue(d *json.Decoder) error {
	depth := 0
	for {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
