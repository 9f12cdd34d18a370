package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"graphsnap/api"
	"graphsnap/engine"
)

func TestVerifyListsFindings(t *testing.T) {
	path := "GET /api/performance/verify"
	clean := engine.VerifyReport{Snapshots: 3, Nodes: 10, Findings: []engine.Finding{}}
	bad := engine.VerifyReport{Snapshots: 3, Findings: []engine.Finding{{SnapshotID: "snap_a", Kind: "node", Key: "users:Table", Problem: "its content was changed"}}}
	if code, out, _ := typed(t, map[string]any{path: clean}, "verify", "--all"); code != exitOK || !strings.Contains(out, "clean: 3 snapshots") {
		t.Errorf("clean: exit code %d, %s", code, out)
	}
	code, out, errs := typed(t, map[string]any{path: bad}, "verify", "latest")
	if code != exitFailed || !strings.Contains(out, "users:Table") || !strings.Contains(out, "its content was changed") || !strings.Contains(errs, "hint: ") {
		t.Errorf("tampered: exit code %d, %s%s", code, out, errs)
	}
	code, out, _ = typed(t, map[string]any{path: bad}, "verify", "latest", "--json")
	var r engine.VerifyReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailed || len(r.Findings) != 1 {
		t.Errorf("as JSON: exit code %d, %v, %s", code, err, out)
	}
	for _, args := range [][]string{{"verify"}, {"verify", "--all", "latest"}} {
		if code, _, errs := typed(t, nil, args...); code != exitUsage || !strings.Contains(errs, "--all") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	if code, out, _ := typed(t, map[string]any{"GET /api/performance/audit/check": bad}, "audit", "check"); code != exitFailed || !strings.Contains(out, "snap_a") {
		t.Errorf("audit check: exit code %d, %s", code, out)
	}
}

// served runs a command line against a handler.
func served(t *testing.T, handle http.HandlerFunc, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	var o, e bytes.Buffer
	code = run(context.Background(), append(args, "--server", server.URL), strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func TestAuditExportFollowsThePages(t *testing.T) {
	code, out, errs := served(t, func(w http.ResponseWriter, r *http.Request) {
		page := api.AuditPage{Events: []api.AuditEvent{{No: 1}, {No: 2}}, NextFrom: new(int64)}
		*page.NextFrom = 3
		if r.URL.Query().Get("from") == "3" {
			page = api.AuditPage{Events: []api.AuditEvent{{No: 3, Actor: "ada"}}}
		}
		_ = json.NewEncoder(w).Encode(page)
	}, "", "audit", "export")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != 3 || !strings.Contains(lines[2], `"actor":"ada"`) {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

func TestImportExitCodes(t *testing.T) {
	good := api.ImportedSnapshot{SnapshotID: "snap_a", Status: "imported", NodeCount: 5}
	failed := api.ImportedSnapshot{SnapshotID: "snap_b", Status: "failed", Error: "the content was changed", Hint: "export it again"}
	for name, test := range map[string]struct {
		answer any
		code   int
		says   string
	}{
		"all":         {api.ImportReport{Total: 1, Imported: 1, Snapshots: []api.ImportedSnapshot{good}}, exitOK, "1 imported"},
		"some":        {api.ImportReport{Total: 2, Imported: 1, Failed: 1, Snapshots: []api.ImportedSnapshot{good, failed}}, exitPartial, "hint: export it again"},
		"none":        {api.ImportReport{Total: 1, Failed: 1, Snapshots: []api.ImportedSnapshot{failed}}, exitFailed, "the content was changed"},
		"broken off":  {api.ImportReport{Total: 9, Imported: 1, Snapshots: []api.ImportedSnapshot{good}, Error: "the archive ends early"}, exitPartial, "the archive ends early"},
		"a conflict":  {&api.Problem{Status: 409, Kind: "conflict", Detail: "another content", Hint: "keep it"}, exitConflict, "hint: keep it"},
		"not a thing": {&api.Problem{Status: 400, Kind: "invalid", Detail: "neither"}, exitUsage, "neither"},
	} {
		var sent []byte
		code, _, errs := served(t, func(w http.ResponseWriter, r *http.Request) {
			sent, _ = io.ReadAll(r.Body)
			if p, bad := test.answer.(*api.Problem); bad {
				w.WriteHeader(p.Status)
			}
			_ = json.NewEncoder(w).Encode(test.answer)
		}, "the content", "import", "-")
		if code != test.code || !strings.Contains(errs, test.says) || string(sent) != "the content" {
			t.Errorf("%s: exit code %d, want %d; sent %q; %s", name, code, test.code, sent, errs)
		}
	}
	if code, _, errs := typed(t, nil, "import", filepath.Join(t.TempDir(), "none")); code != exitNotFound || !strings.Contains(errs, "hint: ") {
		t.Errorf("no file: exit code %d, %s", code, errs)
	}
	if code, _, errs := typed(t, nil, "import", t.TempDir()); code != exitUsage || !strings.Contains(errs, "folder") {
		t.Errorf("a folder: exit code %d, %s", code, errs)
	}
}

// TestExportAsksForWhatTheNameSays: the ending chooses the form, a flag wins over it, and a key stands in no address.
func TestExportAsksForWhatTheNameSays(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"latest --out x.json.zst":                    "/api/performance/snapshots/latest/export?compression=zstd&format=json&form=plain",
		"latest --out x.cypher.gz --form shell":      "/api/performance/snapshots/latest/export?compression=gzip&form=shell&format=cypher",
		"latest --out x.csv.tar":                     "/api/performance/snapshots/latest/export?form=plain&format=csv",
		"latest --out y.cypher --format json":        "/api/performance/snapshots/latest/export?form=plain&format=json",
		"latest --out z.json --metadata=false":       "/api/performance/snapshots/latest/export?form=plain&format=json&metadata=false",
		"--out k.json --pseudonymise " + key:         "/api/performance/snapshots/latest/export?form=plain&format=json",
		"--range 2026-01-01..2026-02-01 --out a.tar": "/api/performance/archive?since=2026-01-01&until=2026-02-01",
		"--range .. --source shop --out b.tar.gz":    "/api/performance/archive?compression=gzip&source=shop",
		"latest latest~1 --compression zstd --out c": "/api/performance/archive?compression=zstd&id=latest&id=latest~1",
	} {
		var asked, header string
		fields := strings.Fields(args)
		for i, f := range fields {
			if f == "--out" {
				fields[i+1] = filepath.Join(dir, fields[i+1])
			}
		}
		code, _, errs := served(t, func(w http.ResponseWriter, r *http.Request) {
			asked, header = r.URL.Path+"?"+r.URL.Query().Encode(), r.Header.Get("Graphsnap-Pseudonym-Key")
			_, _ = w.Write([]byte("content"))
		}, "", append([]string{"export"}, fields...)...)
		path, query, _ := strings.Cut(want, "?")
		sorted := strings.Split(query, "&")
		for _, part := range sorted {
			if !strings.Contains(asked, part) {
				t.Errorf("%s asks for %s, %s is missing", args, asked, part)
			}
		}
		if code != exitOK || !strings.HasPrefix(asked, path+"?") || strings.Count(asked, "&") != len(sorted)-1 || (header != "") != strings.Contains(args, "--pseudonymise") {
			t.Errorf("%s: exit code %d, asks for %s, want %s; key %q; %s", args, code, asked, want, header, errs)
		}
	}
	for _, args := range [][]string{
		{"export", "latest", "--range", ".."}, {"export", "--range", "january"}, {"export", "a", "b", "--format", "csv"}, {"export", "--pseudonymise", os.DevNull},
	} {
		if code, _, errs := typed(t, nil, args...); code != exitUsage || !strings.Contains(errs, "hint: ") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}

func TestHistoryDrawsAChart(t *testing.T) {
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	h := api.ElementHistory{Key: "a-[AVG_LATENCY_MS]->b", Property: "value", Unit: "ms", Points: []api.ElementPoint{
		{SnapshotID: "snap_1", Timestamp: at, Present: true, Value: ptrTo(1200), Severity: "critical"},
		{SnapshotID: "snap_2", Timestamp: at.Add(time.Hour)},
		{SnapshotID: "snap_3", Timestamp: at.Add(2 * time.Hour), Present: true, Value: ptrTo(300)},
		{SnapshotID: "snap_4", Timestamp: at.Add(3 * time.Hour), Present: true},
	}}
	code, out, _ := typed(t, map[string]any{"GET /api/performance/history": h}, "history", h.Key)
	lines := strings.Split(out, "\n")
	if code != exitOK || len(lines) < 6 {
		t.Fatalf("exit code %d, %s", code, out)
	}
	for i, want := range []struct {
		bar  int
		says string
	}{{40, "1200"}, {0, "absent"}, {10, "300"}, {0, "no data"}} {
		line := lines[i+2]
		if strings.Count(line, "█") != want.bar || !strings.Contains(line, want.says) {
			t.Errorf("%s\nshould say %s with a bar of %d", line, want.says, want.bar)
		}
	}
}

func TestCompareListsStructureApart(t *testing.T) {
	d := comparison
	next := 2
	d.TotalChanges, d.NextOffset, d.Counts.Structural = 9, &next, 1
	d.Changes = []api.ComparisonChange{
		{Aspect: "metric", Status: "changed", ID: "a-[AVG_LATENCY_MS]->b", Type: "AVG_LATENCY_MS", Direction: "worse"},
		{Aspect: "structure", Status: "added", ID: "carts:Table", Type: "Table"},
	}
	answers := map[string]any{"GET /api/performance/snapshots/compare": d}
	_, out, errs := typed(t, answers, "compare", "a", "b", "--status", "added")
	structure, metrics := strings.Index(out, "\nStructure\n"), strings.Index(out, "\nMetrics\n")
	if structure < 0 || metrics < structure || strings.Index(out, "carts:Table") > metrics || strings.Index(out, "AVG_LATENCY_MS") < metrics || !strings.Contains(errs, "7 more changes: --offset 2") {
		t.Errorf("compare prints\n%s%s", out, errs)
	}
	if _, out, _ := typed(t, answers, "compare", "a", "b"); strings.Contains(out, "Structure\n") || !strings.Contains(out, "1 elements differ") {
		t.Errorf("without filters compare prints\n%s", out)
	}
}

func TestCaptureAndStatusTell(t *testing.T) {
	unchanged := api.Captured{Row: api.Row{SnapshotID: "snap_a"}, Unchanged: true}
	code, out, errs := typed(t, map[string]any{"POST /api/performance/snapshots": unchanged}, "capture", "--skip-unchanged")
	if code != exitOK || strings.TrimSpace(out) != "snap_a" || !strings.Contains(errs, "nothing was frozen") {
		t.Errorf("unchanged: exit code %d, %s%s", code, out, errs)
	}
	fuzzy := api.Captured{Row: api.Row{SnapshotID: "snap_b", Consistency: api.Consistency{Mode: "fuzzy", Attempts: 3}}}
	if _, _, errs := typed(t, map[string]any{"POST /api/performance/snapshots": fuzzy}, "capture", "--allow-fuzzy"); !strings.Contains(errs, "warning: nothing proves") {
		t.Errorf("fuzzy: %s", errs)
	}
	ok := api.Health{Health: "ok"}
	answers := map[string]any{
		"GET /api/performance/status":   api.Status{API: api.APIStatus{Health: ok}, Live: api.ServerStatus{Health: ok}, Snapshots: api.ServerStatus{Health: ok}, Config: api.ConfigStatus{Health: ok}, Sources: []api.SourceStatus{}},
		"GET /api/performance/captures": api.CaptureStates{Captures: []api.CaptureState{{Source: "shop", State: "failed", CaptureID: "c1", Reason: "the live graph changed"}}},
	}
	if code, out, _ := typed(t, answers, "status"); code != exitOK || !strings.Contains(out, "the live graph changed") {
		t.Errorf("status: exit code %d, %s", code, out)
	}
	code, out, _ = typed(t, answers, "status", "--json")
	var s struct{ Captures []api.CaptureState }
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != exitOK || len(s.Captures) != 1 {
		t.Errorf("status as JSON: exit code %d, %v, %s", code, err, out)
	}
}
