package trigger

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"graphsnap/engine"
)

// LeaseName is the lease that the one replica holds whose rules decide.
const LeaseName = "triggers"

const (
	leaseTTL     = 30 * time.Second
	leaseRenewal = 10 * time.Second
	leaseLook    = 5 * time.Second  // by those who do not hold it
	writeEvery   = 30 * time.Second // memories
	storeTimeout = 8 * time.Second  // of one write; several must fit into a lease
	lookEvery    = 500 * time.Millisecond
	mostWaiting  = 1000 // decisions that wait for the database
)

// Options are the parts of a Runner. Store and Respond are required.
type Options struct {
	Store   engine.RuleStore
	Clock   engine.Clock
	Logger  *slog.Logger
	Replica string // names this process among others that use the same databases; it must be unique
	// Respond captures for a firing and gives the ID of the snapshot. It is called once at a time for each source, again after a
	// failure or a crash: the same firing must give the same snapshot. ctx ends with the lease. An error of kind unavailable or
	// conflict is tried again for a minute, then the firing has failed.
	Respond func(ctx context.Context, l engine.Lease, f engine.Firing) (snapshotID string, err error)
	// Observe hears of each frame after it was decided about, with what the rules of its source are met by in it, fired or not,
	// within calendars and maintenance windows or not; no firing has an ID. It is called once at a time for each source, at the same
	// time as Respond; a slow one misses frames, the oldest first. May be nil.
	Observe func(ctx context.Context, l engine.Lease, f *engine.Frame, met []engine.Firing)
}

// Runner decides about captures while a process runs: frames go in, captures come out. Of several replicas, the one that holds
// the lease decides; the others keep up and wait. Its methods may be called at the same time.
type Runner struct {
	o     Options
	clock engine.Clock
	log   *slog.Logger

	mu      sync.Mutex // of what is below; never held during a call of the store or a callback
	decider *decider
	frames  map[string]*engine.Frame // the newest of each source that was not decided about yet
	lease   engine.Lease
	held    bool

	// The rest belongs to the goroutine that decides.
	heldUntil   time.Time // by our own clock
	renewed     time.Time
	loaded      bool // memories and pending firings of this lease
	waiting     []decision
	suppressed  []engine.Suppression
	writtenAt   time.Time
	complained  bool
	responders  *workers
	observers   *workers
	leaseCtx    context.Context
	cancelLease context.CancelFunc

	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

// NewRunner checks the set and makes a Runner; Open starts it. Kinds: invalid.
func NewRunner(set Set, o Options) (*Runner, error) {
	d, err := newDecider(set, nil)
	if err != nil {
		return nil, err
	}
	r := &Runner{o: o, clock: o.Clock, log: o.Logger, decider: d, frames: map[string]*engine.Frame{}, wake: make(chan struct{}, 1)}
	if r.clock == nil {
		r.clock = engine.SystemClock{}
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.responders, r.observers = newWorkers(0), newWorkers(mostObserved)
	return r, nil
}

// Open starts deciding. ctx bounds the start only.
func (r *Runner) Open(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	go func() {
		defer close(r.done)
		// The clock on the wall is looked at again and again rather than slept for: a timer stands still while a laptop sleeps, and
		// does not hear of a clock that is set.
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		for {
			r.step(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			case <-r.wake:
			}
		}
	}()
	return nil
}

// Close ends deciding, waits for the captures under way to be cut off, writes what rules remember and gives the lease back. What was
// cut off goes on at the next start.
func (r *Runner) Close(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	<-r.done
	r.endLease()
	r.responders.wait()
	r.observers.wait()
	if !r.Leads() {
		return nil
	}
	now := r.clock.Now()
	r.mu.Lock()
	changed, lease := r.decider.changed(now), r.lease
	r.held = false
	r.mu.Unlock()
	var err error
	if len(r.waiting) == 0 {
		err = r.o.Store.Remember(ctx, lease, changed)
	}
	if err == nil && len(r.suppressed) > 0 {
		err = r.o.Store.Suppress(ctx, lease, r.suppressed)
	}
	if released := r.o.Store.ReleaseLease(ctx, lease); err == nil {
		err = released
	}
	if engine.KindOf(err) == engine.KindConflict {
		return nil // another replica has gone on
	}
	return err
}

// Frame hands a frame over to be decided about. It returns at once; of frames that come faster than they are decided about, the
// newest of each source is taken.
func (r *Runner) Frame(f *engine.Frame) {
	r.mu.Lock()
	r.frames[f.Source] = f
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// SetRules takes other rules from the next frame on. What unchanged rules remember goes on, and so do all baselines. On an error the
// rules stay as they are. Kinds: invalid.
func (r *Runner) SetRules(set Set) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, err := newDecider(set, r.decider)
	if err != nil {
		return err
	}
	r.decider = d
	return nil
}

// Rules gives the rules at work.
func (r *Runner) Rules() Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decider.set
}

// Statuses tells what each rule does on each source, in the order of the rules. On a replica that does not decide, it is what the
// replica last knew.
func (r *Runner) Statuses() []engine.RuleStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.decider.statuses(r.clock.Now())
	if !r.held {
		for i := range list {
			if list[i].State != stateDisabled {
				list[i].Detail = "another replica decides, or the snapshot database does not answer"
			}
		}
	}
	return list
}

