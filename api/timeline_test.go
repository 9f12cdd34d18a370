package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTimelineIsLightAndRefusesWhatItCannotGive(t *testing.T) {
	f := serve(t)
	get := func(query string) (status int, raw []byte) {
		resp, err := http.Get(f.URL + base + "/timeline" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if raw, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, raw
	}
	first := f.frozen(t, slowJoin, "first")
	second := f.frozen(t, "users -[AVG_LATENCY_MS 1]-> products", "second")
	var all, newest Timeline
	status, raw := get("?source=shop")
	if err := json.Unmarshal(raw, &all); err != nil || status != http.StatusOK || len(all.Snapshots) != 2 {
		t.Fatalf("%d, %v: %s", status, err, raw)
	}
	if a := all.Snapshots[0]; a.SnapshotID != first.SnapshotID || a.Severity != "critical" || a.BottlenecksCount != 1 || a.TotalQPS != nil {
		t.Errorf("the oldest is %+v", a)
	}
	if _, raw = get("?limit=1"); json.Unmarshal(raw, &newest) != nil || len(newest.Snapshots) != 1 || newest.Snapshots[0].SnapshotID != second.SnapshotID {
		t.Errorf("the newest one is %s", raw)
	}
	if status, raw = get("?until=2000-01-01"); status != http.StatusOK || !strings.Contains(string(raw), `"snapshots":[]`) {
		t.Errorf("a span with nothing in it gives %d: %s", status, raw)
	}
	for query, want := range map[string]int{
		"?limit=0": 422, "?limit=10001": 422, "?limit=x": 422, "?since=yesterday": 400, "?source=none": 404,
		"?source=" + strings.Repeat("x", 5000): 422, "?source=%00": 404, "?until=%27%20OR%201%3D1": 400,
	} {
		status, raw := get(query)
		var p Problem
		if err := json.Unmarshal(raw, &p); err != nil || status != want || p.Detail == "" || p.Hint == "" || len(raw) > 2000 {
			t.Errorf("%.40s: %d instead of %d, %v: %.300s", query, status, want, err, raw)
		}
	}
}
