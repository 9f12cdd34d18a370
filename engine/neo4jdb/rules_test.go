package neo4jdb

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// leased gives a lease of a name of its own.
func leased(t *testing.T, snaps *Snapshots, holder string, ttl time.Duration) engine.Lease {
	t.Helper()
	l, held, err := snaps.AcquireLease(context.Background(), "lease "+uuid.NewString(), holder, ttl)
	if err != nil || !held {
		t.Fatalf("a free lease: held %t, %v", held, err)
	}
	return l
}

func firingOn(source string) engine.Firing {
	value, threshold := 1200.0, 1000.0
	return engine.Firing{
		ID: uuid.NewString(), Rule: "slow", Kind: "threshold", Source: source, At: time.Now().UTC().Truncate(time.Microsecond), Trigger: engine.TriggerThreshold,
		Reason: "avg_latency 1.2 s > 1 s for 30 s", Severity: engine.SeverityHigh, Metric: "avg_latency_ms", Value: &value, Threshold: &threshold,
		Onset: time.Now().UTC().Add(-time.Minute).Truncate(time.Microsecond), Affected: []string{"users:Table"}, Case: true, Tags: []string{"auto"}, Description: "slow",
	}
}

func (s *Snapshots) events(t *testing.T, source, action string) []engine.AuditEvent {
	t.Helper()
	return must[[]engine.AuditEvent](t)(s.Audit(context.Background(), engine.AuditFilter{Source: source, Action: action, Limit: 1000}))
}

func TestLeaseChangesHands(t *testing.T) {
	_, snaps := openBoth(t)
	ctx := context.Background()
	a := leased(t, snaps, "a", time.Minute)
	if _, held, err := snaps.AcquireLease(ctx, a.Name, "b", time.Minute); held || err != nil {
		t.Errorf("b has a lease that a has: %v", err)
	}
	if again, held, err := snaps.AcquireLease(ctx, a.Name, "a", time.Minute); !held || err != nil || again.Token != a.Token || !again.Until.After(a.Until) {
		t.Errorf("a renews %+v and gets %+v, %t, %v", a, again, held, err)
	}
	if err := snaps.ReleaseLease(ctx, a); err != nil {
		t.Fatal(err)
	}
	b, held, err := snaps.AcquireLease(ctx, a.Name, "b", 300*time.Millisecond)
	if err != nil || !held || b.Token <= a.Token {
		t.Errorf("b gets a lease that was given back as %+v, %t, %v", b, held, err)
	}
	if err := snaps.ReleaseLease(ctx, a); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("a gives back what b has: %v", err)
	}
	time.Sleep(400 * time.Millisecond)
	if c, held, err := snaps.AcquireLease(ctx, a.Name, "c", time.Minute); err != nil || !held || c.Token <= b.Token {
		t.Errorf("c gets a lease that ran out as %+v, %t, %v", c, held, err)
	}
}