// Leads says whether this replica is the one that decides.
func (r *Runner) Leads() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

func (r *Runner) currentLease() engine.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lease
}

// step does all that is to be done now.
func (r *Runner) step(ctx context.Context) {
	now := r.clock.Now()
	ready := r.keepLease(ctx, now) && r.load(ctx)
	r.mu.Lock()
	frames := r.frames
	r.frames = map[string]*engine.Frame{}
	if !ready {
		for _, f := range frames {
			r.decider.observe(f)
		}
		r.mu.Unlock()
		return
	}
	met := map[string][]engine.Firing{}
	for source, f := range frames {
		var made []decision
		made, met[source] = r.decider.frame(f, now)
		r.waiting = append(r.waiting, made...)
	}
	r.waiting = append(r.waiting, r.decider.clock(now)...)
	r.mu.Unlock()

	r.carryOut(ctx)
	if r.o.Observe != nil {
		for source, f := range frames {
			lease, leaseCtx := r.currentLease(), r.leaseCtx
			r.observers.add(source, func() { r.o.Observe(leaseCtx, lease, f, met[source]) })
		}
	}
	r.write(ctx, now)
}

// carryOut writes decisions down, in their order, then has them captured. What cannot be written waits for the database.
func (r *Runner) carryOut(ctx context.Context) {
	for len(r.waiting) > 0 {
		d := r.waiting[0]
		if d.suppression != nil {
			r.suppressed = append(r.suppressed, *d.suppression)
			r.waiting = r.waiting[1:]
			continue
		}
		call, cancel := context.WithTimeout(ctx, storeTimeout)
		err := r.o.Store.Fire(call, r.currentLease(), *d.firing, d.memory)
		cancel()
		if engine.KindOf(err) == engine.KindConflict && err != nil {
			// Either the lease has passed on, or the firing was written by a call whose answer was lost.
			r.renewed = time.Time{}
			before := r.currentLease().Token
			if !r.keepLease(ctx, r.clock.Now()) || r.currentLease().Token != before {
				return
			}
			err = nil
		}
		switch {
		case err == nil:
			if d.late { // newer memories may have been written meanwhile
				r.mu.Lock()
				r.decider.unwritten([]engine.RuleMemory{d.memory})
				r.mu.Unlock()
			}
			r.log.Info("rule fired", "rule", d.firing.Rule, "source", d.firing.Source, "reason", d.firing.Reason, "firing", d.firing.ID)
			r.respond(*d.firing)
			r.waiting = r.waiting[1:]
		case engine.KindOf(err) == engine.KindInvalid, engine.KindOf(err) == engine.KindInternal:
			r.log.Error("a firing cannot be written and is dropped", "rule", d.firing.Rule, "source", d.firing.Source, "err", err)
			r.waiting = r.waiting[1:]
		default:
			r.complain("a firing cannot be written yet", err)
			r.waiting[0].late = true
			r.waiting = r.waiting[max(0, len(r.waiting)-mostWaiting):]
			return
		}
	}
	r.waiting = nil
}

// write keeps suppressions and memories.
func (r *Runner) write(ctx context.Context, now time.Time) {
	if len(r.suppressed) > 0 {
		call, cancel := context.WithTimeout(ctx, storeTimeout)
		err := r.o.Store.Suppress(call, r.currentLease(), r.suppressed)
		cancel()
		if err == nil {
			r.suppressed = nil
		} else {
			r.refused("suppressions cannot be written yet", err)
			r.suppressed = r.suppressed[max(0, len(r.suppressed)-mostWaiting):]
		}
	}
	if since := now.Sub(r.writtenAt); since >= 0 && since < writeEvery || len(r.waiting) > 0 {
		return // a memory must not know of a firing before that is written
	}
	r.writtenAt = now
	r.mu.Lock()
	changed := r.decider.changed(now)
	r.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	call, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := r.o.Store.Remember(call, r.currentLease(), changed); err != nil {
		r.refused("what rules remember cannot be written yet", err)
		r.mu.Lock()
		r.decider.unwritten(changed)
		r.mu.Unlock()
		return
	}
	r.complained = false
}

// refused is for a write that failed; where the lease has passed on, that is found out at once.
func (r *Runner) refused(what string, err error) {
	if engine.KindOf(err) == engine.KindConflict {
		r.renewed = time.Time{}
		return
	}
	r.complain(what, err)
}

// complain logs a failure of the database once, until it answers again.
func (r *Runner) complain(what string, err error) {
	if !r.complained {
		r.log.Warn(what, "err", err, "hint", engine.HintOf(err))
	}
	r.complained = true
}
