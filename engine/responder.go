package engine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// ResponderOptions are the parts of a Responder; Engine and Cases are required, zero values mean the usual measures.
type ResponderOptions struct {
	Engine *Engine
	Cases  CaseStore
	Frames FrameSource // nil: cases have no frames from before
	Clock  Clock
	Logger *slog.Logger
	// Value gives what a rule looks at in a frame, nil where it is unknown. Nil: totals by name, elements by key.
	Value func(f *Frame, metric, key string) *float64

	FollowUps    []time.Duration // after the opening; 30 s, 1 m, 2 m, 5 m
	Every        time.Duration   // after the last of them; 5 m
	Recovery     time.Duration   // without a rule that is met until a case ends; 60 s
	MaxFrames    int             // snapshots from before the trigger; 5
	Limit        time.Duration   // longest case; 2 h
	MaxSnapshots int             // most snapshots of a case; 30
	PointEvery   time.Duration   // how often points are written where nothing else is; 10 s
}

// Responder does what follows from a firing: it captures, opens or joins a case, and carries the case on until recovery. All
// that it decides stands in the database or follows from it: each step has a capture id of its own that follows from the case,
// so another process goes on after a crash, and captures nothing twice. One source is handled by one call at a time.
type Responder struct {
	o ResponderOptions

	mu      sync.Mutex
	courses map[string]*course
}

// course is what a process knows of the open case of a source.
type course struct {
	mu sync.Mutex
	knowledge
}

type knowledge struct {
	settled bool  // whether c is as the database has it, under this lease
	token   int64 // of that lease
	c       *Case // nil: none is open

	quiet   time.Time // of the first frame without a rule that is met, since one was
	last    time.Time // of the newest frame
	written time.Time // of the newest frame whose point stands in the database
	ending  string    // why it ends, once that is decided
	endedAt time.Time
}

// NewResponder makes a responder.
func NewResponder(o ResponderOptions) *Responder {
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Value == nil {
		o.Value = metricIn
	}
	if o.FollowUps == nil {
		o.FollowUps = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}
	}
	o.Every = cmp.Or(o.Every, 5*time.Minute)
	o.Recovery = cmp.Or(o.Recovery, time.Minute)
	o.MaxFrames = cmp.Or(o.MaxFrames, 5)
	o.Limit = cmp.Or(o.Limit, 2*time.Hour)
	o.MaxSnapshots = cmp.Or(o.MaxSnapshots, 30)
	o.PointEvery = cmp.Or(o.PointEvery, 10*time.Second)
	return &Responder{o: o, courses: map[string]*course{}}
}

// at locks the course of a source.
func (r *Responder) at(source string) (*course, func()) {
	r.mu.Lock()
	s := r.courses[source]
	if s == nil {
		s = &course{}
		r.courses[source] = s
	}
	r.mu.Unlock()
	s.mu.Lock()
	return s, s.mu.Unlock
}

// Respond captures for a firing that is written down, and opens a case or joins the one of the source where the firing wants
// one. It may be called again for the same firing, by another process too: it goes on where the other was cut off, and gives
// the same snapshot. After unavailable, exhausted and conflict (the lease has passed to another, or the live graph could not be
// read) it should be called again, so the firing should stay pending; other kinds, those of Capture, are final.
func (r *Responder) Respond(ctx context.Context, l Lease, f Firing) (snapshotID string, err error) {
	s, unlock := r.at(f.Source)
	snapshotID, err = r.respond(ctx, l, f, s)
	unlock()
	f.State, f.SnapshotID = FiringDone, snapshotID
	switch kind := KindOf(err); {
	case err == nil:
	case kind == KindUnavailable || kind == KindConflict || kind == KindExhausted:
		return snapshotID, err
	default:
		f.State, f.Failure = FiringFailed, err.Error()
	}
	r.o.Engine.Events.Publish(Event{Fired: &f})
	return snapshotID, err
}

func (r *Responder) respond(ctx context.Context, l Lease, f Firing, s *course) (string, error) {
	var frames []FrameInfo
	if f.Case && r.o.Frames != nil { // before the capture takes its time
		frames = chooseFrames(r.o.Frames.Frames(f.Source, time.Time{}, f.At), f.onset(), f.At, r.o.MaxFrames)
	}
	snap, _, err := r.o.Engine.Capture(ctx, CaptureRequest{
		ID: f.ID, Source: f.Source, Trigger: f.Trigger, TriggerReason: f.Reason, Rule: f.Rule, Severity: f.Severity,
		Description: f.Description, Tags: f.Tags, Template: f.Template, Retention: f.Retention, Actor: ruleActor(f.Rule), slug: cmp.Or(f.Description, f.Rule),
		AllowFuzzy: true, // rather a reading that nothing proves than no trace of an incident; it is marked
	})
	if err != nil {
		return "", err
	}
	if !f.Case {
		return snap.ID, nil
	}
	if err := r.settle(ctx, l, f.Source, s); err != nil {
		return snap.ID, err
	}
	if s.c != nil && s.c.FiringID != f.ID {
		return snap.ID, r.join(ctx, l, s, &f, snap)
	}
	if s.c == nil {
		done, err := r.open(ctx, l, s, &f, snap, len(frames))
		if done || err != nil {
			return snap.ID, err
		}
	}
	return snap.ID, r.before(ctx, l, s, &f, frames)
}

