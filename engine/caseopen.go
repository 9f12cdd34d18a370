package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// open opens the case of a firing. done is true where nothing is left to do: the firing joined another case, or its own one
// has ended already.
func (r *Responder) open(ctx context.Context, l Lease, s *course, f *Firing, snap *Snapshot, frames int) (done bool, err error) {
	for _, id := range caseIDs(f) {
		was, err := r.o.Cases.Case(ctx, id)
		switch {
		case err == nil && was.FiringID == f.ID:
			return true, nil
		case err == nil: // the id of another case
			continue
		case KindOf(err) != KindNotFound:
			return false, err
		}
		c := newCase(id, f, snap)
		c.Note = framesNote(frames, true)
		if err = r.o.Cases.OpenCase(ctx, l, c); err == nil {
			s.c = c
			r.tell(CaseChangeOpened, c)
			return false, nil
		}
		if KindOf(err) != KindConflict {
			return false, err
		}
		// Either another process opened one meanwhile, or the lease has passed to another.
		s.settled = false
		if settled := r.settle(ctx, l, f.Source, s); settled != nil || s.c == nil {
			return false, err
		}
		if s.c.FiringID == f.ID {
			return false, nil
		}
		return true, r.join(ctx, l, s, f, snap)
	}
	return false, Errorf(KindConflict, "open case", "the ids %v are taken", caseIDs(f))
}

// join adds a further firing to the case that is open.
func (r *Responder) join(ctx context.Context, l Lease, s *course, f *Firing, snap *Snapshot) error {
	c := s.c
	if c.has(snap.ID) && slices.Contains(c.Rules, f.Rule) {
		return nil // an earlier attempt
	}
	if err := r.link(ctx, c, snap, RoleFollowUp); err != nil {
		return err
	}
	if !slices.Contains(c.Rules, f.Rule) {
		c.Rules = append(c.Rules, f.Rule)
	}
	c.Severity = worse(c.Severity, f.Severity)
	c.affect(f.Affected)
	if f.At.After(c.MetAt) {
		c.MetAt = f.At.UTC()
	}
	s.quiet, s.ending = time.Time{}, ""
	if ended, err := r.update(ctx, l, s); err != nil || ended {
		return err
	}
	r.tell(CaseChangeUpdated, c)
	return nil
}

// before freezes frames from before the trigger of a case. An earlier attempt may have frozen some of them, and held others.
func (r *Responder) before(ctx context.Context, l Lease, s *course, f *Firing, frames []FrameInfo) error {
	c, linked := s.c, len(s.c.Snapshots)
	for i := range r.o.MaxFrames {
		snap, err := r.takeUp(ctx, c, beforeName(i), RoleBefore)
		if err != nil {
			return err
		}
		if snap != nil || i >= len(frames) {
			continue
		}
		frame, err := r.o.Frames.Frame(c.Source, frames[i].At)
		if KindOf(err) == KindNotFound && err != nil {
			continue // the ring went on meanwhile
		}
		if err == nil {
			ago := f.At.Sub(frame.At).Round(time.Second)
			snap = &Snapshot{
				CaptureID: stepID(c.ID, beforeName(i)), TriggerType: f.Trigger, Rule: f.Rule, TriggerReason: fmt.Sprintf("frame from %s before: %s", ago, f.Reason),
				Description: clip(fmt.Sprintf("frame %s before the trigger: %s", ago, c.Title), maxDescription), Tags: []string{"frame"}, Retention: f.Retention,
			}
			snap.ID = SnapshotID(frame.At, "before "+f.Rule, f.Trigger)
			err = r.o.Engine.FreezeFrame(ctx, frame, snap, ruleActor(f.Rule))
		}
		if err == nil {
			err = r.link(ctx, c, snap, RoleBefore)
		}
		if err != nil {
			return err
		}
		c.addPoint(pointOf(frame, look(frame.Graph), r.o.Value(frame, c.Metric, c.Key)))
	}
	note := c.Note
	if n := c.count(RoleBefore); n >= minCaseFrames || c.Note == "" {
		c.Note = framesNote(n, false)
	}
	if linked == len(c.Snapshots) && note == c.Note {
		return nil
	}
	if ended, err := r.update(ctx, l, s); err != nil || ended {
		return err
	}
	r.tell(CaseChangeUpdated, c)
	return nil
}

// clip cuts a text to at most so many bytes, at a character.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xC0 == 0x80 {
		most--
	}
	return text[:most]
}
