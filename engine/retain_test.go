package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// leaseTable is a lease as the snapshot database keeps it, with a clock of its own.
type leaseTable struct {
	mu    sync.Mutex
	lease engine.Lease
	now   func() time.Time
	asked int
}

func (l *leaseTable) AcquireLease(_ context.Context, name, holder string, ttl time.Duration) (engine.Lease, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.lease.Holder != "" && l.lease.Holder != holder && l.now().Before(l.lease.Until) {
		return engine.Lease{}, false, nil
	}
	if l.lease.Holder != holder {
		l.lease.Token++
	}
	l.lease.Name, l.lease.Holder, l.lease.Until = name, holder, l.now().Add(ttl)
	return l.lease, true, nil
}

func (l *leaseTable) ReleaseLease(_ context.Context, lease engine.Lease) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease.Token == lease.Token {
		l.lease.Holder = ""
	}
	return nil
}

// fixedClock is a clock that tests set.
type fixedClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *fixedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// aged gives an engine with a snapshot a day, the last one now.
func aged(t *testing.T, days int) (*engine.Engine, *enginetest.MemoryStore, *fixedClock, []string) {
	t.Helper()
	store, clock := &enginetest.MemoryStore{}, &fixedClock{}
	live := &fakeLive{states: map[string]*liveState{"shop": read("shop", 45, 9)}}
	e := engine.New(engine.Options{Live: live, Store: store, Clock: clock})
	var ids []string
	for i := range days {
		clock.at = planned.AddDate(0, 0, i-days+1)
		ids = append(ids, capture(t, e, engine.CaptureRequest{}).ID)
	}
	return e, store, clock, ids
}

func week() engine.RetentionPolicy {
	return engine.RetentionPolicy{Classes: map[string]engine.Retention{"manual": engine.Retention(7 * 24 * time.Hour)}}
}

func remaining(t *testing.T, e *engine.Engine) int {
	t.Helper()
	rows, _, err := e.List(context.Background(), engine.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

func TestARunIsBoundedAndGoesOn(t *testing.T) {
	ctx := context.Background()
	e, _, clock, _ := aged(t, 20)
	var told []engine.RetentionRun
	defer e.Events.Subscribe(func(ev engine.Event) {
		if ev.Retained != nil {
			told = append(told, *ev.Retained)
		}
	})()
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: e, Policy: week(), Pause: time.Microsecond, Most: 5, Clock: clock}))(t)
	for _, want := range []engine.RetentionRun{{Planned: 5, Removed: 5, Left: 7}, {Planned: 5, Removed: 5, Left: 2}, {Planned: 2, Removed: 2}, {}} {
		got := must(r.Run(ctx, engine.RetentionActor))(t)
		if got.Planned != want.Planned || got.Removed != want.Removed || got.Left != want.Left || got.FinishedAt.IsZero() {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if n := remaining(t, e); n != 8 {
		t.Errorf("%d are left, want the week and the one of its border", n)
	}
	if last := told[len(told)-1]; last.FinishedAt.IsZero() || len(told) < 24 {
		t.Errorf("%d events, the last %+v", len(told), last)
	}
	if s := r.State(); s.Current != nil || s.Last == nil || s.Last.Planned != 0 {
		t.Errorf("the state is %+v", s)
	}
}

func TestOnlyOneReplicaRemoves(t *testing.T) {
	ctx := context.Background()
	e, _, clock, _ := aged(t, 12)
	leases := &leaseTable{now: clock.Now}
	holder, held, err := leases.AcquireLease(ctx, "retention", "another", time.Minute)
	if err != nil || !held {
		t.Fatal(err)
	}
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: e, Leases: leases, Policy: week(), Pause: time.Microsecond, Clock: clock}))(t)
	if _, err := r.Run(ctx, "ann"); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("beside another replica: %v", err)
	}
	if err := leases.ReleaseLease(ctx, holder); err != nil {
		t.Fatal(err)
	}
	if run := must(r.Run(ctx, "ann"))(t); run.Removed != 4 {
		t.Errorf("got %+v", run)
	}
	if leases.lease.Holder != "" {
		t.Error("the lease was not given back")
	}
}