func ruleActor(rule string) string { return "rule " + rule }

// settle settles which case of a source is open. A process that gets the lease asks the database, because another may have
// opened one, and takes up what that one captured and did not link any more.
func (r *Responder) settle(ctx context.Context, l Lease, source string, s *course) error {
	if s.settled && s.token == l.Token {
		return nil
	}
	rows, _, err := r.o.Cases.Cases(ctx, CaseFilter{Source: source, State: CaseOpen, Limit: 1})
	if err != nil {
		return err
	}
	k := knowledge{settled: true, token: l.Token}
	if len(rows) > 0 {
		if k.c, err = r.o.Cases.Case(ctx, rows[0].ID); err != nil {
			return err
		}
		step, _ := followUpStep(r.o.Clock.Now().Sub(k.c.OpenedAt), r.o.FollowUps, r.o.Every)
		for n := max(1, step-r.o.MaxSnapshots); n <= step; n++ {
			if _, err := r.takeUp(ctx, k.c, followUpName(n), RoleFollowUp); err != nil {
				return err
			}
		}
		after, err := r.takeUp(ctx, k.c, RoleAfter, RoleAfter)
		if err != nil {
			return err
		}
		if after != nil {
			k.ending, k.endedAt = r.recovered(), after.Timestamp
		}
	}
	s.knowledge = k
	return nil
}

func followUpName(n int) string { return fmt.Sprintf("follow_up %d", n) }

func beforeName(i int) string { return fmt.Sprintf("before %d", i) }

// takeUp links the snapshot of a step, where an earlier process captured it; nil where none did.
func (r *Responder) takeUp(ctx context.Context, c *Case, step, role string) (*Snapshot, error) {
	s, err := r.o.Engine.store.Captured(ctx, stepID(c.ID, step))
	if KindOf(err) == KindNotFound && err != nil {
		return nil, nil
	}
	if err == nil {
		err = r.link(ctx, c, s, role)
	}
	return s, err
}

// link adds a snapshot to a case, once.
func (r *Responder) link(ctx context.Context, c *Case, s *Snapshot, role string) error {
	if c.has(s.ID) {
		return nil
	}
	if err := r.o.Cases.LinkCase(ctx, c.ID, s.ID, role); err != nil {
		return err
	}
	c.Snapshots = append(c.Snapshots, CaseSnapshot{ID: s.ID, Role: role, At: s.Timestamp, Exists: true})
	slices.SortStableFunc(c.Snapshots, func(a, b CaseSnapshot) int { return a.At.Compare(b.At) })
	return nil
}

// update writes the open case of a source. ended is true where a person closed it meanwhile.
func (r *Responder) update(ctx context.Context, l Lease, s *course) (ended bool, err error) {
	err = r.o.Cases.UpdateCase(ctx, l, s.c)
	if err == nil {
		s.written = s.last
		return false, nil
	}
	if KindOf(err) != KindConflict {
		return false, err
	}
	now, read := r.o.Cases.Case(ctx, s.c.ID)
	s.knowledge = knowledge{} // whatever it was, the database knows better
	if read == nil && now.State == CaseEnded {
		return true, nil
	}
	return false, err
}

func (r *Responder) tell(change string, c *Case) {
	copied := *c
	copied.Points = nil
	copied.Rules, copied.Affected, copied.Snapshots = slices.Clone(c.Rules), slices.Clone(c.Affected), slices.Clone(c.Snapshots)
	r.o.Engine.Events.Publish(Event{Case: &CaseChanged{Change: change, Case: copied}})
}

func (r *Responder) recovered() string {
	return fmt.Sprintf("recovered: no rule was met for %s", r.o.Recovery)
}

// CloseCase ends a case in the name of a person, with a last snapshot where one can be taken; any replica may. Kinds: not_found,
// conflict (it has ended already).
func (r *Responder) CloseCase(ctx context.Context, id, actor string) (*Case, error) {
	c, err := r.o.Cases.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	s, unlock := r.at(c.Source)
	defer unlock()
	if c.State == CaseOpen {
		if err := r.last(ctx, c); err != nil {
			r.o.Logger.Warn("a case is closed without a snapshot of after it", "case", id, "err", err, "hint", HintOf(err))
		}
	}
	if err := r.o.Cases.CloseCase(ctx, id, actor, "closed by "+actor, r.o.Clock.Now()); err != nil {
		return nil, err
	}
	s.knowledge = knowledge{}
	if c, err = r.o.Cases.Case(ctx, id); err == nil {
		r.tell(CaseChangeEnded, c)
	}
	return c, err
}

// Cases gives one page of cases, newest first, without Points. Kinds: invalid.
func (r *Responder) Cases(ctx context.Context, f CaseFilter) ([]Case, string, error) {
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	if f.Limit < 1 || f.Limit > maxPage {
		return nil, "", Errorf(KindInvalid, "cases", "limit %d is out of range", f.Limit).WithHint("ask for 1 to %d cases a page", maxPage)
	}
	return r.o.Cases.Cases(ctx, f)
}

// Case gives one case in full. Kinds: not_found.
func (r *Responder) Case(ctx context.Context, id string) (*Case, error) {
	return r.o.Cases.Case(ctx, id)
}
