package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

const (
	base         = "/api/performance"
	snapshotPath = base + "/snapshots/{snapshot_id}"
)

// RefInput names a snapshot. It is exported because huma passes over embedded fields that are not.
type RefInput struct {
	ID     string `path:"snapshot_id" doc:"An id, latest, latest~3, @-1h, @2026-01-31T09:00:00Z or a unique prefix" example:"latest"`
	Source string `query:"source" doc:"Narrows everything but a full id; needed where several sources have snapshots and none is the default"`
}

// actorHeader is what proxies that know the user set; the CLI sends the name of its user.
const actorHeader = "X-Remote-User"

// ActorInput says who asks. There are no tokens yet, so it is what the caller or a proxy before this server claims.
type ActorInput struct {
	Actor string `header:"X-Remote-User" doc:"Who asks, for the audit trail; api where it is missing"`
}

const (
	unknownActor = "api"
	maxActor     = 100 // bytes
)

func (a *ActorInput) actor() string {
	name := strings.TrimSpace(strings.ToValidUTF8(a.Actor, ""))
	if name == "" || len(name) > maxActor || strings.ContainsFunc(name, unicode.IsControl) {
		return unknownActor
	}
	return name
}

type body[T any] struct{ Body T }

// routes registers all operations.
func (s *Server) routes(api huma.API) {
	register(s, api, "capture", http.MethodPost, base+"/snapshots", "Freeze the live graph of a source; answers 200 where skip_unchanged found nothing new", http.StatusCreated, s.capture)
	register(s, api, "list", http.MethodGet, base+"/snapshots", "List snapshots, newest first", 0, s.list)
	registerGet(s, api)
	register(s, api, "delete", http.MethodDelete, snapshotPath, "Delete a snapshot; its timeline stays linked", http.StatusNoContent, s.remove)
	register(s, api, "compare", http.MethodGet, base+"/snapshots/compare", "What changed from baseline to target", 0, s.compare)
	register(s, api, "compare-brief", http.MethodGet, base+"/snapshots/compare/brief", "What changed in five numbers; at once for neighbours on the timeline", 0, s.compareBrief)
	register(s, api, "timeline", http.MethodGet, base+"/timeline", "A stretch of a timeline as light rows, oldest first", 0, s.timeline)
	register(s, api, "history", http.MethodGet, base+"/history", "One element over time, oldest first", 0, s.elementHistory)
	register(s, api, "export", http.MethodGet, snapshotPath+"/export", "Download a snapshot", 0, s.export)
	register(s, api, "archive", http.MethodGet, base+"/archive", "Download many snapshots as one tar of checksummed documents", 0, s.archive)
	registerImport(s, api)
	register(s, api, "verify", http.MethodGet, base+"/verify", "Hold snapshots to what was published; changes nothing", 0, s.verify)
	register(s, api, "audit", http.MethodGet, base+"/audit", "The audit trail, in writing order", 0, s.audit)
	register(s, api, "audit-check", http.MethodGet, base+"/audit/check", "Hold the audit trail, the chain of snapshots and the timelines to each other", 0, s.auditCheck)
	s.caseRoutes(api)
	register(s, api, "captures", http.MethodGet, base+"/captures", "What is being captured or deleted, and what failed, newest first", 0, s.captures)
	register(s, api, "triggers", http.MethodGet, base+"/triggers", "What each rule does on each source: state, last value, next run", 0, s.triggers)
	register(s, api, "firings", http.MethodGet, base+"/triggers/firings", "What rules decided, newest first", 0, s.firings)
	register(s, api, "replay", http.MethodGet, base+"/triggers/test", "What the rules would have done over stored history; changes nothing", 0, s.replay)
	s.retentionRoutes(api)
	register(s, api, "live", http.MethodGet, base+"/live", "The live graph of a source, now", 0, s.live)
	register(s, api, "status", http.MethodGet, base+"/status", "How every part feels", 0, s.status)
	register(s, api, "demo", http.MethodGet, base+"/demo", "What the demo workload does now", 0, s.demo)
	register(s, api, "demo-load", http.MethodPut, base+"/demo/load", "Set the rate of the demo workload", 0, s.demoLoad)
	register(s, api, "demo-fault", http.MethodPost, base+"/demo/faults/{name}", "Switch a fault of the demo on", 0, s.demoFault)
	register(s, api, "demo-clear", http.MethodDelete, base+"/demo/faults", "End all faults of the demo", 0, s.demoClear)
}

// bodyTime bounds how long a client may take to send a body.
const bodyTime = 30 * time.Second

// register adds an operation and turns errors of the engine into problems.
func register[I, O any](s *Server, api huma.API, id, method, path, summary string, status int, f func(context.Context, *I) (*O, error)) {
	registerOperation(s, api, huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTime,
	}, f)
}

type connectionKey struct{}

func registerOperation[I, O any](s *Server, api huma.API, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	op.Middlewares = huma.Middlewares{func(hc huma.Context, next func(huma.Context)) { next(huma.WithValue(hc, connectionKey{}, hc)) }}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		// The body is here. Its deadline would end work that takes longer, because net/http goes on reading in the background
		// and takes the timeout for the end of the connection.
		if hc, ok := ctx.Value(connectionKey{}).(huma.Context); ok {
			_ = hc.SetReadDeadline(time.Time{})
		}
		out, err := f(ctx, in)
		if err == nil {
			return out, nil
		}
		var p huma.StatusError
		if errors.As(err, &p) {
			return nil, p
		}
		return nil, problemOf(s.o.Logger, err)
	})
}

func parseTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, engine.Errorf(engine.KindInvalid, "request", "%s=%q is no moment", name, text).WithHint("write 2026-01-31 or 2026-01-31T09:00:00Z (UTC)")
}

// parseTimes reads since and until.
func parseTimes(since, until string) (from, to time.Time, err error) {
	if from, err = parseTime("since", since); err == nil {
		to, err = parseTime("until", until)
	}
	return from, to, err
}

// strongTag gives the ETag of what never changes as long as the parts are the same.
func (s *Server) strongTag(parts ...string) string {
	return `"` + engine.HashTexts(append(parts, s.o.Version)...) + `"`
}

// sealOf names a published snapshot: its chain hash is over all that it says, and over when it was published.
func sealOf(snap *engine.Snapshot) string { return snap.RootHash + snap.ChainHash }

// known reports whether a client that sends If-None-Match has the body already.
func known(ifNoneMatch, tag string) bool {
	return slices.ContainsFunc(strings.Split(ifNoneMatch, ","), func(one string) bool {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		return one == tag || one == "*"
	})
}

// pseudonymHeader carries the key of pseudonyms. It is no parameter of the address, because addresses are logged.
const pseudonymHeader = "Graphsnap-Pseudonym-Key"

const maxPseudonymKey = 4096 // bytes

func pseudonymKey(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) > maxPseudonymKey {
		return nil, engine.Errorf(engine.KindInvalid, "pseudonymise", "the header %s is no base64 of at most %d bytes", pseudonymHeader, maxPseudonymKey).
			WithHint("send `base64 -w0 keyfile`")
	}
	return key, nil
}

func (s *Server) live(ctx context.Context, in *struct {
	Source string `query:"source"`
}) (*body[LiveDocument], error) {
	read, g, err := s.o.Engine.LiveGraph(ctx, in.Source)
	if err != nil {
		return nil, err
	}
	return &body[LiveDocument]{liveOf(read, g)}, nil
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*body[Status], error) {
	return &body[Status]{s.o.Status(ctx)}, nil
}
