package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// RetentionActor is who deletes by a retention policy, in the audit trail.
const RetentionActor = "retention"

// retentionLease names the lease under which one replica at a time removes.
const retentionLease = "retention"

// PlanRetention says what a policy means for the snapshots of a source ("": of all), now; nothing is removed. The plan is made
// over all sources, because max_snapshots is. Kinds: invalid, not_found, unavailable.
func (e *Engine) PlanRetention(ctx context.Context, policy RetentionPolicy, source string) (*Plan, error) {
	return e.planRetention(ctx, policy, source, e.clock.Now())
}

func (e *Engine) planRetention(ctx context.Context, policy RetentionPolicy, source string, now time.Time) (*Plan, error) {
	if err := policy.Validate(); err != nil {
		return nil, err
	}
	if source != "" {
		if _, err := e.historySource(ctx, source); err != nil {
			return nil, err
		}
	}
	rows, err := e.store.RetentionRows(ctx)
	if err != nil {
		return nil, err
	}
	plan := PlanRetention(policy, rows, now)
	if source != "" {
		plan.only(source)
	}
	return &plan, nil
}

// only leaves the decisions of one source.
func (p *Plan) only(source string) {
	var left []Decision
	p.Keep, p.Remove = 0, 0
	for _, d := range p.Decisions {
		if d.Source != source {
			continue
		}
		left = append(left, d)
		if d.Remove {
			p.Remove++
		} else {
			p.Keep++
		}
	}
	p.Decisions = left
}

// Leases lets one replica at a time remove; RuleStore is one.
type Leases interface {
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (l Lease, held bool, err error)
	ReleaseLease(ctx context.Context, l Lease) error
}

// RetainerOptions are the parts of a Retainer; Engine is required.
type RetainerOptions struct {
	Engine *Engine
	Leases Leases // nil where there is no other replica
	Policy RetentionPolicy
	Every  time.Duration // between two runs; 1 h where 0, and up to a tenth of it more or less
	Pause  time.Duration // least pause after a deletion, 500 ms where 0; it is never shorter than the deletion took
	Most   int           // most deletions of one run, 1000 where 0; the next run goes on
	Clock  Clock
	Logger *slog.Logger
}

// Retainer removes what the retention policy does not keep: every hour, and when asked. It keeps nothing in mind; each run
// plans anew, so one that was cut off is made up for by the next.
type Retainer struct {
	o      RetainerOptions
	holder string

	mu      sync.Mutex
	policy  RetentionPolicy
	current *RetentionRun // under way
	last    *RetentionRun
	next    time.Time

	stop context.CancelFunc
	runs context.Context // ends with Close
	done sync.WaitGroup
}

// RetentionRun is one run of a Retainer, under way or over.
type RetentionRun struct {
	ID         string
	Actor      string // who asked; "retention" for the hourly ones
	StartedAt  time.Time
	FinishedAt time.Time // zero while it is under way
	Planned    int       // snapshots to remove when it began, at most the bound of a run
	Removed    int
	Spared     int    // pinned, taken into a case or gone since it was planned
	Left       int    // over the bound of a run; the next run takes them
	Current    string // id that is being removed
	Failure    string // why it ended early
	Notes      []string
}

// NewRetainer makes a Retainer; nothing runs before Open. Kinds: invalid.
func NewRetainer(o RetainerOptions) (*Retainer, error) {
	if o.Every <= 0 {
		o.Every = time.Hour
	}
	if o.Pause <= 0 {
		o.Pause = 500 * time.Millisecond
	}
	if o.Most <= 0 {
		o.Most = 1000
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Retainer{o: o, holder: uuid.NewString()}
	r.runs, r.stop = context.WithCancel(context.Background())
	return r, r.SetPolicy(o.Policy)
}

// SetPolicy replaces the policy; a run under way goes on with the old one. Kinds: invalid.
func (r *Retainer) SetPolicy(p RetentionPolicy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy = p
	return nil
}

// RetentionState is what a Retainer does.
type RetentionState struct {
	Policy  RetentionPolicy
	Current *RetentionRun // nil while nothing is removed
	Last    *RetentionRun // nil before the first run of this process is over
	Next    time.Time     // zero before Open
}

// State tells what the Retainer does now.
func (r *Retainer) State() RetentionState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := RetentionState{Policy: r.policy, Next: r.next}
	for to, run := range map[**RetentionRun]*RetentionRun{&s.Current: r.current, &s.Last: r.last} {
		if run != nil {
			c := *run
			*to = &c
		}
	}
	return s
}

