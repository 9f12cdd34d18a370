package neo4jdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"graphsnap/engine"
)

func TestCasesGoRound(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	l := leased(t, g.snaps, "a", 5*time.Minute)
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	first, second := captured(t, g.engine, g.source), captured(t, g.engine, g.source)
	value, qps := 1200.5, 88.0
	at := time.Now().UTC().Truncate(time.Millisecond)
	c := &engine.Case{
		ID: "case_20260131_090500_" + uuid.NewString(), Source: g.source, FiringID: "f", Title: "slow", State: engine.CaseOpen, Severity: engine.SeverityHigh,
		Rule: "slow", Rules: []string{"slow"}, Reason: "1.2 s > 1 s", Metric: "avg_latency_ms", Key: "users:Table", OpenedAt: at, OnsetAt: at.Add(-time.Minute),
		PeakAt: at, PeakValue: &value, MetAt: at, Note: "only 1 frame", Affected: []string{"users:Table"},
		Snapshots: []engine.CaseSnapshot{{ID: second.ID, Role: engine.RoleTrigger}},
		Points:    []engine.CasePoint{{At: at, Value: &value, TotalQPS: &qps, Bottlenecks: 3, Severity: engine.SeverityHigh}, {At: at.Add(time.Second)}},
	}
	if err := g.snaps.OpenCase(ctx, l, c); err != nil {
		t.Fatal(err)
	}
	got := must[*engine.Case](t)(g.snaps.Case(ctx, c.ID))
	if *got.PeakValue != value || *got.Points[0].Value != value || got.Points[1].Value != nil || *got.Points[0].TotalQPS != qps || !got.Snapshots[0].Exists || !got.Snapshots[0].At.Equal(second.Timestamp) {
		t.Errorf("got %+v", got)
	}
	got.PeakValue, got.Points, got.Snapshots = c.PeakValue, c.Points, c.Snapshots
	if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", *c) {
		t.Errorf("got  %+v\nwant %+v", *got, *c)
	}
	another := *c
	another.ID += "2"
	if err := g.snaps.OpenCase(ctx, l, &another); engine.KindOf(err) != engine.KindConflict || engine.HintOf(err) == "" {
		t.Errorf("a second open case of the source gives %v", err)
	}

	// Points are no event of the trail, a change of severity is one.
	c.Points = append(c.Points, engine.CasePoint{At: at.Add(2 * time.Second)})
	updated := func(want int) {
		t.Helper()
		if err := g.snaps.UpdateCase(ctx, l, c); err != nil {
			t.Fatal(err)
		}
		if n := len(g.snaps.events(t, g.source, engine.ActionCaseUpdated)); n != want {
			t.Errorf("%d events case.updated, want %d", n, want)
		}
	}
	updated(0)
	c.Severity = engine.SeverityCritical
	updated(1)
	for range 2 {
		if err := g.snaps.LinkCase(ctx, c.ID, first.ID, engine.RoleBefore); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(g.snaps.events(t, g.source, engine.ActionCaseUpdated)); n != 2 {
		t.Errorf("a snapshot that is linked twice makes %d events of updating, want 2 with the one before", n)
	}
	if err := g.snaps.LinkCase(ctx, c.ID, "snap_20200101_000000_x", engine.RoleBefore); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("a snapshot that is not there is linked: %v", err)
	}
	if err := g.snaps.LinkCase(ctx, "case_x", first.ID, engine.RoleBefore); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("a case that is not there is linked: %v", err)
	}
	if err := g.engine.Delete(ctx, first.ID, "test"); err != nil {
		t.Fatal(err)
	}
	got = must[*engine.Case](t)(g.snaps.Case(ctx, c.ID))
	if len(got.Snapshots) != 2 || got.Snapshots[0].ID != first.ID || got.Snapshots[0].Exists || got.Snapshots[0].Role != engine.RoleBefore || !got.Snapshots[1].Exists {
		t.Errorf("after a deletion the snapshots are %+v", got.Snapshots)
	}

	c.State, c.EndReason, c.EndedAt = engine.CaseEnded, "recovered", at.Add(time.Minute)
	if err := g.snaps.UpdateCase(ctx, l, c); err != nil {
		t.Fatal(err)
	}
	if err := g.snaps.UpdateCase(ctx, l, c); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("an ended case is updated: %v", err)
	}
	if err := g.snaps.CloseCase(ctx, c.ID, "anna", "closed by anna", at); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("an ended case is closed: %v", err)
	}
	if err := g.snaps.OpenCase(ctx, l, &another); err != nil {
		t.Errorf("the next case of the source: %v", err)
	}
	if err := g.snaps.CloseCase(ctx, another.ID, "anna", "closed by anna", at); err != nil {
		t.Error(err)
	}
	if err := g.snaps.UpdateCase(ctx, l, &another); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("who has the lease opens again what a person closed: %v", err)
	}
	ends := g.snaps.events(t, g.source, engine.ActionCaseEnded)
	if len(ends) != 2 || ends[0].Actor != "rule slow" || ends[1].Actor != "anna" {
		t.Errorf("the trail says of the ends %+v", ends)
	}
	g.sound(t)
}