func TestALeaseThatIsLostEndsTheRun(t *testing.T) {
	ctx := context.Background()
	e, _, clock, _ := aged(t, 12)
	leases := &leaseTable{now: clock.Now}
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: e, Leases: leases, Policy: week(), Pause: time.Microsecond, Clock: clock}))(t)
	stop := e.Events.Subscribe(func(ev engine.Event) {
		if ev.Deleted == nil {
			return
		}
		leases.mu.Lock()
		leases.lease.Holder = "another" // this replica was paused, and another took over
		leases.mu.Unlock()
		clock.mu.Lock()
		clock.at = clock.at.Add(time.Minute) // time to renew
		clock.mu.Unlock()
		leases.lease.Until = clock.Now().Add(time.Hour)
	})
	defer stop()
	run, err := r.Run(ctx, engine.RetentionActor)
	if engine.KindOf(err) != engine.KindConflict || run.Removed != 1 || run.Left != 3 || run.Failure == "" {
		t.Errorf("%v, %+v", err, run)
	}
}

func TestAClockThatIsAheadOfTheDatabaseRemovesNoMore(t *testing.T) {
	e, _, clock, _ := aged(t, 10)
	leases := &leaseTable{now: func() time.Time { return planned }}
	clock.at = planned.AddDate(1, 0, 0)
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: e, Leases: leases, Policy: week(), Pause: time.Microsecond, Clock: clock}))(t)
	if run := must(r.Run(context.Background(), engine.RetentionActor))(t); run.Removed != 2 {
		t.Errorf("a clock a year ahead removes %d, want the 2 that are old by the database's clock", run.Removed)
	}
}

func TestWhatIsPinnedOrTakenIntoACaseMeanwhileIsSpared(t *testing.T) {
	ctx := context.Background()
	e, store, clock, ids := aged(t, 12)
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: e, Policy: week(), Pause: time.Microsecond, Clock: clock}))(t)
	defer e.Events.Subscribe(func(ev engine.Event) {
		if ev.Deleted != nil && ev.Deleted.ID == ids[0] {
			store.JoinCase(ids[1], "case_x")
			if err := store.Pin(ctx, ids[2], engine.Pin{Actor: "ann"}); err != nil {
				t.Error(err)
			}
			if err := store.Delete(ctx, ids[3], engine.DeleteOptions{Actor: "bob"}, nil); err != nil {
				t.Error(err)
			}
		}
	})()
	if run := must(r.Run(ctx, engine.RetentionActor))(t); run.Removed != 1 || run.Spared != 3 {
		t.Errorf("got %+v", run)
	}
	for _, id := range ids[1:3] {
		if _, err := store.Get(ctx, id); err != nil {
			t.Error(err)
		}
	}
}

// TestCapturesGoFirst holds a capture open: nothing is removed until it is over.
func TestCapturesGoFirst(t *testing.T) {
	ctx := context.Background()
	e, store, clock, _ := aged(t, 12)
	gate, reading := make(chan struct{}), make(chan struct{})
	slow := engine.New(engine.Options{Live: &gatedLive{gate: gate, reading: reading}, Store: store, Clock: clock})
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: slow, Policy: week(), Pause: time.Millisecond, Clock: clock}))(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var order []string
	defer slow.Events.Subscribe(func(ev engine.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case ev.Created != nil:
			order = append(order, "created")
		case ev.Deleted != nil:
			order = append(order, "deleted")
		}
	})()
	wg.Go(func() {
		if _, _, err := slow.Capture(ctx, engine.CaptureRequest{}); err != nil {
			t.Error(err)
		}
	})
	<-reading
	wg.Go(func() {
		if _, err := r.Run(ctx, engine.RetentionActor); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(30 * time.Millisecond)
	if n := remaining(t, e); n != 12 {
		t.Errorf("during a capture %d were removed", 12-n)
	}
	close(gate)
	wg.Wait()
	if want := []string{"created", "deleted", "deleted", "deleted", "deleted"}; !slices.Equal(order, want) {
		t.Errorf("the order was %v", order)
	}
}

// gatedLive is a live graph that is read slowly.
type gatedLive struct{ gate, reading chan struct{} }

func (g *gatedLive) Sources(context.Context) ([]engine.LiveState, error) {
	return []engine.LiveState{{Source: "shop"}}, nil
}

func (g *gatedLive) ReadLive(_ context.Context, _ string, _ engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	close(g.reading)
	<-g.gate
	_, err := open()
	return &engine.LiveRead{State: engine.LiveState{Source: "shop"}}, err
}

func TestRetainerRunsByItselfAndStops(t *testing.T) {
	ctx := context.Background()
	e, _, clock, _ := aged(t, 12)
	r := must(engine.NewRetainer(engine.RetainerOptions{Engine: e, Policy: week(), Every: 20 * time.Millisecond, Pause: time.Microsecond, Clock: clock}))(t)
	over := make(chan struct{}, 100)
	defer e.Events.Subscribe(func(ev engine.Event) {
		if ev.Retained != nil && !ev.Retained.FinishedAt.IsZero() {
			over <- struct{}{}
		}
	})()
	if err := r.Open(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		<-over
	}
	if s := r.State(); s.Last == nil || s.Next.IsZero() || remaining(t, e) != 8 {
		t.Errorf("the state is %+v, left are %d", s, remaining(t, e))
	}
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.NewRetainer(engine.RetainerOptions{Engine: e, Policy: engine.RetentionPolicy{KeepLast: -7}}); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a policy that is not valid: %v", err)
	}
}

