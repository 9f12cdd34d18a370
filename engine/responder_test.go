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

// handClock stands still until it is set.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// heldFrames are the frames of a test.
type heldFrames []*engine.Frame

func (h heldFrames) Frames(source string, from, to time.Time) []engine.FrameInfo {
	var list []engine.FrameInfo
	for _, f := range h {
		if f.Source == source && !f.At.Before(from) && !f.At.After(to) {
			list = append(list, engine.FrameInfo{Source: source, At: f.At})
		}
	}
	return list
}

func (h heldFrames) Frame(source string, at time.Time) (*engine.Frame, error) {
	for _, f := range h {
		if f.Source == source && f.At.Equal(at) {
			return f, nil
		}
	}
	return nil, engine.Errorf(engine.KindNotFound, "frame", "there is no such frame")
}

var fired = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// incident is one source, whose latency is what its frames say, and a process that responds.
type incident struct {
	t      *testing.T
	clock  *handClock
	live   *fakeLive
	store  *enginetest.MemoryStore
	cases  *enginetest.CaseStore
	frames heldFrames
	engine *engine.Engine
	r      *engine.Responder
	lease  engine.Lease
	told   []string
}

func newIncident(t *testing.T) *incident {
	clock := &handClock{at: fired}
	store := &enginetest.MemoryStore{Clock: clock}
	i := &incident{t: t, clock: clock, store: store, cases: &enginetest.CaseStore{Snapshots: store}, live: &fakeLive{states: map[string]*liveState{"shop": read("shop", 45, 9)}}}
	for s := 600; s > 0; s -= 10 {
		i.frames = append(i.frames, i.frame(fired.Add(-time.Duration(s)*time.Second), 45))
	}
	i.start()
	return i
}

// start is a new process; what the one before had in memory is gone, but for the frames that the test leaves.
func (i *incident) start() {
	i.engine = engine.New(engine.Options{Live: i.live, Store: i.store, Clock: i.clock})
	i.engine.Events.Subscribe(func(ev engine.Event) {
		if ev.Case != nil {
			i.told = append(i.told, ev.Case.Change)
		}
		if ev.Fired != nil {
			i.told = append(i.told, "fired "+ev.Fired.State)
		}
	})
	i.r = engine.NewResponder(engine.ResponderOptions{Engine: i.engine, Cases: i.cases, Frames: i.frames, Clock: i.clock})
	i.lease.Token++
}

func (i *incident) frame(at time.Time, latency float64) *engine.Frame {
	s := read("shop", latency, 9)
	severity := "low"
	if latency > 1000 {
		severity = "critical"
	}
	for n := range s.Graph.Relationships {
		s.Graph.Relationships[n].Properties["severity"] = severity
	}
	s.State.Totals.AvgLatencyMS = &latency
	return &engine.Frame{Source: "shop", At: at, State: s.State, Graph: &s.Graph}
}

func firing(id string) engine.Firing {
	v, limit := 1200.0, 1000.0
	return engine.Firing{
		ID: id, Rule: "slow", Kind: "threshold", Source: "shop", At: fired, Trigger: engine.TriggerThreshold, Reason: "avg_latency 1.2 s > 1 s",
		Severity: engine.SeverityHigh, Metric: "avg_latency", Value: &v, Threshold: &limit, Onset: fired.Add(-35 * time.Second), Case: true,
		Affected: []string{"users:Table"}, Tags: []string{"auto"}, Description: "checkout is slow",
	}
}

// observe hands on a frame so many seconds after the trigger.
func (i *incident) observe(seconds int, latency float64, met ...string) error {
	at := fired.Add(time.Duration(seconds) * time.Second)
	i.clock.set(at)
	firings := []engine.Firing{{Rule: "of another kind, which opens no cases", Source: "shop"}}
	for _, rule := range met {
		firings = append(firings, engine.Firing{Rule: rule, Source: "shop", Case: true, Metric: "avg_latency", Value: &latency})
	}
	return i.r.Observe(context.Background(), i.lease, i.frame(at, latency), firings)
}

// theCase gives the only case.
func (i *incident) theCase() *engine.Case {
	i.t.Helper()
	rows, _, err := i.cases.Cases(context.Background(), engine.CaseFilter{})
	if err != nil || len(rows) != 1 {
		i.t.Fatalf("there are %d cases; %v", len(rows), err)
	}
	c, err := i.cases.Case(context.Background(), rows[0].ID)
	if err != nil {
		i.t.Fatal(err)
	}
	return c
}