// Open begins the hourly runs; the first one comes within a tenth of the time between two.
func (r *Retainer) Open(context.Context) error {
	r.done.Go(func() {
		for wait := r.after(0); r.sleep(r.runs, wait) == nil; wait = r.after(r.o.Every) {
			switch _, err := r.Run(r.runs, RetentionActor); {
			case err == nil || r.runs.Err() != nil:
			case KindOf(err) == KindConflict:
				r.o.Logger.Debug("retention runs elsewhere", "err", err)
			default:
				r.o.Logger.Warn("retention was cut off, the next run goes on", "err", err, "hint", HintOf(err))
			}
		}
	})
	return nil
}

// after sets when the next run comes: after d, give or take a tenth of the time between two runs, so that replicas that
// started together do not ask at once.
func (r *Retainer) after(d time.Duration) time.Duration {
	jitter := time.Duration(rand.Int64N(int64(r.o.Every)/10 + 1))
	if d > 0 {
		jitter -= r.o.Every / 20
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = r.o.Clock.Now().Add(d + jitter)
	return d + jitter
}

// Close ends a run under way after the deletion that it is at, or at once where ctx ends.
func (r *Retainer) Close(ctx context.Context) error {
	r.stop()
	over := make(chan struct{})
	go func() { r.done.Wait(); close(over) }()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Start begins a run in the background and gives it as it begins. Kinds: conflict (one is under way, here or elsewhere),
// unavailable.
func (r *Retainer) Start(ctx context.Context, actor string) (*RetentionRun, error) {
	w, err := r.begin(ctx, actor)
	if err != nil {
		return nil, err
	}
	first := w.snapshot()
	r.done.Go(func() {
		if err := w.work(r.runs); err != nil && r.runs.Err() == nil {
			r.o.Logger.Warn("retention was cut off, the next run goes on", "err", err, "hint", HintOf(err))
		}
	})
	return first, nil
}

// Run removes, until nothing is left to remove or the bound of a run is reached, and gives what was done. Kinds: as Start.
func (r *Retainer) Run(ctx context.Context, actor string) (*RetentionRun, error) {
	w, err := r.begin(ctx, actor)
	if err != nil {
		return nil, err
	}
	err = w.work(ctx)
	return w.snapshot(), err
}

// retaining is a run at work.
type retaining struct {
	*Retainer
	run   *RetentionRun // guarded by mu
	lease Lease
	until time.Time // by our clock, when the lease must be renewed
	plan  []Decision
}

// leaseTerm is how long a silent replica keeps others from removing.
const leaseTerm = 2 * time.Minute

func (r *Retainer) begin(ctx context.Context, actor string) (*retaining, error) {
	const op = "retention"
	now := r.o.Clock.Now()
	w := &retaining{Retainer: r, run: &RetentionRun{ID: uuid.NewString(), Actor: actor, StartedAt: now}}
	r.mu.Lock()
	busy, policy := r.current != nil, r.policy
	if !busy {
		r.current = w.run
	}
	r.mu.Unlock()
	if busy {
		return nil, Errorf(KindConflict, op, "retention is removing already").WithHint("`graphsnap retain --status` shows how far it is")
	}
	err := w.hold(ctx)
	if err == nil {
		// A machine whose clock is ahead must not make snapshots old: the database's clock bounds it.
		if byDatabase := w.lease.Until.Add(-leaseTerm); r.o.Leases != nil && !w.lease.Until.IsZero() && byDatabase.Before(now) {
			now = byDatabase
		}
		err = w.decide(ctx, policy, now)
	}
	if err != nil {
		w.end(ctx, err)
		return nil, err
	}
	return w, nil
}

// decide plans the run.
func (w *retaining) decide(ctx context.Context, policy RetentionPolicy, now time.Time) error {
	if policy.Empty() {
		return nil
	}
	plan, err := w.o.Engine.planRetention(ctx, policy, "", now)
	if err != nil {
		return err
	}
	w.plan = plan.Removals()
	left := max(len(w.plan)-w.o.Most, 0)
	w.plan = w.plan[:len(w.plan)-left]
	w.update(func(run *RetentionRun) { run.Planned, run.Left, run.Notes = len(w.plan), left, plan.Notes })
	return nil
}

// hold takes the lease or renews it. Kinds: conflict where another replica has it.
func (w *retaining) hold(ctx context.Context) error {
	now := w.o.Clock.Now()
	if w.o.Leases == nil || now.Before(w.until) {
		return nil
	}
	lease, held, err := w.o.Leases.AcquireLease(ctx, retentionLease, w.holder, leaseTerm)
	if err != nil {
		return err
	}
	if !held {
		return Errorf(KindConflict, "retention", "another replica removes now").WithHint("wait until it is done; the audit trail shows what it removes")
	}
	w.lease, w.until = lease, now.Add(leaseTerm/4)
	return nil
}

// work removes what is planned, one after the other, and stands back while this process captures.
func (w *retaining) work(ctx context.Context) (err error) {
	defer func() { w.end(ctx, err) }()
	for _, d := range w.plan {
		for wait := w.o.Engine.capturing.Load() > 0; wait; wait = w.o.Engine.capturing.Load() > 0 {
			if err := w.hold(ctx); err != nil {
				return err
			}
			if err := w.sleep(ctx, w.o.Pause); err != nil {
				return err
			}
		}
		if err := w.hold(ctx); err != nil {
			return err
		}
		w.update(func(run *RetentionRun) { run.Current = d.ID })
		began := w.o.Clock.Now()
		removed, err := w.remove(ctx, d)
		if err != nil {
			return err
		}
		w.update(func(run *RetentionRun) {
			run.Current = ""
			if removed {
				run.Removed++
			} else {
				run.Spared++
			}
		})
		if err := w.sleep(ctx, max(w.o.Pause, min(w.o.Clock.Now().Sub(began), leaseTerm/4))); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes one, unless it was pinned or taken into a case since it was planned, or is gone.
func (w *retaining) remove(ctx context.Context, d Decision) (bool, error) {
	reason := "retention: " + strings.Join(d.Reasons, "; ")
	if w.run.Actor != RetentionActor && w.run.Actor != "" {
		reason += "; asked for by " + w.run.Actor
	}
	// A deletion is finished even where the process is told to stop: half of one is work for the sweep.
	err := w.o.Engine.DeleteWith(context.WithoutCancel(ctx), d.ID, DeleteOptions{Actor: RetentionActor, Reason: reason, Spare: true})
	switch kind := KindOf(err); {
	case err == nil:
		w.o.Logger.Info("retention removed a snapshot", "id", d.ID, "reason", reason)
		return true, nil
	case kind == KindConflict || kind == KindNotFound:
		w.o.Logger.Info("retention spares a snapshot", "id", d.ID, "why", err)
		return false, nil
	}
	return false, err
}

// end gives the lease back and tells of the end.
func (w *retaining) end(ctx context.Context, err error) {
	if w.o.Leases != nil && w.lease.Holder != "" {
		if err := w.o.Leases.ReleaseLease(context.WithoutCancel(ctx), w.lease); err != nil && KindOf(err) != KindConflict {
			w.o.Logger.Warn("the lease of retention runs out by itself", "err", err)
		}
	}
	w.mu.Lock()
	w.run.FinishedAt, w.run.Current = w.o.Clock.Now(), ""
	if err != nil {
		w.run.Failure = fmt.Sprint(err)
		w.run.Left += w.run.Planned - w.run.Removed - w.run.Spared
	}
	w.current, w.last = nil, w.run
	w.mu.Unlock()
	w.o.Engine.Events.Publish(Event{Retained: w.snapshot()})
}

// update changes the record of the run and tells of it.
func (w *retaining) update(f func(*RetentionRun)) {
	w.mu.Lock()
	f(w.run)
	w.mu.Unlock()
	w.o.Engine.Events.Publish(Event{Retained: w.snapshot()})
}

func (w *retaining) snapshot() *RetentionRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := *w.run
	return &c
}

// sleep waits, or gives why it was interrupted.
func (r *Retainer) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
