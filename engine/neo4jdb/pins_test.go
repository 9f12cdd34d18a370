package neo4jdb

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// classOf gives a retention class of its own to each source, so that no policy here touches what other tests froze.
func classOf(source string) string { return "retain-" + source }

func spanOf(source string, d time.Duration) engine.RetentionPolicy {
	return engine.RetentionPolicy{Classes: map[string]engine.Retention{classOf(source): engine.Retention(d)}}
}

// frozenAt freezes a small graph as a snapshot of a given age.
func frozenAt(t *testing.T, snaps *Snapshots, source, name string, age time.Duration) *engine.Snapshot {
	t.Helper()
	g := must[*engine.Graph](t)(enginetest.ParseGraph("users -[AVG_LATENCY_MS 45 low]-> products"))
	at := time.Now().UTC().Add(-age).Truncate(time.Millisecond)
	s := &engine.Snapshot{
		ID: engine.SnapshotID(at, source+" "+name, engine.TriggerManual), Source: source, Timestamp: at, TriggerType: engine.TriggerManual, Description: name,
		Live: engine.LiveState{Source: source}, Retention: classOf(source),
	}
	if err := engine.FreezeGraph(context.Background(), snaps, s, g, engine.PublishOptions{Actor: "test"}, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func listed(t *testing.T, e *engine.Engine, source string) string {
	t.Helper()
	rows, _, err := e.List(context.Background(), engine.Filter{Source: source, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Description)
	}
	return strings.Join(names, " ")
}

const month = 30 * 24 * time.Hour

// TestRetainerRemovesWhatThePlanSays runs a policy over real snapshots: what goes is audited with its reason, what a case or a
// pin holds stays, the timeline stays linked, and all of it verifies.
func TestRetainerRemovesWhatThePlanSays(t *testing.T) {
	snaps := openSnapshots(t)
	ctx, source := context.Background(), sourceOf(t)
	e := engine.New(engine.Options{Store: snaps})
	byName := map[string]*engine.Snapshot{}
	for i, name := range []string{"new", "young", "old", "pinned", "incased", "older"} {
		byName[name] = frozenAt(t, snaps, source, name, time.Duration(i)*month/2+time.Hour)
	}
	if _, err := e.Pin(ctx, byName["pinned"].ID, "ann", "look"); err != nil {
		t.Fatal(err)
	}
	rows(t, snaps.server, `MATCH (s:Snapshot {snapshot_id: $id}) CREATE (:Case {case_id: 'case_x'})-[:HAS {role: 'trigger'}]->(s)`, map[string]any{"id": byName["incased"].ID})
	t.Cleanup(func() { rows(t, snaps.server, `MATCH (c:Case {case_id: 'case_x'}) DETACH DELETE c`, nil) })
	policy := spanOf(source, 20*24*time.Hour)
	plan := must[*engine.Plan](t)(e.PlanRetention(ctx, policy, source))
	var why []string
	for _, d := range plan.Decisions {
		why = append(why, strings.ReplaceAll(fmt.Sprint(d.Remove, " ", strings.Join(d.Reasons, "; ")), classOf(source), "CLASS"))
	}
	want := []string{
		"false not older than 20 d of CLASS; newest of " + source, "false not older than 20 d of CLASS", "true older than 20 d of CLASS", "false pinned by ann: look",
		"false belongs to case case_x", "true older than 20 d of CLASS",
	}
	if strings.Join(why, "\n") != strings.Join(want, "\n") || plan.Remove != 2 {
		t.Errorf("the plan says\n%s\nwant\n%s", strings.Join(why, "\n"), strings.Join(want, "\n"))
	}
	retainer := must[*engine.Retainer](t)(engine.NewRetainer(engine.RetainerOptions{Engine: e, Policy: policy, Pause: time.Millisecond}))
	run := must[*engine.RetentionRun](t)(retainer.Run(ctx, "ann"))
	if run.Removed != 2 || run.Spared != 0 || run.Failure != "" {
		t.Errorf("the run says %+v", run)
	}
	if got := listed(t, e, source); got != "new young pinned incased" {
		t.Errorf("left are %s", got)
	}
	events := must[[]engine.AuditEvent](t)(e.Audit(ctx, engine.AuditFilter{Source: source, Action: engine.ActionDeleted}))
	if len(events) != 2 || events[0].Actor != engine.RetentionActor || !strings.Contains(events[0].Before, `"reason":"retention: older than 20 d of `+classOf(source)+`; asked for by ann"`) || events[0].SnapshotID != byName["older"].ID {
		t.Errorf("the trail says %+v", events)
	}
	again := must[*engine.RetentionRun](t)(retainer.Run(ctx, engine.RetentionActor))
	if again.Planned != 0 {
		t.Errorf("the second run plans %d more", again.Planned)
	}
	if r := must[*engine.VerifyReport](t)(e.Verify(ctx, engine.VerifyOptions{IDs: []string{byName["pinned"].ID}}, nil)); len(r.Findings) != 0 {
		t.Errorf("verification says %+v", r.Findings)
	}
}

// TestAPinSetWhileRetentionRunsWins pins snapshots that are planned to go, while they go: none of them may be lost.
func TestAPinSetWhileRetentionRunsWins(t *testing.T) {
	snaps := openSnapshots(t)
	ctx, source := context.Background(), sourceOf(t)
	e := engine.New(engine.Options{Store: snaps})
	var all []*engine.Snapshot
	for i := range 9 {
		all = append(all, frozenAt(t, snaps, source, fmt.Sprintf("s%d", i), time.Duration(i+1)*month))
	}
	retainer := must[*engine.Retainer](t)(engine.NewRetainer(engine.RetainerOptions{
		Engine: e, Policy: spanOf(source, time.Hour), Pause: time.Millisecond,
	}))
	var mu sync.Mutex
	pinned := map[string]bool{}
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for i := worker; i < len(all); i += 3 {
				_, err := e.Pin(ctx, all[i].ID, "ann", "mine")
				if err != nil && engine.KindOf(err) != engine.KindNotFound {
					t.Error(err)
				}
				mu.Lock()
				pinned[all[i].ID] = err == nil
				mu.Unlock()
			}
		})
	}
	run := must[*engine.RetentionRun](t)(retainer.Run(ctx, engine.RetentionActor))
	wg.Wait()
	lost, kept := 0, 0
	for _, s := range all[1:] { // the newest stays anyway
		_, err := e.Resolve(ctx, "", s.ID)
		switch there := err == nil; {
		case pinned[s.ID] && !there:
			t.Errorf("%s was pinned and is gone", s.ID)
		case !pinned[s.ID] && there:
			t.Errorf("%s could not be pinned and is there: %v", s.ID, err)
		case there:
			kept++
		default:
			lost++
		}
	}
	t.Logf("%d were removed, %d pinned in time; the run removed %d and spared %d", lost, kept, run.Removed, run.Spared)
	if r := must[*engine.VerifyReport](t)(e.VerifyAudit(ctx)); len(r.Findings) != 0 {
		t.Errorf("the trail: %+v", r.Findings)
	}
}

