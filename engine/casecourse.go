package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Observe carries the open case of the frame's source on; met is what the rules are met by in it, fired or not. Of these only
// rules that open cases count, and those that fired into this one. It takes the follow-up that is due, and ends the case where
// no rule was met for long enough or a limit is reached. Frames of one source come in the order of time; some may be left out.
// What fails is tried again with the next frame. Kinds: those of Capture, conflict (the lease has passed to another).
func (r *Responder) Observe(ctx context.Context, l Lease, f *Frame, met []Firing) error {
	s, unlock := r.at(f.Source)
	defer unlock()
	if err := r.settle(ctx, l, f.Source, s); err != nil || s.c == nil || !f.At.After(s.last) {
		return err
	}
	gap := !s.last.IsZero() && f.At.Sub(s.last) > r.o.Recovery
	s.last = f.At
	if s.ending != "" {
		return r.end(ctx, l, s)
	}
	c := s.c
	before := c.Severity
	met = slices.DeleteFunc(slices.Clone(met), func(m Firing) bool { return !m.Case && !slices.Contains(c.Rules, m.Rule) })
	value := r.o.Value(f, c.Metric, c.Key)
	for i := range met {
		c.Severity = worse(c.Severity, met[i].Severity)
		c.affect(met[i].Affected)
		if met[i].Rule == c.Rule && met[i].Metric == c.Metric && met[i].Key == c.Key && met[i].Value != nil {
			value = met[i].Value // the rule knows best what it looked at
		}
	}
	switch {
	case len(met) > 0:
		s.quiet, c.MetAt = time.Time{}, f.At
	case f.Graph == nil: // the source is down: nobody knows
		s.quiet = time.Time{}
	case s.quiet.IsZero() || gap:
		s.quiet = f.At
	}
	if f.Graph != nil {
		shown := look(f.Graph)
		c.addPoint(pointOf(f, shown, value))
		c.rise(value, f.At)
		if len(met) > 0 {
			c.Severity = worse(c.Severity, shown.worst)
			c.affect(shown.bottlenecks)
		}
	}
	open := f.At.Sub(c.OpenedAt)
	switch {
	case !s.quiet.IsZero() && f.At.Sub(s.quiet) >= r.o.Recovery:
		s.ending, s.endedAt = r.recovered(), s.quiet
		return r.end(ctx, l, s)
	case open >= r.o.Limit:
		s.ending, s.endedAt = fmt.Sprintf("limit: a case lasts at most %s", r.o.Limit), f.At
		return r.end(ctx, l, s)
	case c.count("") >= r.o.MaxSnapshots:
		s.ending, s.endedAt = fmt.Sprintf("limit: a case has at most %d snapshots", r.o.MaxSnapshots), f.At
		return r.end(ctx, l, s)
	}
	followed, failure := r.followUp(ctx, c, open)
	if followed || c.Severity != before || f.At.Sub(s.written) >= r.o.PointEvery {
		if ended, err := r.update(ctx, l, s); err != nil || ended {
			return err
		}
	}
	if followed || c.Severity != before {
		r.tell(CaseChangeUpdated, c)
	}
	return failure
}

// followUp takes the follow-up that is due, where none of the case's snapshots is as new.
func (r *Responder) followUp(ctx context.Context, c *Case, open time.Duration) (taken bool, err error) {
	step, due := followUpStep(open, r.o.FollowUps, r.o.Every)
	if step == 0 || slices.ContainsFunc(c.Snapshots, func(s CaseSnapshot) bool { return !s.At.Before(c.OpenedAt.Add(due)) }) {
		return false, nil
	}
	snap, err := r.step(ctx, c, followUpName(step), fmt.Sprintf("%s after the trigger: %s", due, c.Title), "follow up "+shortSpan(due))
	if err == nil {
		err = r.link(ctx, c, snap, RoleFollowUp)
	}
	return err == nil, err
}

// shortSpan gives 30s, 2m or 1h5m.
func shortSpan(d time.Duration) string {
	text := d.Round(time.Second).String()
	if len(text) > 2 && text[len(text)-2:] == "0s" && d >= time.Minute && d%time.Minute == 0 {
		text = text[:len(text)-2]
	}
	return text
}

// step captures one step of a case, once.
func (r *Responder) step(ctx context.Context, c *Case, name, description, slug string) (*Snapshot, error) {
	snap, _, err := r.o.Engine.Capture(ctx, CaptureRequest{
		ID: stepID(c.ID, name), Source: c.Source, Trigger: TriggerIncident, TriggerReason: "case " + c.ID, Rule: c.Rule,
		Description: clip(description, maxDescription), Tags: []string{"case"}, Actor: ruleActor(c.Rule), AllowFuzzy: true, slug: slug,
	})
	return snap, err
}

// end ends the open case of a source; where that fails, the next frame tries again.
func (r *Responder) end(ctx context.Context, l Lease, s *course) error {
	if s.ending == r.recovered() {
		if err := r.last(ctx, s.c); err != nil {
			return err
		}
	}
	s.c.State, s.c.EndReason, s.c.EndedAt = CaseEnded, s.ending, s.endedAt
	c := s.c
	ended, err := r.update(ctx, l, s)
	if err != nil {
		c.State, c.EndReason, c.EndedAt = CaseOpen, "", time.Time{}
		return err
	}
	if !ended {
		s.c, s.ending, s.quiet = nil, "", time.Time{}
		r.tell(CaseChangeEnded, c)
	}
	return nil
}

// last takes the snapshot that stands behind a case. Without the databases the case waits for them; a source that is gone
// ends its case without it.
func (r *Responder) last(ctx context.Context, c *Case) error {
	snap, err := r.step(ctx, c, RoleAfter, "after "+c.Title, "after "+c.Rule)
	if err == nil {
		err = r.link(ctx, c, snap, RoleAfter)
	}
	if kind := KindOf(err); err != nil && kind != KindUnavailable && kind != KindExhausted {
		r.o.Logger.Warn("a case ends without a snapshot of after it", "case", c.ID, "err", err, "hint", HintOf(err))
		return nil
	}
	return err
}