// TestPausedHolderWritesNothing lets a lease run out and another take it. Each fenced write of the first is a conflict and
// changes nothing. Shown to fail with the look at the token taken out of rules/fence.
func TestPausedHolderWritesNothing(t *testing.T) {
	live, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)+uuid.NewString()
	must[int64](t)(live.WriteTick(ctx, tickOf(source, 1)))
	snap := captured(t, engineOver(live, snaps), source)
	for _, same := range []bool{false, true} { // the next holder is another replica, or the same one after its pause
		paused := leased(t, snaps, "paused", 4*time.Second)
		f := firingOn(source)
		if err := snaps.Fire(ctx, paused, f, engine.RuleMemory{Rule: f.Rule, Source: source, Data: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		c := &engine.Case{ID: "case_" + uuid.NewString(), Source: source, State: engine.CaseOpen, Rule: f.Rule, OpenedAt: f.At}
		if err := snaps.OpenCase(ctx, paused, c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(paused.Until) + 200*time.Millisecond)
		holder := "other"
		if same {
			holder = "paused"
		}
		now, held, err := snaps.AcquireLease(ctx, paused.Name, holder, time.Minute)
		if err != nil || !held {
			t.Fatalf("the lease ran out: %t, %v", held, err)
		}
		trail := len(snaps.events(t, "", ""))
		second := firingOn(source)
		other := *c
		other.ID, other.Source = "case_"+uuid.NewString(), source+"2"
		changed := *c
		changed.Severity = engine.SeverityCritical
		for what, write := range map[string]func() error{
			"remember": func() error {
				return snaps.Remember(ctx, paused, []engine.RuleMemory{{Rule: f.Rule, Source: source, Data: []byte("2")}})
			},
			"fire":     func() error { return snaps.Fire(ctx, paused, second, engine.RuleMemory{Rule: f.Rule, Source: source}) },
			"suppress": func() error { return snaps.Suppress(ctx, paused, []engine.Suppression{{Rule: "slow", Source: source}}) },
			"finish": func() error {
				f.State, f.SnapshotID = engine.FiringDone, snap.ID
				return snaps.FinishFiring(ctx, paused, f)
			},
			"open case":   func() error { return snaps.OpenCase(ctx, paused, &other) },
			"update case": func() error { return snaps.UpdateCase(ctx, paused, &changed) },
			"release":     func() error { return snaps.ReleaseLease(ctx, paused) },
		} {
			if err := write(); engine.KindOf(err) != engine.KindConflict || engine.HintOf(err) == "" {
				t.Errorf("same holder %t: %s by a paused holder gives %v, want a conflict with a hint", same, what, err)
			}
		}
		if after := len(snaps.events(t, "", "")); after != trail {
			t.Errorf("%d audit events were written", after-trail)
		}
		pending := must[[]engine.Firing](t)(snaps.Firings(ctx, source, true, 10))
		if len(pending) != 1 || pending[0].ID != f.ID {
			t.Errorf("pending are %+v", pending)
		}
		f.State = engine.FiringDone
		if err := snaps.FinishFiring(ctx, now, f); err != nil {
			t.Errorf("the present holder: %v", err)
		}
		c.State, c.EndReason = engine.CaseEnded, "recovered"
		if err := snaps.UpdateCase(ctx, now, c); err != nil {
			t.Errorf("the present holder: %v", err)
		}
	}
}

// TestFenceHoldsTheLease pauses a holder between its look at the lease and its commit, for longer than the lease. Nobody gets
// the lease before that commit.
func TestFenceHoldsTheLease(t *testing.T) {
	_, snaps := openBoth(t)
	ctx := context.Background()
	l := leased(t, snaps, "a", time.Second)
	inside, taken := make(chan struct{}), make(chan time.Time, 1)
	var committed time.Time
	var both sync.WaitGroup
	both.Go(func() {
		if err := snaps.fenced(ctx, l, func(*tx) error {
			close(inside)
			time.Sleep(1500 * time.Millisecond)
			committed = time.Now()
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-inside
	both.Go(func() {
		if _, held, err := snaps.AcquireLease(ctx, l.Name, "b", time.Minute); err != nil || !held {
			t.Errorf("b: %t, %v", held, err)
		}
		taken <- time.Now()
	})
	both.Wait()
	if at := <-taken; at.Before(committed) {
		t.Errorf("b has the lease %s before a's transaction ends", committed.Sub(at))
	}
}

func TestFiringsGoRound(t *testing.T) {
	_, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)+uuid.NewString()
	l := leased(t, snaps, "a", time.Minute)
	f := firingOn(source)
	memory := engine.RuleMemory{Rule: "slow " + source, Source: source, Data: []byte{0, 1, 255}, At: f.At}
	if err := snaps.Fire(ctx, l, f, memory); err != nil {
		t.Fatal(err)
	}
	if err := snaps.Fire(ctx, l, f, memory); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("the same firing twice gives %v", err)
	}
	got := must[[]engine.Firing](t)(snaps.Firings(ctx, source, true, 10))
	f.State = engine.FiringPending
	if len(got) != 1 || fmt.Sprint(*got[0].Value, *got[0].Threshold) != "1200 1000" {
		t.Fatalf("got %+v", got)
	}
	got[0].Value, got[0].Threshold = f.Value, f.Threshold
	if fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", f) {
		t.Errorf("got  %+v\nwant %+v", got[0], f)
	}
	f.State, f.SnapshotID = engine.FiringDone, "snap_20260101_000000_x"
	if err := snaps.FinishFiring(ctx, l, f); err != nil {
		t.Fatal(err)
	}
	if left := must[[]engine.Firing](t)(snaps.Firings(ctx, source, true, 10)); len(left) != 0 {
		t.Errorf("pending are %+v", left)
	}
	if all := must[[]engine.Firing](t)(snaps.Firings(ctx, source, false, 10)); len(all) != 1 || all[0].SnapshotID != f.SnapshotID || all[0].State != engine.FiringDone {
		t.Errorf("got %+v", all)
	}
	found := false
	for _, m := range must[[]engine.RuleMemory](t)(snaps.Memories(ctx)) {
		found = found || (m.Rule == memory.Rule && bytes.Equal(m.Data, memory.Data) && m.At.Equal(memory.At))
	}
	if !found {
		t.Error("what the rule remembers is not there")
	}
	memory.Data = make([]byte, maxMemory+1)
	if err := snaps.Remember(ctx, l, []engine.RuleMemory{memory}); engine.KindOf(err) != engine.KindExhausted {
		t.Errorf("65 KiB give %v", err)
	}
	events := snaps.events(t, source, engine.ActionRuleFired)
	if len(events) != 1 || events[0].Actor != "rule slow" || !bytes.Contains([]byte(events[0].After), []byte(`"value":1200`)) {
		t.Errorf("the trail says %+v", events)
	}
}

// TestLostAnswersAreOnce loses the answer to the commit of each audited write. Each happens once, and is no error.
// Shown to fail with the look at the trail taken out of audited: a firing is a conflict with itself, a suppression stands there twice.
func TestLostAnswersAreOnce(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	snap := captured(t, g.engine, g.source)
	cutter, server := enginetest.StartCutter(t, g.snapsServer)
	through := openSnapshotsAt(t, configOf(server))
	must[string](t)(through.Ready(ctx))
	l := leased(t, g.snaps, "a", time.Minute)
	f := firingOn(g.source)
	c := &engine.Case{ID: "case_" + uuid.NewString(), Source: g.source, State: engine.CaseOpen, Rule: f.Rule, OpenedAt: f.At}
	worse := *c
	worse.Severity = engine.SeverityCritical
	d := &engine.Deployment{ID: uuid.NewString(), Name: uuid.NewString(), Source: g.source, StartedAt: f.At}
	for _, step := range []struct {
		what, action string
		write        func() error
	}{
		{"fire", engine.ActionRuleFired, func() error { return through.Fire(ctx, l, f, engine.RuleMemory{Rule: f.Rule, Source: g.source}) }},
		{"suppress", engine.ActionRuleSuppressed, func() error {
			return through.Suppress(ctx, l, []engine.Suppression{{Rule: "slow", Source: g.source, Reason: "cool-down", At: f.At}})
		}},
		{"open case", engine.ActionCaseOpened, func() error { return through.OpenCase(ctx, l, c) }},
		{"update case", engine.ActionCaseUpdated, func() error { return through.UpdateCase(ctx, l, &worse) }},
		{"link case", engine.ActionCaseUpdated, func() error { return through.LinkCase(ctx, c.ID, snap.ID, engine.RoleTrigger) }},
		{"close case", engine.ActionCaseEnded, func() error { return through.CloseCase(ctx, c.ID, "anna", "closed by anna", f.At) }},
		{"begin deployment", engine.ActionDeploymentStarted, func() error { return through.BeginDeployment(ctx, d) }},
	} {
		before := len(g.snaps.events(t, g.source, step.action))
		cutsBefore := cutter.Choose(enginetest.NthCommit(1))
		err := step.write()
		if cuts := cutter.Choose(nil) - cutsBefore; cuts != 1 || err != nil {
			t.Errorf("%s: %d connections were cut; %v", step.what, cuts, err)
		}
		if n := len(g.snaps.events(t, g.source, step.action)) - before; n != 1 {
			t.Errorf("%s: %d events %s", step.what, n, step.action)
		}
	}
	g.sound(t)
}

// TestSameCaptureIsOneSnapshot asks for one capture again and again: after it, at once from two replicas, and with the answer
// to each of its commits lost. There is one snapshot in the end.
func TestSameCaptureIsOneSnapshot(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	other := engineOver(g.live, openSnapshotsAt(t, configOf(g.snapsServer)))

	id := uuid.NewString()
	first := capturedAs(t, g.engine, engine.CaptureRequest{ID: id, Source: g.source})
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 1)))
	if again := capturedAs(t, other, engine.CaptureRequest{ID: id, Source: g.source, SkipUnchanged: true}); again.ID != first.ID || again.CaptureID != id || len(g.list(t)) != 1 {
		t.Errorf("the same capture again gives %s (capture %s), and there are %d snapshots", again.ID, again.CaptureID, len(g.list(t)))
	}

	// Two stagings of one capture are complete before the first is published: what a paused process and its successor do.
	id = uuid.NewString()
	var ids [2]string
	var both sync.WaitGroup
	for i, e := range []*engine.Engine{g.engine, other} {
		both.Go(func() {
			s, _, err := e.Capture(ctx, engine.CaptureRequest{ID: id, Source: g.source})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = s.ID
		})
	}
	both.Wait()
	if ids[0] != ids[1] || len(g.list(t)) != 2 {
		t.Errorf("two replicas give %v, and there are %d snapshots", ids, len(g.list(t)))
	}
	graph := enginetest.SizedGraph(70, 200, 5)
	at := time.Now().UTC()
	id = uuid.NewString()
	frames := [2]*engine.Snapshot{}
	for i := range frames {
		frames[i] = &engine.Snapshot{ID: engine.SnapshotID(at, "frame", engine.TriggerIncident), CaptureID: id, Source: g.source, Timestamp: at, TriggerType: engine.TriggerIncident}
		if err := engine.FreezeGraph(ctx, g.snaps, frames[i], graph, engine.PublishOptions{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if frames[0].ID != frames[1].ID || frames[0].ChainHash != frames[1].ChainHash || len(g.list(t)) != 3 {
		t.Errorf("a graph that is frozen twice gives %s and %s, and there are %d snapshots", frames[0].ID, frames[1].ID, len(g.list(t)))
	}
	g.noOrphans(t)

	cutter, e := g.throughCutter(t)
	captured(t, e, g.source)
	before := len(g.list(t))
	for n := 1; n <= 8; n++ {
		id := uuid.NewString()
		cutter.Choose(enginetest.NthCommit(n, n+1, n+2, n+3, n+4, n+5, n+6, n+7)) // beyond what is repeated by itself
		_, _, err := e.Capture(ctx, engine.CaptureRequest{ID: id, Source: g.source})
		cutter.Choose(nil)
		s := capturedAs(t, other, engine.CaptureRequest{ID: id, Source: g.source})
		if list := g.list(t); len(list) != before+n {
			t.Fatalf("commit %d (%v): %s, and there are %d snapshots of %d", n, err, s.ID, len(list), before+n)
		}
	}
	g.recover(t)
	g.sound(t)
}
