package api

import (
	"context"
	"net/http"
	"strconv"
)

// Triggers gives what rules do now.
func (c *Client) Triggers(ctx context.Context) (t Triggers, err error) {
	return t, c.call(ctx, http.MethodGet, base+"/triggers", nil, nil, &t)
}

// Firings gives what rules decided, newest first.
func (c *Client) Firings(ctx context.Context, source string, limit int) (list []Firing, err error) {
	return list, c.call(ctx, http.MethodGet, base+"/triggers/firings", values("source", source, "limit", strconv.Itoa(limit)), nil, &list)
}

// TestTriggers replays the rules over stored history; since and until may be empty.
func (c *Client) TestTriggers(ctx context.Context, source, since, until string) (r Replay, err error) {
	return r, c.call(ctx, http.MethodGet, base+"/triggers/test", values("source", source, "since", since, "until", until), nil, &r)
}
