package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"graphsnap/api"
	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
)

// typed runs a command line against a server that answers each path with a canned value.
func typed(t *testing.T, answers map[string]any, args ...string) (code int, out, errs string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			answer = &api.Problem{Status: 404, Kind: "not_found", Detail: "there is nothing", Hint: "look elsewhere"}
		}
		if p, bad := answer.(*api.Problem); bad {
			w.WriteHeader(p.Status)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	var o, e bytes.Buffer
	code = run(context.Background(), append(args, "--server", server.URL), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func ptrTo(v float64) *float64 { return &v }

func delta(from, to float64) api.Delta {
	return api.Delta{From: &from, To: &to, Absolute: ptrTo(to - from), Relative: ptrTo((to - from) / from)}
}

var comparison = api.Comparison{
	Baseline: api.Row{SnapshotID: "snap_a"}, Target: api.Row{SnapshotID: "snap_b"}, SecondsBetween: 60,
	Summary: api.ComparisonSummary{AvgLatency: delta(10, 14), TotalQPS: api.Delta{}},
	Pairs: []api.ComparisonPair{{
		Source: "users:Table", Target: "products:Table", TimeMSPerS: delta(9, 240), AvgLatencyMS: delta(45, 1200), QueriesPerSec: delta(10, 10), Share: 0.9,
	}},
	TotalPairs: 1,
}

func TestComparePrints(t *testing.T) {
	answers := map[string]any{"GET /api/performance/snapshots/compare": comparison}
	code, out, _ := typed(t, answers, "compare", "a...b")
	for _, want := range []string{"users->products", "45 -> 1200 ms (+1155, x26.7)", "9 -> 240 ms/s (+231, x26.7)", "10 -> 14.0 ms (+4, +40%)", "no data -> no data", "90%", "1m0s later"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if code, _, errs := typed(t, answers, "compare", "a", "b", "--fail-on-regression", "25"); code != exitRegression || !strings.Contains(errs, "40 %") {
		t.Errorf("a regression of 40 %% with 25 tolerated: exit code %d, %s", code, errs)
	}
	if code, _, _ := typed(t, answers, "compare", "a", "b", "--fail-on-regression", "50"); code != exitOK {
		t.Errorf("a regression of 40 %% with 50 tolerated: exit code %d", code)
	}
	code, out, _ = typed(t, answers, "compare", "a", "b", "--json")
	if !json.Valid([]byte(out)) || code != exitOK {
		t.Errorf("--json prints %s", out)
	}
}

func TestExitCodes(t *testing.T) {
	problem := func(status int, kind string) map[string]any {
		return map[string]any{"GET /api/performance/snapshots": &api.Problem{Status: status, Kind: kind, Detail: "trouble", Hint: "do this"}}
	}
	for name, test := range map[string]struct {
		answers map[string]any
		args    []string
		code    int
		says    string
	}{
		"unknown verb":      {nil, []string{"captrue"}, exitUsage, `unknown command "captrue"`},
		"unknown flag":      {nil, []string{"list", "--colour"}, exitUsage, "unknown flag"},
		"too few arguments": {nil, []string{"compare"}, exitUsage, "arg"},
		"not found":         {nil, []string{"show", "snap_x"}, exitNotFound, "hint: look elsewhere"},
		"denied":            {problem(403, "denied"), []string{"list"}, exitDenied, "trouble"},
		"conflict":          {problem(409, "conflict"), []string{"list"}, exitConflict, "trouble"},
		"unavailable":       {problem(503, "unavailable"), []string{"list"}, exitFailed, "hint: do this"},
		"bad load":          {nil, []string{"demo", "load"}, exitUsage, "rate"},
		"no confirmation":   {map[string]any{"GET /api/performance/snapshots/x": api.Document{}}, []string{"delete", "x"}, exitUsage, "--yes"},
		"nothing to watch":  {nil, []string{"up", "--no-demo"}, exitUsage, "--source"},
		"no DSN":            {nil, []string{"up", "--no-demo", "--source", "nonsense"}, exitUsage, "NAME=DSN"},
	} {
		code, _, errs := typed(t, test.answers, test.args...)
		if code != test.code || !strings.Contains(errs, test.says) {
			t.Errorf("%s: exit code %d, want %d; %s", name, code, test.code, errs)
		}
	}
	code, _, errs := typed(t, nil, "show", "x", "--json")
	var e map[string]string
	if err := json.Unmarshal([]byte(errs), &e); err != nil || code != exitNotFound || e["kind"] != "not_found" || e["hint"] == "" {
		t.Errorf("an error as JSON: %d %s", code, errs)
	}
}

// TestSourceFlag: --source names a source for every verb, and only for up a database to watch.
func TestSourceFlag(t *testing.T) {
	code, _, errs := typed(t, map[string]any{"GET /api/performance/snapshots": api.Page{Snapshots: []api.Row{}}}, "list", "--source", "shop")
	if code != exitOK {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestStatusWithoutServer(t *testing.T) {
	var o, e bytes.Buffer
	code := run(context.Background(), []string{"status", "--json", "--server", "http://127.0.0.1:1"}, strings.NewReader(""), &o, &e)
	var s api.Status
	if err := json.Unmarshal(o.Bytes(), &s); err != nil || code != exitFailed || s.API.Health.Health == "ok" || s.API.Hint == "" || s.Sources == nil {
		t.Errorf("exit code %d, %v\n%s", code, err, o.String())
	}
}

func TestExportNeverLosesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := map[string]any{"GET /api/performance/snapshots/latest/export": map[string]string{"snapshot_id": "s"}}
	if code, _, errs := typed(t, answers, "export", "--out", file); code != exitConflict || !strings.Contains(errs, "--force") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, _ := typed(t, nil, "export", "--out", file, "--force"); code != exitNotFound {
		t.Errorf("a failed export exits with %d", code)
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "precious" {
		t.Errorf("the file holds %q, %v", raw, err)
	}
	if code, _, _ := typed(t, answers, "export", "--out", file, "--force"); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("left are %v", left)
	}
}

func TestConfigVerbs(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for file, text := range map[string]string{good: "sources:\n  - {name: a, dsn: postgres://u:hush@h/d}\n", bad: "server:\n  prt: 1\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, _ := typed(t, nil, "config", "check", good); code != exitOK || !strings.Contains(out, "1 source, 0 rules") || strings.Contains(out, "hush") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if code, _, errs := typed(t, nil, "config", "check", bad); code != exitUsage || !strings.Contains(errs, "bad.yaml:2:3") || !strings.Contains(errs, `did you mean "port"?`) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, out, _ := typed(t, nil, "config", "show", good); code != exitOK || strings.Contains(out, "hush") {
		t.Errorf("exit code %d, %s", code, out)
	}
}

func TestRetentionVerbs(t *testing.T) {
	plan := api.RetentionPlan{
		Keep: 5, Remove: 1, Notes: []string{"max_snapshots 2 cannot be reached"},
		Decisions: []api.RetentionDecision{{SnapshotID: "snap_a", Source: "shop", Class: "manual", Remove: true, Reasons: []string{"older than 90 d of manual", "not among daily 7"}}},
	}
	over := api.RetentionRun{RunID: "r", Planned: 1, Removed: 1, Actor: "ann"}
	failed := over
	failed.Failure = "the lease was lost"
	running := api.RetentionRun{RunID: "r", Planned: 1}
	answers := func(last api.RetentionRun) map[string]any {
		return map[string]any{
			"POST /api/performance/retention/plan": plan, "POST /api/performance/retention/run": running,
			"GET /api/performance/retention": api.RetentionStatus{Enabled: true, Policy: engine.RetentionPolicy{KeepDaily: 7}, Last: &last},
		}
	}
	for name, test := range map[string]struct {
		last api.RetentionRun
		args []string
		code int
		out  string
		errs string
	}{
		"dry run":           {over, []string{"retain", "--dry-run"}, exitOK, "older than 90 d of manual; not among daily 7", "1 would go, 5 would stay"},
		"a note":            {over, []string{"retain", "--dry-run"}, exitOK, "remove", "note: max_snapshots 2 cannot be reached"},
		"a policy to try":   {over, []string{"retain", "--dry-run", "--class", "manual=90d", "--keep-daily", "7"}, exitOK, "snap_a", ""},
		"a bad class":       {over, []string{"retain", "--dry-run", "--class", "manual"}, exitUsage, "", "--class manual=90d"},
		"a bad span":        {over, []string{"retain", "--dry-run", "--class", "manual=soon"}, exitUsage, "", "permanent"},
		"policy and run":    {over, []string{"retain", "--yes", "--keep-last", "3"}, exitUsage, "", "--dry-run"},
		"nobody confirms":   {over, []string{"retain"}, exitUsage, "", "--yes"},
		"one source only":   {over, []string{"retain", "--yes", "--source", "shop"}, exitUsage, "", "all sources"},
		"a run":             {over, []string{"retain", "--yes"}, exitOK, "1 of 1 removed", ""},
		"a run cut off":     {failed, []string{"retain", "--yes"}, exitFailed, "the lease was lost", ""},
		"status":            {over, []string{"retain", "--status"}, exitOK, `{"keep_daily":7}`, ""},
		"as JSON":           {over, []string{"retain", "--dry-run", "--json"}, exitOK, `"reasons"`, ""},
		"a run forgotten":   {api.RetentionRun{RunID: "another"}, []string{"retain", "--yes"}, exitFailed, "", "does not know of the run"},
		"begin, no waiting": {over, []string{"retain", "--yes", "--no-wait"}, exitOK, "0 of 1 removed", ""},
	} {
		code, out, errs := typed(t, answers(test.last), test.args...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.errs) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", name, code, test.code, out, errs)
		}
	}
}

func TestPinAndTemplateVerbs(t *testing.T) {
	row := api.Row{SnapshotID: "snap_a", Pin: &api.Pin{Actor: "ann", Note: "look"}}
	conflict := &api.Problem{Status: 409, Kind: "conflict", Detail: "snap_a is pinned by ann", Hint: "unpin first"}
	answers := map[string]any{
		"PUT /api/performance/snapshots/latest/pin": row, "DELETE /api/performance/snapshots/latest/pin": api.Row{SnapshotID: "snap_a"},
		"GET /api/performance/snapshots": api.Page{Snapshots: []api.Row{row}}, "GET /api/performance/snapshots/latest": api.Document{Row: row}, "GET /api/performance/snapshots/snap_a": api.Document{Row: row},
		"DELETE /api/performance/snapshots/snap_a": conflict,
		"GET /api/performance/templates":           api.Templates{Templates: []engine.Template{{Name: "checkout", Keys: []string{"order*"}, Retention: "weekly"}}},
		"POST /api/performance/templates/checkout/preview": api.TemplatePreview{
			Source: "shop", Nodes: api.ScopedCount{Live: 14, Captured: 3}, Labels: map[string]api.ScopedCount{"Table": {Live: 12, Captured: 3}}, Warnings: []string{"no key fits cart*"},
		},
	}
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"pin":          {[]string{"pin", "latest", "look"}, exitOK, "pinned snap_a"},
		"unpin":        {[]string{"unpin", "latest"}, exitOK, "unpinned snap_a"},
		"list":         {[]string{"list"}, exitOK, "ann"},
		"show":         {[]string{"show"}, exitOK, "by ann: look"},
		"delete":       {[]string{"delete", "latest", "--yes"}, exitConflict, "hint: unpin first"},
		"templates":    {[]string{"templates"}, exitOK, "order*"},
		"preview":      {[]string{"templates", "preview", "checkout"}, exitOK, "no key fits cart*"},
		"preview JSON": {[]string{"templates", "preview", "checkout", "--json"}, exitOK, `"captured": 3`},
		"unknown":      {[]string{"templates", "preview", "none"}, exitNotFound, "there is nothing"},
	} {
		code, out, errs := typed(t, answers, test.args...)
		if code != test.code || !strings.Contains(out+errs, test.says) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", name, code, test.code, out, errs)
		}
	}
}

func TestReloadPrints(t *testing.T) {
	answers := map[string]any{"POST /-/reload": api.Reloaded{Changes: []string{"rule slow added", "server.port changed from 8080 to 9000: needs a restart"}}}
	if code, out, _ := typed(t, answers, "reload"); code != exitOK || out != "rule slow added\nserver.port changed from 8080 to 9000: needs a restart\n" {
		t.Errorf("exit code %d, %q", code, out)
	}
	answers["POST /-/reload"] = api.Reloaded{Changes: []string{}}
	if code, out, _ := typed(t, answers, "reload"); code != exitOK || out != "nothing changed\n" {
		t.Errorf("exit code %d, %q", code, out)
	}
	answers["POST /-/reload"] = &api.Problem{Status: 400, Kind: "invalid", Detail: "x.yaml:2:3: unknown key", Hint: "did you mean \"port\"?"}
	if code, _, errs := typed(t, answers, "reload"); code != exitUsage || !strings.Contains(errs, "x.yaml:2:3") || !strings.Contains(errs, "did you mean") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

// TestConfigCheckSaysWhatIsUnderstood: the example, in words.
func TestConfigCheckSaysWhatIsUnderstood(t *testing.T) {
	file := filepath.Join(t.TempDir(), "example.yaml")
	if err := os.WriteFile(file, []byte(configs.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := typed(t, nil, "config", "check", file)
	for _, want := range []string{"1 source, 7 rules", "every 5 min in business_hours", "bottleneck of severity critical or high", "03:30:00 UTC", "zone Europe/Prague", "incident 1y", "at most 10000"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	code, out, _ = typed(t, nil, "config", "check", file, "--json")
	var u understood
	if err := json.Unmarshal([]byte(out), &u); err != nil || code != exitOK || !u.OK || len(u.Rules) != 7 || len(u.Rules[0].NextRuns) != nextRuns {
		t.Errorf("exit code %d, %v, %s", code, err, out)
	}
	if err := os.WriteFile(file, []byte("sources:\n  - {name: a, dsn: \"postgres://u:hush@h:port/d\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := typed(t, nil, "config", "check", file); code != exitUsage || !strings.Contains(errs, "source a") || strings.Contains(errs, "hush") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestEveryVerbExplainsItself(t *testing.T) {
	a := &app{out: &bytes.Buffer{}, errs: &bytes.Buffer{}}
	for _, cmd := range a.root().Commands() {
		if cmd.Short == "" || (cmd.Example == "" && cmd.Name() != "openapi") {
			t.Errorf("%s has no description or no example", cmd.Name())
		}
	}
}

// TestDefaultThresholdsAgree holds what the configuration says against what the collector does by itself.
func TestDefaultThresholdsAgree(t *testing.T) {
	if got, want := thresholds(configs.Default().Collect.Thresholds), collect.DefaultThresholds(); got != want {
		t.Errorf("the configuration's defaults are %+v, the collector's %+v", got, want)
	}
}
