package trigger

import (
	"context"
	"sync"
	"time"

	"graphsnap/engine"
)

// mostObserved bounds the frames that wait for a slow observer.
const mostObserved = 16

// respondAgain is how long to wait after each failure of a capture before it is tried again.
var respondAgain = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 40 * time.Second}

// respond has a firing captured, after those of its source before it.
func (r *Runner) respond(f engine.Firing) {
	ctx := r.leaseCtx
	r.responders.add(f.Source, func() { r.capture(ctx, f) })
}

func (r *Runner) capture(ctx context.Context, f engine.Firing) {
	var err error
	for attempt := 0; ; attempt++ {
		if ctx.Err() != nil {
			return // it is pending in the database, and goes on under the next lease
		}
		f.SnapshotID, err = r.o.Respond(ctx, r.currentLease(), f)
		if err == nil || ctx.Err() != nil {
			break
		}
		kind := engine.KindOf(err)
		if attempt == len(respondAgain) || kind != engine.KindUnavailable && kind != engine.KindConflict && kind != engine.KindExhausted {
			break
		}
		r.log.Warn("the capture of a firing failed and is tried again", "rule", f.Rule, "source", f.Source, "firing", f.ID, "err", err)
		pause(ctx, respondAgain[attempt])
	}
	if ctx.Err() != nil && err != nil {
		return
	}
	f.State = engine.FiringDone
	if err != nil {
		f.State, f.Failure = engine.FiringFailed, err.Error()
		r.log.Error("the capture of a firing failed", "rule", f.Rule, "source", f.Source, "firing", f.ID, "err", err, "hint", engine.HintOf(err))
	}
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(ctx, storeTimeout)
		err := r.o.Store.FinishFiring(call, r.currentLease(), f)
		cancel()
		if err == nil || engine.KindOf(err) != engine.KindUnavailable && engine.KindOf(err) != engine.KindExhausted {
			if err != nil {
				r.log.Warn("the end of a firing was not written; the next holder of the lease writes it", "firing", f.ID, "err", err)
			}
			return
		}
		pause(ctx, time.Second)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// workers do jobs, one at a time for each name, in their order.
type workers struct {
	mu    sync.Mutex
	jobs  map[string][]func()
	limit int // of jobs that wait for each name, the oldest are dropped; 0: none
	group sync.WaitGroup
}

func newWorkers(limit int) *workers { return &workers{jobs: map[string][]func(){}, limit: limit} }

func (w *workers) add(name string, job func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	jobs, working := w.jobs[name]
	jobs = append(jobs, job)
	if w.limit > 0 && len(jobs) > w.limit {
		jobs = jobs[len(jobs)-w.limit:]
	}
	w.jobs[name] = jobs
	if !working {
		w.group.Go(func() { w.work(name) })
	}
}

func (w *workers) work(name string) {
	for {
		w.mu.Lock()
		jobs := w.jobs[name]
		if len(jobs) == 0 {
			delete(w.jobs, name)
			w.mu.Unlock()
			return
		}
		job := jobs[0]
		w.jobs[name] = jobs[1:]
		w.mu.Unlock()
		job()
	}
}

// wait returns once all jobs are done.
func (w *workers) wait() { w.group.Wait() }