func TestPlansOfOneSourceCountAllSources(t *testing.T) {
	ctx := context.Background()
	e, _ := newEngine("bank", "shop")
	for range 3 {
		capture(t, e, engine.CaptureRequest{Source: "bank"})
		capture(t, e, engine.CaptureRequest{Source: "shop"})
	}
	plan := must(e.PlanRetention(ctx, engine.RetentionPolicy{MaxSnapshots: 4}, "bank"))(t)
	if len(plan.Decisions) != 3 || plan.Keep != 2 || plan.Remove != 1 {
		t.Errorf("got %+v", plan)
	}
	if _, err := e.PlanRetention(ctx, engine.RetentionPolicy{}, "none"); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an unknown source: %v", err)
	}
	if _, err := e.PlanRetention(ctx, engine.RetentionPolicy{KeepDaily: -2}, ""); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a bad policy: %v", err)
	}
}

func TestPinsAreTold(t *testing.T) {
	ctx := context.Background()
	e, _ := newEngine("shop")
	s := capture(t, e, engine.CaptureRequest{})
	var told []string
	defer e.Events.Subscribe(func(ev engine.Event) {
		if ev.Pinned != nil {
			told = append(told, fmt.Sprintf("%t %s %t", ev.Pinned.ID == s.ID, ev.Pinned.Source, ev.Pinned.Pin != nil))
		}
	})()
	if got := must(e.Pin(ctx, s.ID, "ann", " why "))(t); got.Pin == nil || got.Pin.Note != "why" || got.Pin.Actor != "ann" {
		t.Errorf("got %+v", got.Pin)
	}
	if got := must(e.Unpin(ctx, s.ID, "ann"))(t); got.Pin != nil {
		t.Errorf("got %+v", got.Pin)
	}
	if got := strings.Join(told, "; "); got != "true shop true; true shop false" {
		t.Errorf("told was %s", got)
	}
	if _, err := e.Pin(ctx, s.ID, "ann", strings.Repeat("x", 2001)); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a long note: %v", err)
	}
	if _, err := e.Pin(ctx, "snap_20000101_000000_none", "ann", ""); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an unknown snapshot: %v", err)
	}
}

// TestHeadersFromBeforeThereWereClasses: what older snapshots carry gives the hash that it gave then.
func TestHeadersFromBeforeThereWereClasses(t *testing.T) {
	s := &engine.Snapshot{ID: "snap_20260131_090500_x", Pin: &engine.Pin{Actor: "ann"}}
	old := must(engine.HeaderProperties(s))(t)
	for _, name := range []string{"retention", "pin"} {
		if _, there := old[name]; there {
			t.Errorf("a snapshot without a class carries %s", name)
		}
	}
	s.Retention = "weekly"
	if classed := must(engine.HeaderProperties(s))(t); classed["retention"] != "weekly" || len(classed) != len(old)+1 {
		t.Errorf("with a class it carries %v", classed)
	}
}