func TestCasesAreListed(t *testing.T) {
	_, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)+uuid.NewString()
	l := leased(t, snaps, "a", 5*time.Minute)
	at := time.Now().UTC().Truncate(time.Millisecond)
	for i := range 5 {
		c := &engine.Case{ID: fmt.Sprintf("case_%s_%d", source, i), Source: source, State: engine.CaseOpen, Rule: "slow", OpenedAt: at.Add(time.Duration(i/2) * time.Second), Severity: engine.SeverityHigh,
			Points: []engine.CasePoint{{At: at}}}
		if err := snaps.OpenCase(ctx, l, c); err != nil {
			t.Fatal(err)
		}
		if i < 4 {
			if err := snaps.CloseCase(ctx, c.ID, "anna", "closed by anna", at); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := engine.CaseFilter{Source: source, Limit: 2}
	seen := ""
	for {
		page, cursor, err := snaps.Cases(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			seen += c.ID[len(c.ID)-1:]
			if c.Points != nil {
				t.Error("a row of the list has points")
			}
		}
		if f.Cursor = cursor; cursor == "" {
			break
		}
	}
	if seen != "43210" {
		t.Errorf("the pages show %s, want 43210", seen)
	}
	for _, c := range []struct {
		f    engine.CaseFilter
		want int
	}{
		{engine.CaseFilter{Source: source, State: engine.CaseOpen}, 1}, {engine.CaseFilter{Source: source, Severity: engine.SeverityLow}, 0},
		{engine.CaseFilter{Source: source, Since: at.Add(time.Second)}, 3}, {engine.CaseFilter{Source: source, Until: at.Add(time.Second)}, 2},
	} {
		if rows, _, err := snaps.Cases(ctx, c.f); err != nil || len(rows) != c.want {
			t.Errorf("%+v gives %d, want %d; %v", c.f, len(rows), c.want, err)
		}
	}
	if _, _, err := snaps.Cases(ctx, engine.CaseFilter{Cursor: "x"}); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a strange cursor gives %v", err)
	}
}

func TestLongCasesAreThinned(t *testing.T) {
	_, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)+uuid.NewString()
	l := leased(t, snaps, "a", 5*time.Minute)
	c := &engine.Case{ID: "case_" + source, Source: source, State: engine.CaseOpen, Rule: "slow", OpenedAt: time.Now().UTC()}
	for i := range 5000 {
		v := float64(i)
		if i == 1001 {
			v = 1e6
		}
		c.Points = append(c.Points, engine.CasePoint{At: c.OpenedAt.Add(time.Duration(i) * time.Second), Value: &v})
	}
	if err := snaps.OpenCase(ctx, l, c); err != nil {
		t.Fatal(err)
	}
	got := must[*engine.Case](t)(snaps.Case(ctx, c.ID)).Points
	worst := false
	for _, p := range got {
		worst = worst || *p.Value == 1e6
	}
	if len(got) > engine.MaxCasePoints || len(got) < 1000 || *got[0].Value != 0 || *got[len(got)-1].Value != 4999 || !worst {
		t.Errorf("%d points are left, the peak among them: %t", len(got), worst)
	}
	if err := snaps.CloseCase(ctx, c.ID, "a", "b", c.OpenedAt); err != nil {
		t.Error(err)
	}
}

func TestDeploymentsGoRound(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	m := engine.NewDeployments(g.engine, g.snaps)
	name := "checkout " + uuid.NewString()
	d, pre, err := m.Start(ctx, name, "v2", g.source, "anna")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Start(ctx, name, "v2", g.source, "anna"); engine.KindOf(err) != engine.KindConflict || engine.HintOf(err) == "" {
		t.Errorf("the same deployment is started twice: %v", err)
	}
	done, post, err := m.Finish(ctx, name, "otto")
	if err != nil || done.ID != d.ID || post.ID == pre.ID {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, _, err := m.Finish(ctx, name, "otto"); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("a finished deployment is finished: %v", err)
	}
	list, err := m.List(ctx, engine.DeploymentFilter{Name: name})
	if err != nil || len(list) != 1 || list[0].PreID != pre.ID || list[0].PostID != post.ID || list[0].FinishedAt.IsZero() || list[0].Actor != "anna" {
		t.Errorf("got %+v, %v", list, err)
	}
	if _, _, err := m.Start(ctx, name, "v3", g.source, "anna"); err != nil {
		t.Errorf("the next version: %v", err)
	}
	if _, _, err := m.Finish(ctx, name, "anna"); err != nil {
		t.Error(err)
	}
	linked := rows(t, g.snaps.server, `MATCH (d:Deployment {name: $name})-[r:HAS]->(:Snapshot) RETURN r.role`, map[string]any{"name": name})
	if len(linked) != 4 {
		t.Errorf("%d snapshots are linked, want 4", len(linked))
	}
	g.sound(t)
}

// TestDeploymentIsTakenUp cuts a start off between its record and its snapshot, and between its snapshot and the link. The
// same call again goes on, and takes one snapshot.
func TestDeploymentIsTakenUp(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	m := engine.NewDeployments(g.engine, g.snaps)
	d := &engine.Deployment{ID: uuid.NewString(), Name: uuid.NewString(), Version: "v2", Source: g.source, StartedAt: time.Now().UTC()}
	if err := g.snaps.BeginDeployment(ctx, d); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Start(ctx, d.Name, "v3", g.source, ""); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("another version: %v", err)
	}
	got, pre, err := m.Start(ctx, d.Name, "v2", g.source, "")
	if err != nil || got.ID != d.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	rows(t, g.snaps.server, `MATCH (d:Deployment {deployment_id: $id})-[r:HAS]->() DELETE r REMOVE d.pre_id`, map[string]any{"id": d.ID})
	if got, again, err := m.Start(ctx, d.Name, "v2", g.source, ""); err != nil || again.ID != pre.ID || got.PreID != pre.ID || len(g.list(t)) != 1 {
		t.Errorf("%+v, %v; there are %d snapshots", got, err, len(g.list(t)))
	}
}
