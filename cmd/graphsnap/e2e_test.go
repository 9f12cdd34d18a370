package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"graphsnap/api"
)

// The ports of the end-to-end test: none of the defaults, so that a running `graphsnap up` does not disturb it.
const (
	e2ePort     = "18080"
	e2ePortBase = "18081"
	e2eURL      = "http://127.0.0.1:" + e2ePort
)

// upProcess is a running `graphsnap up`.
type upProcess struct {
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/graphsnap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the end-to-end test drives the real binary: run `make build` first (%v)", err)
	}
	return path
}

func startUp(t *testing.T, dataDir string, more ...string) *upProcess {
	t.Helper()
	u := &upProcess{log: &lockedBuffer{}, done: make(chan error, 1)}
	u.cmd = exec.Command(binary(t), append([]string{"up", "--data-dir", dataDir, "--port", e2ePort, "--port-base", e2ePortBase}, more...)...)
	u.cmd.Stderr = u.log
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { u.done <- u.cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("graphsnap up said:\n%s", u.log)
		}
		_ = u.cmd.Process.Kill()
	})
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for range 1500 {
		select {
		case err := <-u.done:
			t.Fatalf("graphsnap up ended: %v\n%s", err, u.log)
		case <-ticker.C:
			if strings.Contains(u.log.String(), "\nready: ") {
				return u
			}
		}
	}
	t.Fatalf("graphsnap up is not ready:\n%s", u.log)
	return nil
}

func (u *upProcess) interrupt(t *testing.T) {
	t.Helper()
	if err := u.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-u.done:
		if err != nil {
			t.Errorf("graphsnap up ended with %v\n%s", err, u.log)
		}
	case <-time.After(90 * time.Second):
		t.Fatal("graphsnap up does not end after an interrupt")
	}
}

// children lists processes whose command line names the data folder.
func children(t *testing.T, dataDir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(raw), dataDir) {
			found = append(found, strings.ReplaceAll(string(raw), "\x00", " "))
		}
	}
	return found
}

// cli runs a verb of the real binary against the server under test.
func cli(t *testing.T, wantCode int, args ...string) (out, errs string) {
	t.Helper()
	cmd := exec.Command(binary(t), append(args, "--server", e2eURL)...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		t.Fatalf("graphsnap %s exits with %d, want %d\n%s%s", strings.Join(args, " "), code, wantCode, o.String(), e.String())
	}
	return o.String(), e.String()
}

func request(t *testing.T, method, path, body string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, e2eURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, raw
}

// TestEndToEnd is the way of a newcomer: start everything, capture, break the demo, compare, look at it in a browser, stop,
// start again.
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	// A folder that only its owner can enter, as mktemp makes them: PostgreSQL runs as another user all the same.
	dataDir, err := os.MkdirTemp("", "graphsnap-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dataDir) })
	up := startUp(t, dataDir, "--no-rules") // what it counts is what it captures
	samples := newSampler(t)

	t.Run("the first snapshot has the graph of a real database", func(t *testing.T) { firstSnapshot(t) })
	t.Run("a second start on the same data folder or port is refused", func(t *testing.T) { secondStart(t, dataDir) })
	t.Run("bad requests change nothing", func(t *testing.T) { badRequests(t) })
	t.Run("status names every part", func(t *testing.T) { statusParts(t, dataDir) })
	t.Run("collected rates are what the workload counted", func(t *testing.T) { samples.check(t) })
	t.Run("a dropped index ranks first", func(t *testing.T) { droppedIndex(t) })
	t.Run("evidence can be checked, taken away and brought back", func(t *testing.T) { evidenceTravels(t) })
	t.Run("the viewer shows it in a real browser", func(t *testing.T) { viewer(t, "e2e/viewer.test.mjs", "e2e/timeline.test.mjs") })

	list, _ := cli(t, exitOK, "list", "--json")
	up.interrupt(t)
	if left := children(t, dataDir); len(left) > 0 {
		t.Errorf("these processes survived: %s", strings.Join(left, "\n"))
	}
	again := startUp(t, dataDir, "--no-rules")
	if now, _ := cli(t, exitOK, "list", "--json"); now != list {
		t.Errorf("after a restart the list is\n%s\nit was\n%s", now, list)
	}
	faults, _ := cli(t, exitOK, "demo", "fault", "list")
	if !regexp.MustCompile(`drop-index +active`).MatchString(faults) {
		t.Errorf("the dropped index is forgotten after a restart:\n%s", faults)
	}
	// Killed without a chance to clean up: nothing may be left either, or at the latest the next start must cope.
	if err := again.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-again.done; err == nil {
		t.Error("a killed process ended without an error")
	}
	// This time the rules watch the demo, which still lacks the index, so that they add incidents to what was there.
	third := startUp(t, dataDir)
	t.Run("nothing is lost by a kill", func(t *testing.T) { holdsAll(t, list) })
	cli(t, exitOK, "demo", "fault", "lock-blocker") // whose case opens however fast the machine is
	t.Run("the viewer shows what the rules do in a real browser", func(t *testing.T) { viewer(t, "e2e/rules.test.mjs") })
	third.interrupt(t)
}

