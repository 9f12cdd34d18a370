package api

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// deploymentList keeps deployments in memory.
type deploymentList struct {
	mu   sync.Mutex
	list []engine.Deployment
}

func (l *deploymentList) BeginDeployment(_ context.Context, d *engine.Deployment) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, *d)
	return nil
}

func (l *deploymentList) OpenDeployment(_ context.Context, name string) (*engine.Deployment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.list {
		if d.Name == name && d.FinishedAt.IsZero() {
			return &d, nil
		}
	}
	return nil, engine.Errorf(engine.KindNotFound, "deployment", "no deployment of %q is open", name)
}

func (l *deploymentList) UpdateDeployment(_ context.Context, d *engine.Deployment, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		if l.list[i].ID == d.ID {
			l.list[i] = *d
		}
	}
	return nil
}

func (l *deploymentList) Deployments(context.Context, engine.DeploymentFilter) ([]engine.Deployment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]engine.Deployment{}, l.list...), nil
}

func TestCasesOverTheAPI(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	if _, err := f.client.Cases(ctx, CaseQuery{}); engine.KindOf(err) != engine.KindNotFound || engine.HintOf(err) == "" {
		t.Errorf("without cases: %v", err)
	}
	r := engine.NewResponder(engine.ResponderOptions{Engine: f.api.o.Engine, Cases: &enginetest.CaseStore{Snapshots: f.store}})
	f.api.o.Cases = r
	conn := dial(t, f, "")
	next(t, conn) // hello
	v := 1200.0
	now := time.Now()
	snapshot, err := r.Respond(ctx, engine.Lease{Name: "rules"}, engine.Firing{
		ID: "f1", Rule: "slow", Kind: "threshold", Source: "shop", At: now, Onset: now.Add(-time.Minute), Trigger: engine.TriggerThreshold, Reason: "1.2 s > 1 s",
		Value: &v, Severity: engine.SeverityHigh, Metric: "avg_latency", Case: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := f.client.Cases(ctx, CaseQuery{State: "open", Severity: "high", Limit: 1})
	if err != nil || len(page.Cases) != 1 || page.Cases[0].Snapshots[0].SnapshotID != snapshot || page.Cases[0].Unit != "ms" || !strings.Contains(page.Cases[0].Note, "only 0 of at least 3") {
		t.Fatalf("got %+v, %v", page, err)
	}
	id := page.Cases[0].CaseID
	c, err := f.client.Case(ctx, id)
	if err != nil || *c.PeakValue != v || c.EndedAt != nil || c.OnsetAt == nil {
		t.Errorf("got %+v, %v", c, err)
	}
	f.client.Actor = "anna"
	closed, err := f.client.CloseCase(ctx, id)
	if err != nil || closed.State != "ended" || closed.EndReason != "closed by anna" || len(closed.Snapshots) != 2 {
		t.Errorf("got %+v, %v", closed, err)
	}
	if _, err := f.client.CloseCase(ctx, id); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := f.client.Case(ctx, "case_x"); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("there is none: %v", err)
	}
	told := map[string]bool{}
	for !told["graphsnap.case.ended"] {
		ev := next(t, conn)
		told[ev.Type] = true
		if strings.HasPrefix(ev.Type, "graphsnap.case.") && ev.Data.(map[string]any)["case_id"] != id {
			t.Errorf("got %+v", ev)
		}
	}
	if !told["graphsnap.case.opened"] || !told["graphsnap.firing.done"] {
		t.Errorf("the WebSocket says %v", told)
	}
}

func TestDeploymentsOverTheAPI(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	f.api.o.Deployments = engine.NewDeployments(f.api.o.Engine, &deploymentList{})
	f.client.Actor = "anna"
	d, err := f.client.StartDeployment(ctx, DeploymentStart{Name: "check out", Version: "v2"})
	if err != nil || !strings.HasSuffix(d.PreDeploy, "_check_out_v2_pre_deploy") || d.Actor != "anna" || d.FinishedAt != nil || d.Source != "shop" {
		t.Fatalf("got %+v, %v", d, err)
	}
	if _, err := f.client.StartDeployment(ctx, DeploymentStart{Name: "check out", Version: "v2"}); engine.KindOf(err) != engine.KindConflict || !strings.Contains(engine.HintOf(err), "deploy finish") {
		t.Errorf("started twice: %v", err)
	}
	done, err := f.client.FinishDeployment(ctx, "check out")
	if err != nil || !strings.HasSuffix(done.PostDeploy, "_check_out_v2_post_deploy") || done.FinishedAt == nil || done.DeploymentID != d.DeploymentID {
		t.Errorf("got %+v, %v", done, err)
	}
	if _, err := f.client.FinishDeployment(ctx, "check out"); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("finished twice: %v", err)
	}
	for _, name := range []string{"", "a/b", strings.Repeat("x", 101)} {
		if _, err := f.client.StartDeployment(ctx, DeploymentStart{Name: name}); engine.KindOf(err) != engine.KindInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	list, err := f.client.Deployments(ctx, "shop", "check out", 10)
	if err != nil || len(list.Deployments) != 1 || list.Deployments[0].PostDeploy != done.PostDeploy {
		t.Errorf("got %+v, %v", list, err)
	}
	s, err := f.client.Get(ctx, d.PreDeploy, "")
	if err != nil || s.Description != "before deploying check out v2" || strings.Join(s.Tags, " ") != "deployment pre_deploy" {
		t.Errorf("got %q, %v, %v", s.Description, s.Tags, err)
	}
}
