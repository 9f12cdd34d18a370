package trigger

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *fakeClock) add(d time.Duration) { c.set(c.Now().Add(d)) }

// camera stands for captures: one snapshot for each firing, however often it is asked.
type camera struct {
	mu    sync.Mutex
	shots map[string]int // calls by firing
	block bool           // until the lease ends
	err   error
}

func (c *camera) respond(ctx context.Context, _ engine.Lease, f engine.Firing) (string, error) {
	c.mu.Lock()
	c.shots[f.ID]++
	block, err := c.block, c.err
	c.mu.Unlock()
	if block {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return "snap_" + f.ID, err
}

func (c *camera) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.shots)
}

type replica struct {
	*Runner
	camera *camera
	ctx    context.Context
	stop   context.CancelFunc
}

// newReplica makes a runner that tests step by hand.
func newReplica(t *testing.T, name string, store engine.RuleStore, clock engine.Clock, rules ...Rule) *replica {
	t.Helper()
	r := &replica{camera: &camera{shots: map[string]int{}}}
	var err error
	r.Runner, err = NewRunner(Set{Rules: rules}, Options{Store: store, Clock: clock, Replica: name, Respond: r.camera.respond})
	if err != nil {
		t.Fatal(err, engine.HintOf(err))
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	t.Cleanup(func() {
		r.stop()
		r.responders.wait()
	})
	return r
}

// look gives the runner a frame, lets it decide, and waits for its captures unless they hang.
func (r *replica) look(f *engine.Frame) {
	if f != nil {
		r.Frame(f)
	}
	r.step(r.ctx)
	r.camera.mu.Lock()
	block := r.camera.block
	r.camera.mu.Unlock()
	if !block {
		r.responders.wait()
	}
}

func firingsOf(t *testing.T, store *enginetest.RuleStore) []engine.Firing {
	t.Helper()
	list, err := store.Firings(context.Background(), "", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

func flappingRule(t *testing.T) Rule { return threshold(t, "avg_latency", "", "> 1000ms") }

func TestRunnerCapturesOnce(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	r := newReplica(t, "a", store, clock, flappingRule(t), scheduled(Schedule{Every: 5 * time.Minute}, ""))
	for i := range 240 { // 20 minutes
		ms := 45.0
		if i%2 == 1 {
			ms = 1200
		}
		r.look(latency(clock.Now(), ms))
		clock.add(5 * time.Second)
	}
	count := map[string]int{}
	for _, f := range firingsOf(t, store) {
		count[f.Rule]++
		if f.State != engine.FiringDone || f.SnapshotID != "snap_"+f.ID || r.camera.shots[f.ID] != 1 {
			t.Errorf("%+v, captured %d times", f, r.camera.shots[f.ID])
		}
	}
	if count["avg_latency"] != 2 || count["schedule"] != 3 {
		t.Errorf("%v", count)
	}
	if n := len(store.Suppressed()); n < 2 || n > 4 {
		t.Errorf("%d suppressions", n)
	}
	memories, err := store.Memories(context.Background())
	if err != nil || len(memories) != 2 {
		t.Errorf("%d memories, %v", len(memories), err)
	}
	for _, s := range r.Statuses() {
		if s.State == "" || s.Text == "" || s.LastFired.IsZero() || s.LastHour == 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestAPausedReplicaCapturesNothing pauses the holder of the lease; the other takes over, and what the first still writes is refused.
func TestAPausedReplicaCapturesNothing(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	rules := []Rule{flappingRule(t), scheduled(Schedule{Every: time.Minute}, "")}
	a, b := newReplica(t, "a", store, clock, rules...), newReplica(t, "b", store, clock, rules...)
	for i := range 360 { // half an hour
		now := clock.Now()
		ms := 45.0
		if i >= 40 && i < 60 || i >= 200 && i < 210 {
			ms = 1200
		}
		f := latency(now, ms)
		if i < 30 || i >= 100 { // a is paused for six minutes
			a.look(f)
		}
		b.look(f)
		clock.add(5 * time.Second)
		if i == 29 && (!a.Leads() || b.Leads()) {
			t.Fatal("the first takes the lease")
		}
		if i == 99 && !b.Leads() {
			t.Fatal("the second takes over")
		}
		if i == 102 && a.Leads() {
			t.Fatal("the first has not noticed that it lost the lease")
		}
	}
	seen := map[time.Time]int{}
	slow := 0
	for _, f := range firingsOf(t, store) {
		if calls := a.camera.shots[f.ID] + b.camera.shots[f.ID]; calls != 1 || f.State != engine.FiringDone {
			t.Errorf("%s at %v was captured %d times: %s", f.Rule, f.At, calls, f.State)
		}
		if f.Rule == "schedule" {
			seen[f.At.Truncate(time.Minute)]++
		} else {
			slow++
		}
	}
	if slow != 2 {
		t.Errorf("%d firings of the threshold, want 2", slow)
	}
	for at, n := range seen {
		if n > 1 {
			t.Errorf("%d runs at %v", n, at)
		}
	}
	if len(seen) < 28 {
		t.Errorf("%d runs in half an hour", len(seen))
	}
	if a.camera.count()+b.camera.count() != len(firingsOf(t, store)) {
		t.Error("something was captured that is not written down")
	}
}

// TestAHolderPausedBetweenDecidingAndWriting lets the lease pass on just before the firing is written.
func TestAHolderPausedBetweenDecidingAndWriting(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	a, b := newReplica(t, "a", store, clock, flappingRule(t)), newReplica(t, "b", store, clock, flappingRule(t))
	a.look(latency(clock.Now(), 45))
	// a decides with what it believes to hold; b has taken the lease meanwhile, by the database's clock.
	if err := store.ReleaseLease(context.Background(), a.currentLease()); err != nil {
		t.Fatal(err)
	}
	clock.add(5 * time.Second)
	bad := latency(clock.Now(), 1200)
	b.look(bad)
	a.look(bad)
	if a.camera.count() != 0 || b.camera.count() != 1 || len(firingsOf(t, store)) != 1 || a.Leads() {
		t.Errorf("a captured %d, b %d", a.camera.count(), b.camera.count())
	}
}

// TestAFiringSurvivesAKill stops a process after the firing was written and before it was captured.
func TestAFiringSurvivesAKill(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	a := newReplica(t, "a", store, clock, flappingRule(t))
	a.camera.block = true
	a.look(latency(clock.Now(), 1200))
	if list := firingsOf(t, store); len(list) != 1 || list[0].State != engine.FiringPending {
		t.Fatalf("%+v", list)
	}
	a.stop() // nothing of it runs any more, and it gave nothing back
	a.responders.wait()
	b := newReplica(t, "b", store, clock, flappingRule(t))
	for range 12 {
		clock.add(5 * time.Second)
		b.look(latency(clock.Now(), 1200))
	}
	list := firingsOf(t, store)
	if len(list) != 1 || list[0].State != engine.FiringDone || b.camera.shots[list[0].ID] != 1 {
		t.Errorf("%+v, captured %v", list, b.camera.shots)
	}
	// The same process again, by its own name, finds nothing left.
	b.stop()
	c := newReplica(t, "b", store, clock, flappingRule(t))
	c.look(latency(clock.Now().Add(time.Second), 1200))
	if c.camera.count() != 0 || len(firingsOf(t, store)) != 1 {
		t.Errorf("%v", c.camera.shots)
	}
}

func TestTheDatabaseMayBeAway(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	r := newReplica(t, "a", store, clock, flappingRule(t))
	r.look(latency(clock.Now(), 45))
	store.SetDown(true)
	for range 3 { // within the lease
		clock.add(5 * time.Second)
		r.look(latency(clock.Now(), 1200))
	}
	if r.camera.count() != 0 {
		t.Fatal("captured what was not written down")
	}
	store.SetDown(false)
	clock.add(time.Second)
	r.look(nil)
	if list := firingsOf(t, store); len(list) != 1 || list[0].State != engine.FiringDone || !list[0].At.Equal(start.Add(5*time.Second)) {
		t.Errorf("%+v", list)
	}
	// Away for longer than the lease: nothing is decided meanwhile, and it goes on afterwards.
	store.SetDown(true)
	for range 20 {
		clock.add(5 * time.Second)
		r.look(latency(clock.Now(), 45))
	}
	if r.Leads() {
		t.Error("it believes in a lease that has run out")
	}
	store.SetDown(false)
	clock.add(15 * time.Minute)
	for range 3 {
		clock.add(5 * time.Second)
		r.look(latency(clock.Now(), 1200))
	}
	if list := firingsOf(t, store); len(list) != 2 {
		t.Errorf("%+v", list)
	}
}

func TestAFailedCaptureIsWrittenDown(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	r := newReplica(t, "a", store, clock, flappingRule(t))
	r.camera.err = engine.Errorf(engine.KindNotFound, "capture", "there is no source shop")
	r.look(latency(clock.Now(), 1200))
	if list := firingsOf(t, store); len(list) != 1 || list[0].State != engine.FiringFailed || list[0].Failure == "" {
		t.Errorf("%+v", list)
	}
}

func TestRulesAreSwappedWhileRunning(t *testing.T) {
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	r := newReplica(t, "a", store, clock, flappingRule(t))
	r.look(latency(clock.Now(), 1200))
	if err := r.SetRules(Set{Rules: []Rule{{Name: "broken"}}}); engine.KindOf(err) != engine.KindInvalid {
		t.Fatal(err)
	}
	if len(r.Rules().Rules) != 1 || r.Rules().Rules[0].Name != "avg_latency" {
		t.Fatal("a broken set was taken")
	}
	if err := r.SetRules(Set{Rules: []Rule{flappingRule(t), threshold(t, "qps", "", "> 100")}}); err != nil {
		t.Fatal(err)
	}
	clock.add(5 * time.Second)
	r.look(latency(clock.Now(), 1200))
	var names []string
	for _, f := range firingsOf(t, store) {
		names = append(names, f.Rule)
	}
	if !slices.Equal(names, []string{"avg_latency", "qps"}) {
		t.Errorf("%q", names)
	}
}

// TestOpenAndClose runs the real loop: frames from several goroutines, an observer, a close in the middle of a capture.
func TestOpenAndClose(t *testing.T) {
	ctx := context.Background()
	clock := &fakeClock{at: start}
	store := &enginetest.RuleStore{Clock: clock}
	shots := &camera{shots: map[string]int{}}
	var mu sync.Mutex
	met := 0
	o := Options{
		Store: store, Clock: clock, Replica: "a", Respond: shots.respond,
		Observe: func(_ context.Context, l engine.Lease, f *engine.Frame, m []engine.Firing) {
			mu.Lock()
			defer mu.Unlock()
			if l.Holder == "a" && f.Source == "shop" {
				met += len(m)
			}
		},
	}
	r, err := NewRunner(Set{Rules: []Rule{flappingRule(t)}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Open(ctx); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 20 {
				r.Frame(latency(start.Add(time.Duration(i)*time.Second), 1200))
				r.Statuses()
			}
		})
	}
	group.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for {
		mu.Lock()
		n := met
		mu.Unlock()
		if list := firingsOf(t, store); len(list) == 1 && list[0].State == engine.FiringDone && n > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no capture within 20 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, held, err := store.AcquireLease(ctx, LeaseName, "b", time.Minute); err != nil || !held {
		t.Error("the lease was not given back")
	}
	if err := r.Close(ctx); err != nil {
		t.Error("closed twice:", err)
	}
}

func TestASlowObserverMissesTheOldestFrames(t *testing.T) {
	w := newWorkers(2)
	gate, began := make(chan struct{}), make(chan struct{})
	var done []int
	w.add("x", func() { close(began); <-gate })
	<-began
	for i := range 5 {
		w.add("x", func() { done = append(done, i) })
	}
	close(gate)
	w.wait()
	if !slices.Equal(done, []int{3, 4}) {
		t.Errorf("%v", done)
	}
}
