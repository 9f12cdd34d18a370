package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"graphsnap/engine"
)

func TestCaptureSaysHowSureItIs(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	f.live.mode = engine.ConsistencyFuzzy
	a := f.frozen(t, slowJoin, "a")
	if a.Unchanged || a.Consistency.Mode != "fuzzy" || a.Consistency.Attempts != 2 || a.Consistency.Evidence == "" {
		t.Errorf("got %+v", a)
	}
	for name, hash := range map[string]string{"root": a.RootHash, "state": a.StateHash, "header": a.HeaderHash, "manifest": a.ManifestHash, "chain": a.ChainHash} {
		if len(hash) != 64 {
			t.Errorf("the %s hash is %q", name, hash)
		}
	}
	again, err := f.client.Capture(ctx, CaptureRequest{SkipUnchanged: true})
	if err != nil || !again.Unchanged || again.SnapshotID != a.SnapshotID {
		t.Errorf("nothing new: %+v, %v", again, err)
	}
	resp, err := http.Post(f.URL+base+"/snapshots", "application/json", strings.NewReader(`{"skip_unchanged":true}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("nothing new is answered by %s", resp.Status)
	}
	if b := f.frozen(t, slowJoin, "b"); b.Unchanged || b.SameAs != a.SnapshotID {
		t.Errorf("the same state frozen again: %+v", b)
	}
	f.live.text = otherJoin
	if c, err := f.client.Capture(ctx, CaptureRequest{SkipUnchanged: true}); err != nil || c.Unchanged || c.SameAs != "" {
		t.Errorf("something new: %+v, %v", c, err)
	}
}

func TestAuditTrailNamesWhoDidIt(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	a := f.frozen(t, slowJoin, "a")
	f.client.Actor = "ada"
	f.frozen(t, otherJoin, "b")
	f.client.Actor = strings.Repeat("x", maxActor+1)
	if err := f.client.Delete(ctx, a.SnapshotID, ""); err != nil {
		t.Fatal(err)
	}
	var who []string
	for q := (AuditQuery{Limit: 2}); ; {
		page, err := f.client.Audit(ctx, q)
		if err != nil || len(page.Events) > 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, ev := range page.Events {
			who = append(who, ev.Action+" "+ev.Actor)
			signed := engine.AuditEvent(ev)
			if signed.Sign() != ev.Hash {
				t.Errorf("event %d cannot be checked by who reads it", ev.No)
			}
		}
		if page.NextFrom == nil {
			break
		}
		q.From = *page.NextFrom
	}
	if got, want := strings.Join(who, "; "), "snapshot.published api; snapshot.published ada; snapshot.deleted api"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if page, err := f.client.Audit(ctx, AuditQuery{SnapshotID: a.SnapshotID, Action: "snapshot.deleted"}); err != nil || len(page.Events) != 1 {
		t.Errorf("filtered: %+v, %v", page, err)
	}
	if r, err := f.client.AuditCheck(ctx); err != nil || len(r.Findings) != 0 || r.AuditEvents != 3 {
		t.Errorf("check: %+v, %v", r, err)
	}
}

func TestVerifyNamesWhatWasChanged(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	a := f.frozen(t, slowJoin, "a")
	f.frozen(t, otherJoin, "b")
	if r, err := f.client.Verify(ctx, VerifyQuery{}); err != nil || r.Snapshots != 2 || r.Findings == nil || len(r.Findings) != 0 {
		t.Fatalf("clean: %+v, %v", r, err)
	}
	f.store.Tamper(a.SnapshotID, func(_ *engine.Snapshot, g *engine.Graph) { g.Relationships[0].Properties["value"] = 45.0 })
	conn := dial(t, f, "")
	next(t, conn)
	r, err := f.client.Verify(ctx, VerifyQuery{IDs: []string{"latest~1", "latest"}, VerifyID: "mine"})
	if err != nil || len(r.Findings) != 1 || r.Findings[0].Kind != engine.FindingRelationship || !strings.Contains(r.Findings[0].Key, "AVG_LATENCY_MS") || r.Findings[0].SnapshotID != a.SnapshotID {
		t.Errorf("got %+v, %v", r, err)
	}
	if ev := next(t, conn); ev.Type != EventVerifyProgress || ev.Data.(map[string]any)["verify_id"] != "mine" || ev.Data.(map[string]any)["total"] != 2.0 {
		t.Errorf("got %+v", ev)
	}
	if r, err := f.client.Verify(ctx, VerifyQuery{IDs: []string{"latest"}}); err != nil || r.Snapshots != 1 || len(r.Findings) != 0 {
		t.Errorf("the other one: %+v, %v", r, err)
	}
	found := 0
	for _, subset := range []string{"1/3", "2/3", "3/3"} {
		r, err := f.client.Verify(ctx, VerifyQuery{Subset: subset})
		if err != nil {
			t.Fatal(err)
		}
		found += len(r.Findings)
	}
	if found != 1 {
		t.Errorf("the three thirds find it %d times", found)
	}
	for _, subset := range []string{"4/3", "0/3", "1/0", "1/999999999999999999999999"} {
		if _, err := f.client.Verify(ctx, VerifyQuery{Subset: subset}); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%s: %v", subset, err)
		}
	}
	if _, err := f.client.Verify(ctx, VerifyQuery{IDs: []string{"snap_20000101_000000_none"}}); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestCompareFiltersAndPages(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	f.frozen(t, "users -[AVG_LATENCY_MS 45]-> products\nusers -[TIME_MS_PER_S 10]-> products\nusers -[QUERIES_PER_SEC 100]-> products", "a")
	f.frozen(t, "users -[AVG_LATENCY_MS 1200 critical]-> products\nusers -[TIME_MS_PER_S 100]-> products\nusers -[QUERIES_PER_SEC 101]-> products\nusers -[REFERENCES]-> carts", "b")
	sides := CompareQuery{Baseline: "latest~1", Target: "latest"}
	compare := func(change func(*CompareQuery)) Comparison {
		t.Helper()
		q := sides
		change(&q)
		d, err := f.client.Compare(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	all := compare(func(*CompareQuery) {})
	if all.TotalChanges != 5 || len(all.Changes) != 5 || all.Counts.Structural != 2 || all.NextOffset != nil {
		t.Fatalf("all: %+v", all)
	}
	var paged []string
	for offset := 0; ; {
		d := compare(func(q *CompareQuery) { q.Limit, q.Offset = 2, offset })
		for _, c := range d.Changes {
			paged = append(paged, c.ID)
		}
		if d.NextOffset == nil {
			break
		}
		offset = *d.NextOffset
	}
	for i, c := range all.Changes {
		if len(paged) != 5 || paged[i] != c.ID {
			t.Fatalf("pages give %v", paged)
		}
	}
	for name, test := range map[string]struct {
		change func(*CompareQuery)
		want   int
	}{
		"structure":  {func(q *CompareQuery) { q.Aspect = "structure" }, 2},
		"metric":     {func(q *CompareQuery) { q.Aspect = "metric" }, 3},
		"nodes":      {func(q *CompareQuery) { q.Kind = "node" }, 1},
		"two types":  {func(q *CompareQuery) { q.Types = []string{"AVG_LATENCY_MS", "REFERENCES"} }, 2},
		"added":      {func(q *CompareQuery) { q.Status = "added" }, 2},
		"part":       {func(q *CompareQuery) { q.Query = "CARTS" }, 2},
		"min change": {func(q *CompareQuery) { q.MinChange = 0.1; q.Aspect = "metric" }, 2},
	} {
		d := compare(test.change)
		if d.TotalChanges != test.want || len(d.Changes) != test.want || d.Counts.Relationships != all.Counts.Relationships {
			t.Errorf("%s: %d changes, want %d", name, d.TotalChanges, test.want)
		}
	}
	if d := compare(func(q *CompareQuery) { q.SummaryOnly = true }); len(d.Changes) != 0 || d.Counts != all.Counts || len(d.Pairs) != len(all.Pairs) {
		t.Errorf("summary only: %+v", d)
	}
	brief := ComparisonBrief{all.Baseline.SnapshotID, all.Target.SnapshotID, 2, 0, 3, all.Counts.Worse, all.Counts.Better}
	for _, target := range []string{"latest", "LIVE"} {
		brief.Target = map[string]string{"latest": all.Target.SnapshotID, "LIVE": "LIVE"}[target]
		if got, err := f.client.CompareBrief(ctx, "latest~1", target, ""); err != nil || got != brief {
			t.Errorf("brief with %s: %+v, %v; want %+v", target, got, err, brief)
		}
	}
	resp, err := http.Get(f.URL + base + "/snapshots/compare?baseline=latest&target=latest&status=odd")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown status is answered by %s", resp.Status)
	}
}

func TestHistoryOfOneElement(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	for _, graph := range []string{slowJoin, otherJoin, strings.Replace(slowJoin, "1200", "45", 1)} {
		f.frozen(t, graph, "")
	}
	h, err := f.client.History(ctx, HistoryQuery{Key: "users:Table-[AVG_LATENCY_MS]->products:Table", Properties: true})
	if err != nil || len(h.Points) != 3 || h.Unit != "ms" || h.Property != "value" {
		t.Fatalf("got %+v, %v", h, err)
	}
	a, b, c := h.Points[0], h.Points[1], h.Points[2]
	if a.Value == nil || *a.Value != 1200 || a.Severity != "critical" || a.Properties["value"] != 1200.0 || b.Present || b.Value != nil || c.Value == nil || *c.Value != 45 {
		t.Errorf("got %+v", h.Points)
	}
	if h, err = f.client.History(ctx, HistoryQuery{Key: "users:Table", Property: "name", Limit: 1}); err != nil || len(h.Points) != 1 || !h.Points[0].Present || h.Points[0].Value != nil || h.Points[0].Properties != nil {
		t.Errorf("a text of a node: %+v, %v", h, err)
	}
	if _, err := f.client.History(ctx, HistoryQuery{Key: "users:Table", Source: "none"}); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an unknown source: %v", err)
	}
}

func TestFailedCapturesAreListed(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	if list, err := f.client.Captures(ctx); err != nil || list.Captures == nil || len(list.Captures) != 0 {
		t.Errorf("at the start: %+v, %v", list, err)
	}
	f.live.torn = engine.Errorf(engine.KindUnavailable, "live", "the database is away")
	if _, err := f.client.Capture(ctx, CaptureRequest{CaptureID: "mine"}); err == nil {
		t.Fatal("a capture without a database succeeded")
	}
	list, err := f.client.Captures(ctx)
	if err != nil || len(list.Captures) != 1 || list.Captures[0].State != engine.StateFailed || list.Captures[0].CaptureID != "mine" || list.Captures[0].ExpiresAt != nil {
		t.Errorf("got %+v, %v", list, err)
	}
}
