package api

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

// Problem is an error as RFC 9457 has it. Type is stable and may be relied on; Hint says what to do next.
type Problem struct {
	Type     string   `json:"type" example:"https://graphsnap.dev/problems/not_found"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Detail   string   `json:"detail"`
	Kind     string   `json:"kind" enum:"invalid,not_found,conflict,unavailable,exhausted,denied,internal"`
	Hint     string   `json:"hint,omitempty"`
	Instance string   `json:"instance,omitempty"`
	Errors   []string `json:"errors,omitempty" doc:"Each thing that is wrong with the request"`
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names problems as such.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

const problemBase = "https://graphsnap.dev/problems/"

// statuses is the one table from kinds of error to HTTP.
var statuses = map[engine.Kind]int{
	engine.KindInvalid:     http.StatusBadRequest,
	engine.KindNotFound:    http.StatusNotFound,
	engine.KindConflict:    http.StatusConflict,
	engine.KindUnavailable: http.StatusServiceUnavailable,
	engine.KindExhausted:   http.StatusTooManyRequests,
	engine.KindDenied:      http.StatusForbidden,
	engine.KindInternal:    http.StatusInternalServerError,
}

// problemOf turns an error of the engine into a problem. Causes stay in the log: they could name what is no caller's
// business.
func problemOf(log *slog.Logger, err error) *Problem {
	kind := engine.KindOf(err)
	p := &Problem{Status: statuses[kind], Kind: string(kind), Hint: engine.HintOf(err)}
	var e *engine.Error
	switch {
	case kind == engine.KindInternal:
		log.Error("request failed", "err", err)
		p.Detail = "something failed inside graphsnap"
		if p.Hint == "" {
			p.Hint = "the log of the server says more"
		}
	case errors.As(err, &e) && e.Message != "":
		p.Detail = e.Message
		// Our own messages are made for people; what is under the last of them is not.
		for errors.As(e.Cause, &e) && e.Message != "" {
			p.Detail += ": " + e.Message
		}
	default:
		p.Detail = "the request was interrupted before it was done"
	}
	if kind == engine.KindUnavailable {
		log.Warn("request failed", "err", err)
	}
	return p.complete()
}

func (p *Problem) complete() *Problem {
	p.Title = http.StatusText(p.Status)
	p.Type = problemBase + p.Kind
	return p
}

// shortened keeps an answer from repeating a huge value that was sent.
func shortened(text string) string {
	const most = 300 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " ..."
}

// newHumaError replaces huma's own error model, so that bad requests are problems of the same shape.
func newHumaError(status int, msg string, errs ...error) huma.StatusError {
	p := &Problem{Status: status, Detail: msg}
	for _, err := range errs {
		if err != nil {
			p.Errors = append(p.Errors, shortened(err.Error()))
		}
	}
	switch {
	case status == http.StatusNotFound:
		p.Kind = string(engine.KindNotFound)
	case status == http.StatusRequestEntityTooLarge || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		p.Kind = string(engine.KindExhausted)
	case status >= 500:
		p.Kind = string(engine.KindInternal)
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		p.Kind = string(engine.KindDenied)
	case status == http.StatusConflict:
		p.Kind = string(engine.KindConflict)
	default:
		p.Kind = string(engine.KindInvalid)
	}
	if len(p.Errors) > 0 {
		p.Detail += ": " + strings.Join(p.Errors, "; ")
	}
	if p.Kind == string(engine.KindInvalid) {
		p.Hint = "/api/docs says what this route takes"
	}
	return p.complete()
}
