package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"graphsnap/engine"
)

func TestPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	busy := l.Addr().(*net.TCPAddr).Port
	err = CheckPort(busy, "the live Neo4j (bolt)", "--port-base")
	if engine.KindOf(err) != engine.KindConflict || !strings.Contains(err.Error(), strconv.Itoa(busy)) || !strings.Contains(engine.HintOf(err), "--port-base") {
		t.Errorf("a busy port: %v (%s)", err, engine.HintOf(err))
	}
	if err := CheckPort(70000, "x", "--port"); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("port 70000: %v", err)
	}
	if p := PortsFrom(17000); p != (Ports{17000, 17001, 17002, 17003, 17004}) {
		t.Errorf("from 17000 on: %+v", p)
	}
}

func TestOneProcessADataFolder(t *testing.T) {
	dir := t.TempDir()
	first, err := lockDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDataDir(dir); engine.KindOf(err) != engine.KindConflict || engine.HintOf(err) == "" {
		t.Errorf("a second lock: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDataDir(dir)
	if err != nil {
		t.Errorf("after the first has gone: %v", err)
	}
	_ = again.Close()
}

func TestSecretIsKeptAndClosed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	a, _, err := secret(file)
	if err != nil || len(a) < 20 {
		t.Fatalf("%q, %v", a, err)
	}
	b, _, err := secret(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || a != b || info.Mode().Perm() != 0o600 {
		t.Errorf("then %q, mode %v, %v", b, info.Mode(), err)
	}
	if strings.Contains(demoDSN(15432, file), a) {
		t.Error("the DSN shows the password")
	}
}

// TestLeftoversAreEnded plays a killed parent: a process of its own is in the record, and so is one whose pid now belongs
// to somebody else.
func TestLeftoversAreEnded(t *testing.T) {
	dir := t.TempDir()
	left, other := exec.Command("sleep", "60"), exec.Command("sleep", "60")
	for _, cmd := range []*exec.Cmd{left, other} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	r := openRecord(dir)
	r.put("left", left.Process.Pid, "")
	r.Runs["other"] = run{PID: other.Process.Pid, Started: "1"}
	r.put("left", left.Process.Pid, "")

	if n := openRecord(dir).endLeftovers(dir); n != 1 {
		t.Errorf("%d processes were ended, want 1", n)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the leftover ended by itself")
		}
	case <-time.After(10 * time.Second):
		t.Error("the leftover lives")
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("somebody else's process was ended: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run.json"), []byte(`{"children":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := openRecord(dir).endLeftovers(dir); n != 0 {
		t.Errorf("a half-written record ended %d processes", n)
	}
}

func TestChildIsRestartedAndThenGivenUp(t *testing.T) {
	lost := make(chan error, 1)
	starts := 0
	c := &child{
		name: "short-lived", command: func() *exec.Cmd { starts++; return exec.Command("false") }, ask: terminate,
		started: func(int) {}, onLost: func(err error) { lost <- err },
	}
	if err := c.launch(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-lost:
		if starts != restarts+1 || engine.KindOf(err) != engine.KindUnavailable {
			t.Errorf("given up after %d starts: %v", starts, err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("never given up")
	}
}

func TestChildStops(t *testing.T) {
	c := &child{name: "stubborn", command: func() *exec.Cmd { return exec.Command("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done") }, ask: terminate, started: func(int) {}, onLost: func(error) {}}
	if err := c.launch(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := c.stop(ctx); err != nil {
		t.Errorf("a child that ignores the request is not ended: %v", err)
	}
}

func TestShop(t *testing.T) {
	tables := regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllStringSubmatch(shopSQL, -1)
	if len(tables) < 12 || strings.Count(shopSQL, "FOREIGN KEY") < 10 {
		t.Errorf("%d tables, %d foreign keys", len(tables), strings.Count(shopSQL, "FOREIGN KEY"))
	}
	known := map[string]bool{}
	for _, m := range tables {
		known[m[1]] = true
	}
	names := map[string]bool{}
	for _, c := range classes {
		if names[c.name] || c.weight <= 0 {
			t.Errorf("class %s stands twice or weighs nothing", c.name)
		}
		names[c.name] = true
		for _, table := range c.tables {
			if !known[table] || !strings.Contains(c.sql, table) {
				t.Errorf("class %s does not touch %s", c.name, table)
			}
		}
	}
	for name := range surged {
		if !names[name] {
			t.Errorf("a surge multiplies %s, which does not exist", name)
		}
	}
}

func TestWave(t *testing.T) {
	low, high := 2.0, 0.0
	for s := range 600 {
		w := wave(time.Duration(s)*time.Second, DefaultDay)
		low, high = min(low, w), max(high, w)
	}
	if low < 0.69 || low > 0.71 || high < 1.29 || high > 1.31 {
		t.Errorf("the wave goes from %v to %v", low, high)
	}
	if w := wave(6*time.Hour, 24*time.Hour); math.Abs(w-1.3) > 1e-9 {
		t.Errorf("a quarter into a day of 24 hours the wave is %v", w)
	}
}

func TestDayIsChecked(t *testing.T) {
	for _, open := range []func(o Options) error{
		func(o Options) error { _, err := Open(t.Context(), o); return err },
		func(o Options) error { _, err := OpenDemo(t.Context(), "", o); return err },
	} {
		o := Options{DataDir: t.TempDir(), Day: 59 * time.Second, OpenDB: func(string) (*sql.DB, error) { return nil, errors.New("it was opened") }}
		if err := open(o); engine.KindOf(err) != engine.KindInvalid || !strings.Contains(engine.HintOf(err), "24h") {
			t.Errorf("%v, hint %q", err, engine.HintOf(err))
		}
	}
}

func TestFaultTable(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faultTable() {
		if f.cause == "" || f.start == nil && f.session == nil && f.toggle == nil || (f.start != nil) != (f.clear != nil) || (f.start != nil) != (f.present != "") {
			t.Errorf("fault %+v lacks a cause, a start or a clear", f.name)
		}
		names[f.name] = true
	}
	for _, want := range []string{
		"drop-index", "fk-without-index", "stale-statistics", "plan-flip", "table-bloat", "lock-blocker", "deadlocks", "n-plus-one", "traffic-surge",
		"cache-squeeze", "setting-change", "temp-spill", "connection-storm",
	} {
		if !names[want] {
			t.Errorf("there is no fault %s", want)
		}
	}
}

func TestVersionStandsInThePom(t *testing.T) {
	if !strings.Contains(string(pom), "<artifactId>neo4j-server</artifactId><version>"+neo4jVersion+"</version>") {
		t.Errorf("pom.xml fetches another version than %s", neo4jVersion)
	}
}

func TestWhoCanEnter(t *testing.T) {
	open, err := os.MkdirTemp("", "graphsnap-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(open) })
	if err := os.Chmod(open, 0o711); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(open, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if !traversable(filepath.Join(open, "new")) || traversable(filepath.Join(closed, "new")) {
		t.Error("a folder below a closed one counts as open, or the other way round")
	}
}

func TestChildVerbIsNotForPeople(t *testing.T) {
	if err := RunChild(strings.NewReader("{"), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "for graphsnap itself") {
		t.Errorf("got %v", err)
	}
	raw, err := json.Marshal(childConfig{Password: "x"})
	if err != nil || !strings.Contains(string(raw), "Password") {
		t.Errorf("the child would not get its password: %s, %v", raw, err)
	}
}