func roles(c *engine.Case) string {
	var out []string
	for _, s := range c.Snapshots {
		out = append(out, s.Role)
	}
	return strings.Join(out, " ")
}

// count gives the number of snapshots, and checks that no two have the same capture.
func (i *incident) count() int {
	i.t.Helper()
	list, _, err := i.store.List(context.Background(), engine.Filter{Limit: 1000})
	if err != nil {
		i.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.CaptureID] {
			i.t.Errorf("the capture %s made two snapshots", s.CaptureID)
		}
		seen[s.CaptureID] = true
	}
	return len(list)
}

func TestCaseFromFrameToRecovery(t *testing.T) {
	i := newIncident(t)
	ctx := context.Background()
	id, err := i.r.Respond(ctx, i.lease, firing("f1"))
	if err != nil {
		t.Fatal(err)
	}
	c := i.theCase()
	if c.ID != "case_20260131_120000_shop_slow" || c.Title != "checkout is slow" || c.State != engine.CaseOpen || c.Severity != engine.SeverityHigh || c.Note != "" ||
		!c.OnsetAt.Equal(fired.Add(-35*time.Second)) || *c.PeakValue != 1200 || roles(c) != "before before before before before trigger" || len(c.Points) != 5 {
		t.Errorf("the case is %+v, roles %s", c, roles(c))
	}
	if id != "snap_20260131_120000_checkout_is_slow" || c.Snapshots[5].ID != id {
		t.Errorf("the trigger snapshot is %s", id)
	}
	// The frames stand at their places on the timeline: the last one before the onset, one between, all older than the trigger.
	if last := c.Snapshots[3].At; !last.Equal(fired.Add(-40 * time.Second)) {
		t.Errorf("the last frame before the onset is of %s", last)
	}
	if between := c.Snapshots[4].At; !between.After(c.OnsetAt) || !between.Before(fired) {
		t.Errorf("the frame between onset and trigger is of %s", between)
	}
	for n := 1; n < 6; n++ {
		s, err := i.store.Get(ctx, c.Snapshots[n].ID)
		if err != nil || s.Previous != c.Snapshots[n-1].ID {
			t.Errorf("%s follows %q; %v", c.Snapshots[n].ID, s.Previous, err)
		}
		if n < 5 && (!strings.Contains(s.Description, "frame") || s.Summary.BottlenecksCount != 0) {
			t.Errorf("%s is described as %q", s.ID, s.Description)
		}
	}
	for s := 5; s <= 300; s += 5 {
		latency := 1500.0
		if s == 100 {
			latency = 9000
		}
		if err := i.observe(s, latency, "slow"); err != nil {
			t.Fatal(err)
		}
	}
	c = i.theCase()
	if c.Severity != engine.SeverityCritical || *c.PeakValue != 9000 || !c.PeakAt.Equal(fired.Add(100*time.Second)) || len(c.Affected) != 3 {
		t.Errorf("severity %s, peak %v at %s, affected %v", c.Severity, *c.PeakValue, c.PeakAt, c.Affected)
	}
	if got := roles(c); got != "before before before before before trigger follow_up follow_up follow_up follow_up" {
		t.Errorf("after 5 minutes: %s", got)
	}
	// A short pause is no recovery.
	for s, met := 305, false; s <= 500; s, met = s+5, s == 345 {
		latency, rules := 45.0, []string(nil)
		if met {
			latency, rules = 1500, []string{"slow"}
		}
		if err := i.observe(s, latency, rules...); err != nil {
			t.Fatal(err)
		}
	}
	c = i.theCase()
	if c.State != engine.CaseEnded || !strings.HasPrefix(c.EndReason, "recovered") || !c.EndedAt.Equal(fired.Add(355*time.Second)) || c.Snapshots[len(c.Snapshots)-1].Role != engine.RoleAfter {
		t.Errorf("the case is %s, %q at %s; %s", c.State, c.EndReason, c.EndedAt, roles(c))
	}
	if !c.Snapshots[len(c.Snapshots)-1].At.Equal(fired.Add(415 * time.Second)) {
		t.Errorf("the last snapshot is of %s", c.Snapshots[len(c.Snapshots)-1].At)
	}
	if n := i.count(); n != len(c.Snapshots) {
		t.Errorf("there are %d snapshots, the case has %d", n, len(c.Snapshots))
	}
	if i.told[0] != "opened" || i.told[len(i.told)-1] != "ended" || !slices.Contains(i.told, "fired done") {
		t.Errorf("told was %v", i.told)
	}
	if err := i.observe(600, 1500, "slow"); err != nil { // the next incident needs a firing
		t.Error(err)
	}
}

