package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"graphsnap/engine"
)

// retain gives the fixture a retainer.
func (f *fixture) retain(t *testing.T, policy engine.RetentionPolicy) {
	t.Helper()
	r, err := engine.NewRetainer(engine.RetainerOptions{Engine: f.api.o.Engine, Policy: policy, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	f.api.o.Retainer = r
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestPinning(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	a := f.frozen(t, slowJoin, "a")
	f.client.Actor = "ann"
	etag := func() string {
		resp, err := http.Get(f.URL + base + "/snapshots/" + a.SnapshotID)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.Header.Get("ETag")
	}
	before := etag()
	row, err := f.client.Pin(ctx, "latest", "", "the only copy")
	if err != nil || row.Pin == nil || row.Pin.Actor != "ann" || row.Pin.Note != "the only copy" || row.HeaderHash != a.HeaderHash {
		t.Fatalf("%+v, %v", row, err)
	}
	if etag() == before {
		t.Error("a client that has the document would not see the pin")
	}
	page, err := f.client.List(ctx, ListOptions{})
	if err != nil || page.Snapshots[0].Pin == nil {
		t.Errorf("the list: %+v, %v", page, err)
	}
	if err := f.client.Delete(ctx, a.SnapshotID, ""); engine.KindOf(err) != engine.KindConflict || !strings.Contains(engine.HintOf(err), "--force") {
		t.Errorf("deleting what is pinned: %v (%s)", err, engine.HintOf(err))
	}
	if row, err := f.client.Unpin(ctx, a.SnapshotID, ""); err != nil || row.Pin != nil || etag() != before {
		t.Errorf("unpinned: %+v, %v", row, err)
	}
	if _, err := f.client.Pin(ctx, a.SnapshotID, "", ""); err != nil {
		t.Fatal(err)
	}
	if err := f.client.DeleteForced(ctx, a.SnapshotID, ""); err != nil {
		t.Error(err)
	}
	if events, err := f.client.Audit(ctx, AuditQuery{Action: "snapshot.unpinned"}); err != nil || len(events.Events) != 1 || events.Events[0].Actor != "ann" {
		t.Errorf("the trail: %+v, %v", events, err)
	}
}

func TestRetentionPlansAndRuns(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	for _, name := range []string{"a", "b", "c", "d"} {
		f.frozen(t, slowJoin, name)
	}
	two := engine.RetentionPolicy{KeepLast: 2}
	if s, err := f.client.Retention(ctx); err != nil || s.Enabled {
		t.Errorf("without a retainer: %+v, %v", s, err)
	}
	if _, err := f.client.RetentionRun(ctx); engine.KindOf(err) != engine.KindConflict || engine.HintOf(err) == "" {
		t.Errorf("a run without a retainer: %v", err)
	}
	plan, err := f.client.RetentionPlan(ctx, RetentionPlanRequest{})
	if err != nil || plan.Keep != 4 || plan.Remove != 0 || len(plan.Decisions) != 4 {
		t.Errorf("the empty policy: %+v, %v", plan, err)
	}
	var removed []string
	for r := (RetentionPlanRequest{Policy: &two, Only: "remove", Limit: 1}); ; {
		page, err := f.client.RetentionPlan(ctx, r)
		if err != nil || page.Remove != 2 || len(page.Decisions) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		d := page.Decisions[0]
		removed = append(removed, strings.Join(d.Reasons, "; "))
		if page.NextOffset == nil {
			break
		}
		r.Offset = *page.NextOffset
	}
	if want := []string{"not among last 2", "not among last 2"}; !slices.Equal(removed, want) {
		t.Errorf("removed would be %v", removed)
	}
	if _, err := f.client.RetentionPlan(ctx, RetentionPlanRequest{Policy: &engine.RetentionPolicy{Zone: "Nowhere"}}); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
		t.Errorf("a bad policy: %v", err)
	}
	if page, err := f.client.List(ctx, ListOptions{}); err != nil || len(page.Snapshots) != 4 {
		t.Fatalf("a plan removed something: %+v, %v", page, err)
	}
	f.retain(t, two)
	conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/ws/performance", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	defer func() { _ = conn.Close() }()
	f.client.Actor = "ann"
	run, err := f.client.RetentionRun(ctx)
	if err != nil || run.Planned != 2 || run.Actor != "ann" || run.FinishedAt != nil {
		t.Fatalf("%+v, %v", run, err)
	}
	for over := false; !over; {
		var ev struct {
			Type string       `json:"type"`
			Data RetentionRun `json:"data"`
		}
		var raw json.RawMessage
		if err := conn.ReadJSON(&raw); err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(raw, &ev) // data of other types is of another form
		over = ev.Type == EventRetention && ev.Data.FinishedAt != nil && ev.Data.Removed == 2
	}
	s, err := f.client.Retention(ctx)
	if err != nil || !s.Enabled || s.Policy.KeepLast != 2 || s.Current != nil || s.Last == nil || s.Last.Removed != 2 || s.Last.RunID != run.RunID {
		t.Errorf("afterwards: %+v, %v", s, err)
	}
	if page, err := f.client.List(ctx, ListOptions{}); err != nil || len(page.Snapshots) != 2 {
		t.Errorf("left are %+v, %v", page, err)
	}
}

func TestTemplatesAreListedTriedAndUsed(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	if err := f.api.o.Engine.SetTemplates([]engine.Template{{Name: "users", Keys: []string{"users", "cart*"}, Retention: "weekly"}}); err != nil {
		t.Fatal(err)
	}
	if list, err := f.client.Templates(ctx); err != nil || len(list.Templates) != 1 || list.Templates[0].Keys[1] != "cart*" {
		t.Errorf("%+v, %v", list, err)
	}
	p, err := f.client.TemplatePreview(ctx, "users", "")
	if err != nil || p.Nodes != (ScopedCount{2, 1}) || p.Relationships != (ScopedCount{2, 0}) || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "cart*") {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := f.client.TemplatePreview(ctx, "none", ""); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an unknown one: %v", err)
	}
	row, err := f.client.Capture(ctx, CaptureRequest{Template: "users"})
	if err != nil || row.NodeCount != 1 || row.Template != "users" || row.Retention != "weekly" {
		t.Errorf("%+v, %v", row, err)
	}
}