func firstSnapshot(t *testing.T) {
	var d api.Document
	// Rates need two ticks, so the first seconds have none.
	for range 60 {
		status, header, raw := request(t, http.MethodPost, "/api/performance/snapshots", `{"trigger_type":"manual","description":"first"}`)
		if status != http.StatusCreated {
			if status == http.StatusNotFound {
				time.Sleep(time.Second)
				continue
			}
			t.Fatalf("capture answers %d: %s", status, raw)
		}
		location := header.Get("Location")
		if status, _, raw = request(t, http.MethodGet, location, ""); status != http.StatusOK {
			t.Fatalf("%s answers %d: %s", location, status, raw)
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		if d.Summary.TotalQPS != nil {
			break
		}
		time.Sleep(time.Second)
	}
	if !regexp.MustCompile(`^snap_\d{8}_\d{6}_[a-z0-9_]+$`).MatchString(d.SnapshotID) {
		t.Errorf("the id is %q", d.SnapshotID)
	}
	tables, references, metrics, types := 0, 0, 0, map[string]bool{}
	for _, n := range d.GraphState.Nodes {
		if n.Type == "Table" {
			tables++
		}
	}
	for _, r := range d.GraphState.Relationships {
		if r.Type == "REFERENCES" {
			references++
		} else if v, ok := r.Properties["value"].(float64); ok && v > 0 {
			metrics++
			types[r.Type] = true
		}
	}
	if tables < 12 || references < 10 || metrics < 20 || len(types) < 4 {
		t.Errorf("%d tables, %d references, %d metrics of types %v", tables, references, metrics, types)
	}
}

func secondStart(t *testing.T, dataDir string) {
	for name, args := range map[string][]string{
		"same port":        {"up", "--data-dir", dataDir + "-other", "--port", e2ePort, "--port-base", "18181"},
		"same data folder": {"up", "--data-dir", dataDir, "--port", "18180", "--port-base", "18181"},
		"same bolt port":   {"up", "--data-dir", dataDir + "-other", "--port", "18180", "--port-base", e2ePortBase},
	} {
		cmd := exec.Command(binary(t), args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitConflict || !strings.Contains(string(out), "hint: ") {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
	}
	_ = os.RemoveAll(dataDir + "-other")
}

func badRequests(t *testing.T) {
	before, _ := cli(t, exitOK, "list", "--json")
	for name, test := range map[string]struct {
		method, path, body string
		status             int
	}{
		"half a body":      {http.MethodPost, "/api/performance/snapshots", `{"trigger_type":`, http.StatusBadRequest},
		"unknown trigger":  {http.MethodPost, "/api/performance/snapshots", `{"trigger_type":"x"}`, http.StatusUnprocessableEntity},
		"unknown field":    {http.MethodPost, "/api/performance/snapshots", `{"colour":"red"}`, http.StatusUnprocessableEntity},
		"unknown source":   {http.MethodPost, "/api/performance/snapshots", `{"source":"none"}`, http.StatusNotFound},
		"unknown template": {http.MethodPost, "/api/performance/snapshots", `{"template":"none"}`, http.StatusNotFound},
		"huge body":        {http.MethodPost, "/api/performance/snapshots", `{"description":"` + strings.Repeat("x", 2<<20) + `"}`, http.StatusRequestEntityTooLarge},
		"unknown id":       {http.MethodGet, "/api/performance/snapshots/snap_20000101_000000_none", "", http.StatusNotFound},
		"no id":            {http.MethodDelete, "/api/performance/snapshots/garbage", "", http.StatusNotFound},
		"too far back":     {http.MethodGet, "/api/performance/snapshots/latest~9999", "", http.StatusNotFound},
		"bad moment":       {http.MethodGet, "/api/performance/snapshots?since=yesterday", "", http.StatusBadRequest},
		"bad cursor":       {http.MethodGet, "/api/performance/snapshots?cursor=x", "", http.StatusBadRequest},
		"huge limit":       {http.MethodGet, "/api/performance/snapshots?limit=100000", "", http.StatusUnprocessableEntity},
		"no side":          {http.MethodGet, "/api/performance/snapshots/compare?baseline=latest", "", http.StatusUnprocessableEntity},
		"empty import":     {http.MethodPost, "/api/performance/snapshots/import", "", http.StatusBadRequest},
		"no import":        {http.MethodPost, "/api/performance/snapshots/import", "dear importer", http.StatusBadRequest},
		"unknown format":   {http.MethodGet, "/api/performance/snapshots/latest/export?format=xml", "", http.StatusUnprocessableEntity},
		"unknown aspect":   {http.MethodGet, "/api/performance/snapshots/compare?baseline=latest&target=LIVE&aspect=x", "", http.StatusUnprocessableEntity},
		"bad subset":       {http.MethodGet, "/api/performance/verify?subset=3/2", "", http.StatusBadRequest},
		"unknown fault":    {http.MethodPost, "/api/performance/demo/faults/none", "", http.StatusNotFound},
		"negative load":    {http.MethodPut, "/api/performance/demo/load", `{"rate":-1}`, http.StatusUnprocessableEntity},
		"unknown route":    {http.MethodGet, "/api/performance/none", "", http.StatusNotFound},
	} {
		status, header, raw := request(t, test.method, test.path, test.body)
		var p api.Problem
		err := json.Unmarshal(raw, &p)
		if status != test.status || header.Get("Content-Type") != "application/problem+json" || err != nil || p.Detail == "" || p.Kind == "" || p.Status != status {
			t.Errorf("%s: status %d, want %d; %s: %.300s", name, status, test.status, header.Get("Content-Type"), raw)
		}
	}
	if after, _ := cli(t, exitOK, "list", "--json"); after != before {
		t.Errorf("bad requests changed the list to\n%s", after)
	}
	if _, errs := cli(t, exitNotFound, "show", "snap_20000101_000000_none"); !strings.Contains(errs, "hint: ") {
		t.Errorf("no hint: %s", errs)
	}
	if _, errs := cli(t, exitUsage, "delete", "latest"); !strings.Contains(errs, "--yes") {
		t.Errorf("a deletion without a person to ask says %s", errs)
	}
}

func statusParts(t *testing.T, dataDir string) {
	raw, _ := cli(t, exitOK, "status", "--json")
	var s api.Status
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		t.Fatal(err)
	}
	if !healthy(s) || len(s.Sources) != 1 || s.Sources[0].Name != "shop" || s.Sources[0].Type != "postgresql" || s.Version == "" {
		t.Errorf("status is %s", raw)
	}
	info, err := os.Stat(s.Live.PasswordFile)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(s.Live.PasswordFile, dataDir) {
		t.Errorf("the password file is %s: %v, %v", s.Live.PasswordFile, info, err)
	}
	password, err := os.ReadFile(s.Live.PasswordFile)
	if err != nil || strings.Contains(raw, strings.TrimSpace(string(password))) {
		t.Errorf("the status shows the password, or its file cannot be read: %v", err)
	}
	doctor, _ := cli(t, exitOK, "doctor")
	if strings.Contains(doctor, "FAIL") {
		t.Errorf("doctor says\n%s", doctor)
	}
}

func droppedIndex(t *testing.T) {
	cli(t, exitOK, "capture", "with the index")
	cli(t, exitOK, "demo", "fault", "drop-index")
	cli(t, exitConflict, "demo", "fault", "drop-index")
	time.Sleep(60 * time.Second) // the window of the rates: what is waited for is the passing of time itself
	cli(t, exitOK, "capture", "without the index")
	raw, _ := cli(t, exitOK, "compare", "latest~1", "latest", "--json", "--limit", "500")
	var d api.Comparison
	if err := json.Unmarshal([]byte(raw), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Pairs) == 0 || d.Pairs[0].Source != "users:Table" || d.Pairs[0].Target != "products:Table" {
		t.Fatalf("the first pair is %+v, want users->products", d.Pairs[:min(2, len(d.Pairs))])
	}
	p := d.Pairs[0]
	if p.TimeMSPerS.From == nil || p.TimeMSPerS.To == nil || *p.TimeMSPerS.To < 3**p.TimeMSPerS.From || p.AvgLatencyMS.From == nil || p.AvgLatencyMS.To == nil {
		t.Errorf("its time and latency are %+v and %+v", p.TimeMSPerS, p.AvgLatencyMS)
	}
	index := false
	for _, c := range d.Changes {
		index = index || strings.Contains(c.ID, "REFERENCES:users_category_id_fkey")
	}
	if !index {
		t.Error("the comparison does not say that the foreign key lost its index")
	}
	text, _ := cli(t, exitOK, "compare", "latest~1", "latest")
	if !regexp.MustCompile(`(?m)^  1 +users->products +\S+ -> \S+ ms/s`).MatchString(text) {
		t.Errorf("compare prints\n%s", text)
	}
	cli(t, exitRegression, "compare", "latest~1", "latest", "--fail-on-regression", "25")
}

// evidenceTravels exports a snapshot, deletes it, brings it back from each form, and verifies what is there.
func evidenceTravels(t *testing.T) {
	row := func() (d api.Document) {
		raw, _ := cli(t, exitOK, "show", "latest", "--json")
		if err := json.Unmarshal([]byte(raw), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	was := row()
	if was.Consistency.Mode == "" || was.Consistency.Mode == "fuzzy" || was.Consistency.Evidence == "" {
		t.Errorf("the evidence is %+v", was.Consistency)
	}
	dir := t.TempDir()
	for _, name := range []string{"s.json", "s.json.gz", "s.json.zst", "s.csv.tar"} {
		file := filepath.Join(dir, name)
		cli(t, exitOK, "export", was.SnapshotID, "--out", file)
		cli(t, exitOK, "import", file) // it is there already
		cli(t, exitOK, "delete", was.SnapshotID, "--yes")
		cli(t, exitOK, "import", file)
		if is := row(); is.SnapshotID != was.SnapshotID || is.RootHash != was.RootHash || !is.Imported {
			t.Errorf("%s brought back %s with root hash %s, it was %s with %s", name, is.SnapshotID, is.RootHash, was.SnapshotID, was.RootHash)
		}
	}
	archive := filepath.Join(dir, "all.tar.zst")
	cli(t, exitOK, "export", "--range", "..", "--out", archive)
	cli(t, exitOK, "import", archive)
	if out, _ := cli(t, exitOK, "verify", "--all"); !strings.Contains(out, "clean: ") {
		t.Errorf("verify says\n%s", out)
	}
	if out, _ := cli(t, exitOK, "audit", "list", "--action", "snapshot.deleted"); strings.Count(out, was.SnapshotID) != 4 {
		t.Errorf("the audit trail says\n%s", out)
	}
	cli(t, exitOK, "audit", "check")
	if out, _ := cli(t, exitOK, "history", "users:Table-[AVG_LATENCY_MS]->products:Table"); strings.Count(out, "█") < 40 {
		t.Errorf("history prints\n%s", out)
	}
}

// viewer runs the browser's part, which is written for Node.
// holdsAll compares the rows of an earlier list with those of the same snapshots now.
func holdsAll(t *testing.T, list string) {
	rows := func(raw string) (page struct{ Snapshots []json.RawMessage }) {
		if err := json.Unmarshal([]byte(raw), &page); err != nil {
			t.Fatal(err)
		}
		return page
	}
	raw, _ := cli(t, exitOK, "list", "--json")
	was, now := rows(list).Snapshots, rows(raw).Snapshots
	if len(was) == 0 || len(now) < len(was) {
		t.Fatalf("of %d snapshots %d are left", len(was), len(now))
	}
	for i, row := range now[len(now)-len(was):] { // newest first: what the rules add comes before
		if !bytes.Equal(row, was[i]) {
			t.Errorf("after a kill a row is\n%s\nit was\n%s", row, was[i])
		}
	}
}

// viewer runs files of browser tests against the server.
func viewer(t *testing.T, files ...string) {
	cmd := exec.Command("npm", append([]string{"run", "-s", "e2e", "--"}, files...)...)
	cmd.Dir = "../../frontend"
	cmd.Env = append(os.Environ(), "GRAPHSNAP_URL="+e2eURL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// sampler notes once a second what the workload says that it sent.
type sampler struct {
	mu      sync.Mutex
	samples []sample
	stop    context.CancelFunc
}

type sample struct {
	at   time.Time
	sent map[string]int64
}

func newSampler(t *testing.T) *sampler {
	ctx, stop := context.WithCancel(context.Background())
	s := &sampler{stop: stop}
	client := api.NewClient(e2eURL)
	go func() {
		ticker := time.NewTicker(500 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if d, err := client.Demo(ctx); err == nil {
				one := sample{time.Now(), map[string]int64{}}
				for _, c := range d.Classes {
					one.sent[c.Name] = c.Sent
				}
				s.mu.Lock()
				s.samples = append(s.samples, one)
				s.mu.Unlock()
			}
		}
	}()
	t.Cleanup(stop)
	return s
}

// sentAt gives what a class had sent at a moment, between two samples by a straight line.
func (s *sampler) sentAt(class string, at time.Time) (float64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.samples); i++ {
		a, b := s.samples[i-1], s.samples[i]
		if !a.at.After(at) && !b.at.Before(at) {
			part := at.Sub(a.at).Seconds() / b.at.Sub(a.at).Seconds()
			return float64(a.sent[class]) + part*float64(b.sent[class]-a.sent[class]), true
		}
	}
	return 0, false
}

// classPairs says which classes of the workload make up which pair; the pair's rate is the sum of theirs.
var classPairs = map[string][]string{
	"users:Table-[QUERIES_PER_SEC]->products:Table":       {"recommendations"},
	"order_items:Table-[QUERIES_PER_SEC]->orders:Table":   {"order_details"},
	"order_items:Table-[QUERIES_PER_SEC]->products:Table": {"order_details"},
	"inventory:Table-[QUERIES_PER_SEC]->products:Table":   {"stock_check"},
	"payments:Table-[QUERIES_PER_SEC]->orders:Table":      {"payment_status", "revenue_report"},
	"reviews:Table-[QUERIES_PER_SEC]->users:Table":        {"product_reviews"},
	"cart_items:Table-[QUERIES_PER_SEC]->carts:Table":     {"cart_contents"},
	"cart_items:Table-[QUERIES_PER_SEC]->products:Table":  {"cart_contents"},
	"shipments:Table-[QUERIES_PER_SEC]->orders:Table":     {"shipment_tracking"},
	"shipments:Table-[QUERIES_PER_SEC]->warehouses:Table": {"shipment_tracking"},
	"products:Table-[QUERIES_PER_SEC]->categories:Table":  {"catalog_page"},
	"products:Table-[QUERIES_PER_SEC]->suppliers:Table":   {"catalog_page"},
}

func (s *sampler) check(t *testing.T) {
	// A window that began before the sampler did cannot be checked, so the workload is watched for longer than a window.
	time.Sleep(70 * time.Second)
	_, _, raw := request(t, http.MethodGet, "/api/performance/live", "")
	time.Sleep(2 * time.Second) // for the sample after the tick
	s.stop()
	var live api.LiveDocument
	if err := json.Unmarshal(raw, &live); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, r := range live.GraphState.Relationships {
		classes, known := classPairs[r.ID]
		if !known {
			continue
		}
		window, _ := r.Properties["window_s"].(float64)
		collected, _ := r.Properties["value"].(float64)
		sent := 0.0
		for _, class := range classes {
			end, okEnd := s.sentAt(class, live.CollectedAt)
			begin, okBegin := s.sentAt(class, live.CollectedAt.Add(-time.Duration(window*float64(time.Second))))
			if !okEnd || !okBegin {
				t.Fatalf("no samples around the window of %.1f s that ended at %s", window, live.CollectedAt)
			}
			sent += end - begin
		}
		rate := sent / window
		t.Logf("%-55s sent %.3f/s, collected %.3f/s", r.ID, rate, collected)
		if math.Abs(collected-rate) > 0.10*rate {
			t.Errorf("%s: the workload sent %.3f/s, collected were %.3f/s", r.ID, rate, collected)
		}
		checked++
	}
	if checked != len(classPairs) {
		t.Errorf("%d of %d pairs are in the live graph", checked, len(classPairs))
	}
	total := 0.0
	for _, c := range s.samples[len(s.samples)-1].sent {
		total += float64(c)
	}
	if total == 0 {
		t.Error("the workload sent nothing")
	}
}
