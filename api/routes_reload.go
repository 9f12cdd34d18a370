package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

// reloadPath is what Prometheus and its kin call it, so that the same sidecars work.
const reloadPath = "/-/reload"

// Reloaded says what a reload of the configuration changed.
type Reloaded struct {
	Changes []string `json:"changes" nullable:"false" doc:"In words, what is different from before, also what needs a restart; empty where nothing is"`
}

// ConfigStatus tells what configuration is in force.
type ConfigStatus struct {
	File     string     `json:"file" doc:"Empty where there is none"`
	LoadedAt time.Time  `json:"loaded_at"`
	Changes  []string   `json:"changes" nullable:"false" doc:"Of the last reload that changed something"`
	Warnings []string   `json:"warnings" nullable:"false"`
	FailedAt *time.Time `json:"failed_at" doc:"When the last attempt to take a new one over failed; null where it did not"`
	Health
}

func (s *Server) reloadRoute(api huma.API) {
	register(s, api, "reload", http.MethodPost, reloadPath, "Read the configuration again; what is wrong with it leaves the old one in force", 0, s.reload)
}

func (s *Server) reload(ctx context.Context, _ *struct{}) (*body[Reloaded], error) {
	if s.o.Reload == nil {
		return nil, engine.Errorf(engine.KindNotFound, "reload", "this server has no configuration to read again").WithHint("start it by `graphsnap serve` or `graphsnap up`")
	}
	// A client that goes away must not leave half of the parts with the old configuration.
	changes, err := s.o.Reload(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	return &body[Reloaded]{Reloaded{orEmpty(changes)}}, nil
}

// Reload makes the server read its configuration again. Kinds: invalid, not_found, unavailable.
func (c *Client) Reload(ctx context.Context) (r Reloaded, err error) {
	return r, c.call(ctx, http.MethodPost, reloadPath, nil, nil, &r)
}