func TestOneIncidentIsOneCase(t *testing.T) {
	i := newIncident(t)
	ctx := context.Background()
	for n := range 10 {
		f := firing(fmt.Sprintf("f%d", n))
		f.Rule, f.At = fmt.Sprintf("rule %d", n), fired.Add(time.Duration(n)*time.Second)
		i.clock.set(f.At)
		for range 2 { // each is asked for twice
			if _, err := i.r.Respond(ctx, i.lease, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := i.theCase()
	if len(c.Rules) != 10 || c.Rule != "rule 0" || roles(c) != "before before before before before trigger"+strings.Repeat(" follow_up", 9) || i.count() != 15 {
		t.Errorf("the case has the rules %v and %s; there are %d snapshots", c.Rules, roles(c), i.count())
	}
	f := firing("quiet")
	f.Case = false
	if _, err := i.r.Respond(ctx, i.lease, f); err != nil {
		t.Fatal(err)
	}
	if got := i.theCase(); len(got.Snapshots) != len(c.Snapshots) {
		t.Error("a firing that wants no case joined one")
	}
}

func TestFewFramesAreSaid(t *testing.T) {
	i := newIncident(t)
	i.frames = i.frames[58:]
	i.start()
	if _, err := i.r.Respond(context.Background(), i.lease, firing("f1")); err != nil {
		t.Fatal(err)
	}
	if c := i.theCase(); !strings.Contains(c.Note, "only 2 of at least 3 frames") || roles(c) != "before before trigger" {
		t.Errorf("note %q, %s", c.Note, roles(c))
	}
}

func TestCaseEndsAtItsLimits(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		want  string
	}{"time": {time.Hour, "limit: a case lasts at most 2h0m0s"}, "snapshots": {time.Minute, "limit: a case has at most 30 snapshots"}} {
		i := newIncident(t)
		i.r = engine.NewResponder(engine.ResponderOptions{Engine: i.engine, Cases: i.cases, Frames: i.frames, Clock: i.clock, Every: c.every})
		if _, err := i.r.Respond(context.Background(), i.lease, firing("f1")); err != nil {
			t.Fatal(err)
		}
		for s := 10; s <= 7300; s += 10 {
			if err := i.observe(s, 1500, "slow"); err != nil {
				t.Fatal(err)
			}
		}
		if got := i.theCase(); got.State != engine.CaseEnded || got.EndReason != c.want || len(got.Snapshots) > 30 || len(got.Points) < 100 {
			t.Errorf("%s: %s, %q, %d snapshots, %d points", name, got.State, got.EndReason, len(got.Snapshots), len(got.Points))
		}
	}
}

// TestADeadSourceIsNotRecovered: while a source is down nobody knows whether a rule is met.
func TestADeadSourceIsNotRecovered(t *testing.T) {
	i := newIncident(t)
	ctx := context.Background()
	if _, err := i.r.Respond(ctx, i.lease, firing("f1")); err != nil {
		t.Fatal(err)
	}
	for s := 10; s <= 300; s += 10 {
		at := fired.Add(time.Duration(s) * time.Second)
		i.clock.set(at)
		if err := i.r.Observe(ctx, i.lease, &engine.Frame{Source: "shop", At: at, State: engine.LiveState{Status: "down"}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if c := i.theCase(); c.State != engine.CaseOpen {
		t.Errorf("the case has ended: %s", c.EndReason)
	}
	// Nor does one good frame after a gap say that it was good all the time.
	for s, want := range map[int]string{400: engine.CaseOpen} {
		if err := i.observe(s, 45); err != nil {
			t.Fatal(err)
		}
		if c := i.theCase(); c.State != want {
			t.Errorf("after %d s the case is %s", s, c.State)
		}
	}
}

func TestClosedByHand(t *testing.T) {
	i := newIncident(t)
	ctx := context.Background()
	if _, err := i.r.Respond(ctx, i.lease, firing("f1")); err != nil {
		t.Fatal(err)
	}
	// Another replica closes it; the one with the lease finds out at its next write, and leaves it closed.
	other := engine.NewResponder(engine.ResponderOptions{Engine: i.engine, Cases: i.cases, Clock: i.clock})
	c, err := other.CloseCase(ctx, i.theCase().ID, "anna")
	if err != nil || c.State != engine.CaseEnded || c.EndReason != "closed by anna" || !strings.HasSuffix(roles(c), "trigger after") {
		t.Errorf("%+v, %s, %v", c, roles(c), err)
	}
	for s := 10; s < 120; s += 10 {
		if err := i.observe(s, 1500, "slow"); err != nil {
			t.Fatal(err)
		}
	}
	if again := i.theCase(); again.EndReason != "closed by anna" {
		t.Errorf("it is %q", again.EndReason)
	}
	if _, err := other.CloseCase(ctx, c.ID, "otto"); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := other.CloseCase(ctx, "case_x", "otto"); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("there is none: %v", err)
	}
}

func TestPausedResponderChangesNothing(t *testing.T) {
	i := newIncident(t)
	i.cases.Held = func(l engine.Lease) bool { return l.Token == 2 }
	if _, err := i.r.Respond(context.Background(), engine.Lease{Token: 1}, firing("f1")); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("without the lease a case is opened: %v", err)
	}
	if n := len(i.cases.Actions()); n != 0 || slices.Contains(i.told, "fired failed") {
		t.Errorf("%v, told %v", i.cases.Actions(), i.told)
	}
	// Its successor finds the snapshot and opens the case.
	if _, err := i.r.Respond(context.Background(), engine.Lease{Token: 2}, firing("f1")); err != nil || i.count() != 6 {
		t.Errorf("%v; there are %d snapshots", err, i.count())
	}
	if err := i.r.Observe(context.Background(), engine.Lease{Token: 1}, i.frame(fired.Add(40*time.Second), 45), nil); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("without the lease a case is carried on: %v", err)
	}
}

// TestResumedAtEachStep cuts the process off at each write of a case in turn, before and after it, and starts another. The
// case ends as it would have, and nothing is captured twice.
func TestResumedAtEachStep(t *testing.T) {
	course := func(i *incident, retry func(error)) {
		ctx := context.Background()
		for {
			_, err := i.r.Respond(ctx, i.lease, firing("f1"))
			if err == nil {
				break
			}
			retry(err)
		}
		for s := 10; s <= 400; s += 10 {
			var met []string
			if s <= 120 {
				met = []string{"slow"}
			}
			for {
				err := i.observe(s, 1500, met...)
				if err == nil {
					break
				}
				retry(err)
			}
		}
	}
	writes := 0
	plain := newIncident(t)
	plain.cases.Fail = func(string) error { writes++; return nil }
	course(plain, func(err error) { t.Fatal(err) })
	want := roles(plain.theCase())
	if writes < 10 || !strings.HasSuffix(want, "after") {
		t.Fatalf("%d writes, %s", writes, want)
	}
	for cut := 1; cut <= writes; cut++ {
		for _, ringLost := range []bool{false, true} {
			i := newIncident(t)
			n := 0
			i.cases.Fail = func(what string) error {
				if n++; n == cut {
					return engine.Errorf(engine.KindUnavailable, what, "cut")
				}
				return nil
			}
			starts := 0
			course(i, func(err error) {
				if engine.KindOf(err) != engine.KindUnavailable || starts > 3 {
					t.Fatalf("cut %d: %v", cut, err)
				}
				starts++
				if ringLost {
					i.frames = nil
				}
				i.start()
			})
			c := i.theCase()
			got := roles(c)
			if ringLost {
				got, want := strings.ReplaceAll(got, "before ", ""), strings.ReplaceAll(want, "before ", "")
				if got != want {
					t.Errorf("cut %d: %s, want %s", cut, got, want)
				}
				if n := strings.Count(roles(c), "before"); n < 3 && !strings.Contains(c.Note, "only") {
					t.Errorf("cut %d: %d frames and the note %q", cut, n, c.Note)
				}
			} else if got != want {
				t.Errorf("cut %d: %s, want %s", cut, got, want)
			}
			if c.State != engine.CaseEnded || i.count() != len(c.Snapshots) {
				t.Errorf("cut %d: the case is %s, it has %d snapshots of %d", cut, c.State, len(c.Snapshots), i.count())
			}
			if starts != 1 {
				t.Errorf("cut %d: %d starts", cut, starts)
			}
		}
	}
}