// TestARunThatDiedIsMadeUpFor kills the process's part of a removal at each of its places: the next run goes on, and nothing
// is half removed.
func TestARunThatDiedIsMadeUpFor(t *testing.T) {
	ctx := context.Background()
	for _, place := range []string{"detached", "partly removed"} {
		snaps, source := openSnapshots(t), sourceOf(t)
		e := engine.New(engine.Options{Store: snaps, Logger: slog.New(slog.DiscardHandler)})
		for i := range 4 {
			frozenAt(t, snaps, source, fmt.Sprintf("s%d", i), time.Duration(i+1)*month)
		}
		policy := spanOf(source, time.Hour)
		options := engine.RetainerOptions{Engine: e, Policy: policy, Pause: time.Millisecond}
		type death struct{}
		snaps.crash = func(at string) {
			if at == place {
				panic(death{})
			}
		}
		func() {
			defer func() {
				if r := recover(); r != (death{}) {
					t.Fatalf("%s: %v", place, r)
				}
			}()
			_, _ = must[*engine.Retainer](t)(engine.NewRetainer(options)).Run(ctx, engine.RetentionActor)
			t.Errorf("%s was never reached", place)
		}()
		snaps.crash = nil
		if got := listed(t, e, source); got != "s0 s1 s2" {
			t.Errorf("%s: after the death there are %s", place, got)
		}
		must[*engine.RetentionRun](t)(must[*engine.Retainer](t)(engine.NewRetainer(options)).Run(ctx, engine.RetentionActor))
		if err := snaps.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if got := listed(t, e, source); got != "s0" {
			t.Errorf("%s: after the next run there are %s", place, got)
		}
		left := rows(t, snaps.server, `MATCH (d:DeletingSnapshot {source: $source}) RETURN d`, map[string]any{"source": source})
		if len(left) != 0 {
			t.Errorf("%s: %d are half removed", place, len(left))
		}
	}
}
