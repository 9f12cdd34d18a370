package api

import (
	"context"
	"time"

	"graphsnap/engine"
)

// defaultReplay is how far back a test of rules looks where nobody says.
const defaultReplay = 7 * 24 * time.Hour

// Triggers is what rules do now.
type Triggers struct {
	Rules   []RuleStatus `json:"rules" nullable:"false"`
	Leading bool         `json:"leading" doc:"This replica decides; of several only one does"`
	Holder  string       `json:"holder,omitempty" doc:"The replica that decides, where it is known"`
}

// RuleStatus is what one rule does on one source.
type RuleStatus struct {
	Rule      string     `json:"rule" example:"avg_latency_gt_1000ms"`
	Kind      string     `json:"kind" enum:"scheduled,threshold,incident,smart"`
	Source    string     `json:"source"`
	Text      string     `json:"text" example:"avg_latency > 1000 ms for 30s"`
	State     string     `json:"state" enum:"idle,met,fired,cooldown,cold,suppressed,disabled"`
	Detail    string     `json:"detail,omitempty"`
	Since     *time.Time `json:"since"`
	LastValue *float64   `json:"last_value" doc:"null where it is unknown"`
	Unit      string     `json:"unit,omitempty"`
	LastAt    *time.Time `json:"last_at"`
	NextRun   *time.Time `json:"next_run" doc:"Of scheduled rules"`
	LastFired *time.Time `json:"last_fired"`
	LastHour  int        `json:"fired_last_hour"`
}

// Suppression says why a rule that was met did not fire.
type Suppression struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// RuleReplay says what a rule would have done.
type RuleReplay struct {
	Rule         string        `json:"rule"`
	Kind         string        `json:"kind"`
	Source       string        `json:"source"`
	Text         string        `json:"text"`
	Frames       int           `json:"frames" doc:"Stored snapshots that were looked at"`
	Firings      []Firing      `json:"firings" nullable:"false"`
	Suppressions []Suppression `json:"suppressions" nullable:"false"`
	Note         string        `json:"note,omitempty"`
}

// Replay is the answer of a test of rules.
type Replay struct {
	Since time.Time    `json:"since"`
	Until time.Time    `json:"until"`
	Rules []RuleReplay `json:"rules" nullable:"false"`
}

func (s *Server) triggers(context.Context, *struct{}) (*body[Triggers], error) {
	out := Triggers{Rules: []RuleStatus{}}
	if s.o.Rules == nil {
		return &body[Triggers]{out}, nil
	}
	for _, r := range s.o.Rules.Statuses() {
		out.Rules = append(out.Rules, RuleStatus{
			Rule: r.Rule, Kind: r.Kind, Source: r.Source, Text: r.Text, State: r.State, Detail: r.Detail, Since: moment(r.Since),
			LastValue: r.LastValue, Unit: r.Unit, LastAt: moment(r.LastAt), NextRun: moment(r.NextRun), LastFired: moment(r.LastFired), LastHour: r.LastHour,
		})
	}
	out.Leading, out.Holder = s.o.Rules.Leader()
	return &body[Triggers]{out}, nil
}

type firingsInput struct {
	Source string `query:"source" maxLength:"200"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
}

func (s *Server) firings(ctx context.Context, in *firingsInput) (*body[[]Firing], error) {
	list, err := s.o.Engine.Firings(ctx, in.Source, in.Limit)
	if err != nil {
		return nil, err
	}
	out := make([]Firing, len(list))
	for i := range list {
		out[i] = firingOf(&list[i])
	}
	return &body[[]Firing]{out}, nil
}

type replayInput struct {
	Source string `query:"source" maxLength:"200"`
	Since  string `query:"since" doc:"From this moment on; a date or RFC 3339; seven days ago where it is missing"`
	Until  string `query:"until" doc:"Before this moment; now where it is missing"`
}

func (s *Server) replay(ctx context.Context, in *replayInput) (*body[Replay], error) {
	out := Replay{Rules: []RuleReplay{}, Until: s.o.Clock.Now()}
	since, until, err := parseTimes(in.Since, in.Until)
	if err != nil {
		return nil, err
	}
	if !until.IsZero() {
		out.Until = until
	}
	if out.Since = since; since.IsZero() {
		out.Since = out.Until.Add(-defaultReplay)
	}
	if !out.Since.Before(out.Until) {
		return nil, engine.Errorf(engine.KindInvalid, "replay", "since is not before until").WithHint("swap them, or leave until out")
	}
	if s.o.Rules == nil {
		return &body[Replay]{out}, nil
	}
	list, err := s.o.Rules.Replay(ctx, func(f func(*engine.Frame) error) error {
		return s.o.Engine.StoredFrames(ctx, in.Source, out.Since, out.Until, f)
	})
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		one := RuleReplay{Rule: r.Rule, Kind: r.Kind, Source: r.Source, Text: r.Text, Frames: r.Frames, Note: r.Note, Firings: []Firing{}, Suppressions: []Suppression{}}
		for i := range r.Firings {
			one.Firings = append(one.Firings, firingOf(&r.Firings[i]))
		}
		for _, p := range r.Suppressions {
			one.Suppressions = append(one.Suppressions, Suppression{p.At, p.Reason})
		}
		out.Rules = append(out.Rules, one)
	}
	return &body[Replay]{out}, nil
}
