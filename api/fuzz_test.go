package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// FuzzListConditions asks the list for anything: the answer is a page or a problem that blames the question, pages follow
// each other without a gap, and every row meets the conditions.
func FuzzListConditions(f *testing.F) {
	s := serve(f)
	for _, description := range []string{"first", "Second one", "third, with `ticks`"} {
		if _, err := s.client.Capture(context.Background(), CaptureRequest{Description: description, Tags: []string{"a", description}, Severity: "high"}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add("50", "", "", "", "", "", "", "", "")
	f.Add("1", "manual", "high", "2020-01-01", "2999-12-31T23:59:59Z", "sec", "a", "shop", "1")
	f.Add("0", "incident", "low", "yesterday", "-1", "%", "a' OR 1=1", "shop\x00", "eyJ9")
	f.Add("1000", "manual", "", "0000-01-01", "9999-12-31", "`", "first", "", "999999999999999999999")
	f.Fuzz(func(t *testing.T, limit, trigger, severity, since, until, text, tag, source, cursor string) {
		q := url.Values{"limit": {limit}, "trigger": {trigger}, "severity": {severity}, "since": {since}, "until": {until}, "q": {text}, "tag": {tag}, "source": {source}, "cursor": {cursor}}
		seen := map[string]bool{}
		for pages := 0; ; pages++ {
			r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/api/performance/snapshots?"+q.Encode(), nil)
			w := httptest.NewRecorder()
			s.api.handler.ServeHTTP(w, r)
			if w.Code >= 400 && w.Code < 500 {
				return
			}
			var page Page
			if err := json.Unmarshal(w.Body.Bytes(), &page); w.Code != http.StatusOK || err != nil {
				t.Fatalf("%d %s, %v", w.Code, w.Body, err)
			}
			from, to, err := parseTimes(since, until)
			if err != nil {
				t.Fatalf("since=%q until=%q were taken", since, until)
			}
			for _, row := range page.Snapshots {
				if seen[row.SnapshotID] {
					t.Fatalf("%s is on two pages", row.SnapshotID)
				}
				seen[row.SnapshotID] = true
				if source != "" && row.Source != source || trigger != "" && row.TriggerType != trigger || severity != "" && row.Severity != severity ||
					!from.IsZero() && row.Timestamp.Before(from) || !to.IsZero() && !row.Timestamp.Before(to) {
					t.Fatalf("%s does not meet %s", row.SnapshotID, q.Encode())
				}
			}
			if page.NextCursor == "" {
				return
			}
			if pages > 3 {
				t.Fatalf("the pages do not end: %s", q.Encode())
			}
			q.Set("cursor", page.NextCursor)
		}
	})
}
