package trigger

import (
	"context"
	"time"

	"graphsnap/engine"
)

// mostPending bounds the firings that are taken up again after a crash.
const mostPending = 1000

// keepLease takes or renews the lease; it says whether this replica may decide now.
func (r *Runner) keepLease(ctx context.Context, now time.Time) bool {
	held := r.Leads()
	since := now.Sub(r.renewed)
	if held && now.After(r.heldUntil) {
		// It may have passed on while this process was paused; the answer below tells.
		r.endLease()
	} else if since >= 0 && (since < leaseRenewal && held || since < leaseLook) {
		return held
	}
	r.renewed = now
	call, cancel := context.WithTimeout(ctx, storeTimeout)
	lease, got, err := r.o.Store.AcquireLease(call, LeaseName, r.o.Replica, leaseTTL)
	cancel()
	switch {
	case err != nil:
		r.complain("the lease of the rules cannot be renewed", err)
		if held && now.Before(r.heldUntil) {
			r.renewed = now.Add(time.Second - leaseRenewal) // again in a second
			return true
		}
		r.renewed = now.Add(time.Second - leaseLook)
		r.setLease(engine.Lease{}, false)
		return false
	case !got:
		if held {
			r.log.Info("another replica decides now", "holder", lease.Holder)
		}
		r.endLease()
		r.setLease(engine.Lease{}, false)
		r.loaded = false
		return false
	}
	if before := r.currentLease(); before.Token != lease.Token || before.Holder != lease.Holder {
		r.loaded = false // what is remembered here may be old
		r.endLease()
		r.log.Info("this replica decides", "replica", r.o.Replica, "token", lease.Token)
	}
	r.heldUntil = now.Add(leaseTTL)
	r.setLease(lease, true)
	if r.leaseCtx == nil || r.leaseCtx.Err() != nil {
		r.leaseCtx, r.cancelLease = context.WithCancel(ctx)
		r.loaded = false // responses were cut off: they are pending in the database
	}
	return true
}

func (r *Runner) setLease(l engine.Lease, held bool) {
	r.mu.Lock()
	r.lease, r.held = l, held
	r.mu.Unlock()
}

// endLease cuts off what goes on under the lease.
func (r *Runner) endLease() {
	if r.cancelLease != nil {
		r.cancelLease()
	}
}

// load takes over what the holder before remembered and left undone. Decisions of an earlier lease that were never written are
// forgotten: their frames are past.
func (r *Runner) load(ctx context.Context) bool {
	if r.loaded {
		return true
	}
	call, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	memories, err := r.o.Store.Memories(call)
	if err == nil {
		var pending []engine.Firing
		if pending, err = r.o.Store.Firings(call, "", true, mostPending); err == nil {
			r.mu.Lock()
			r.decider.load(memories)
			r.mu.Unlock()
			r.waiting, r.suppressed, r.loaded = nil, nil, true
			for i := len(pending) - 1; i >= 0; i-- { // oldest first
				r.log.Info("a firing that was cut off goes on", "rule", pending[i].Rule, "source", pending[i].Source, "firing", pending[i].ID)
				r.respond(pending[i])
			}
			return true
		}
	}
	r.complain("what rules remember cannot be read", err)
	return false
}
