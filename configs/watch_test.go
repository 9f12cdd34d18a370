package configs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
)

// watched is a watcher on a file of its own, with the pairs that its subscriber was given.
type watched struct {
	*Watcher
	t       *testing.T
	file    string
	environ []string

	mu   sync.Mutex
	news []Config
	fail error
}

func watch(t *testing.T, text string, change func(*WatchOptions)) *watched {
	t.Helper()
	w := &watched{t: t, file: filepath.Join(t.TempDir(), "graphsnap.yaml")}
	w.write(text)
	o := WatchOptions{
		File: w.file, Environ: func() []string { return w.environ }, Poll: 5 * time.Millisecond, Clock: engine.SystemClock{},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&o)
	}
	var err error
	if w.Watcher, err = Watch(o); err != nil {
		t.Fatal(err)
	}
	w.Subscribe(func(_ context.Context, _, new Config) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.news = append(w.news, new)
		return w.fail
	})
	return w
}

func (w *watched) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) told() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.news)
}

// until waits for a condition.
func (w *watched) until(what string, met func() bool) {
	w.t.Helper()
	for range 1000 {
		if met() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatalf("%s did not happen; the state is %+v", what, w.State())
}

func TestReload(t *testing.T) {
	w := watch(t, "sources:\n  - {name: shop, dsn: postgres://u:hush@h/d}\n", nil)
	w.write(`server: {port: 9000}
log: {level: debug}
sources:
  - {name: shop, dsn: postgres://u:hush@h/e}
  - {name: bank, dsn: postgres://h/b}
rules:
  - threshold: {metric: avg_latency, condition: "> 1s"}
calendars:
  night: {from: "22:00", to: "06:00"}
retention: {manual_snapshots: 90d}
`)
	changes, err := w.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"server.port changed from 8080 to 9000: needs a restart", "source shop: dsn changed", "source bank added", "log.level changed from info to debug",
		"rule avg_latency_gt_1s added", "calendar night added", "retention.manual_snapshots changed from nothing to 90d",
	}
	if !slices.Equal(changes, want) {
		t.Errorf("changes are %q", changes)
	}
	if c := w.Config(); c.Server.Port != 8080 || len(c.Sources) != 2 || w.told() != 1 {
		t.Errorf("in force is %+v, subscribers were told %d times", c, w.told())
	}
	if strings.Contains(strings.Join(changes, " "), "hush") {
		t.Errorf("a secret is in %q", changes)
	}
	// The same file again: only the reminder, and nobody is told.
	if changes, err := w.Reload(t.Context()); err != nil || len(changes) != 1 || !strings.Contains(changes[0], "restart") || w.told() != 1 {
		t.Errorf("again: %q, %v, told %d times", changes, err, w.told())
	}
}

func TestReloadKeepsTheOldOne(t *testing.T) {
	w := watch(t, "log: {level: debug}\n", func(o *WatchOptions) {
		o.Validate = func(c Config) error {
			if len(c.Sources) > 0 {
				return engine.Errorf(engine.KindInvalid, "source", "its DSN cannot be read").WithHint("correct it")
			}
			return nil
		}
	})
	for _, text := range []string{"log: {level: loud}\n", "log: [\n", "sources: [{name: a, dsn: x}]\n"} {
		w.write(text)
		changes, err := w.Reload(t.Context())
		if engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" || changes != nil || w.told() != 0 || w.Config().Log.Level != "debug" {
			t.Errorf("%q: %q, %v, in force is %+v", text, changes, err, w.Config().Log)
		}
		if s := w.State(); s.Err == nil || s.FailedAt.IsZero() || s.LoadedAt.IsZero() {
			t.Errorf("the state is %+v", s)
		}
	}
	if err := os.Remove(w.file); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reload(t.Context()); engine.KindOf(err) != engine.KindNotFound || w.Config().Log.Level != "debug" {
		t.Errorf("without a file: %v", err)
	}
	w.write("log: {level: warn}\n")
	if _, err := w.Reload(t.Context()); err != nil || w.State().Err != nil || w.Config().Log.Level != "warn" {
		t.Errorf("mended: %v, %+v", err, w.State())
	}
}

func TestReloadOfEnvironmentAndFlags(t *testing.T) {
	w := watch(t, "log: {level: debug}\n", func(o *WatchOptions) {
		o.Adapt = func(c Config) (Config, error) {
			c.Sources = append(c.Sources, Source{Name: "demo", DSN: "postgres://h/demo"})
			return c, nil
		}
	})
	w.environ = []string{"GRAPHSNAP_LOG_LEVEL=warn"}
	w.write("log: {level: debug, format: text}\n")
	changes, err := w.Reload(t.Context())
	if err != nil || !slices.Equal(changes, []string{"log.level changed from debug to warn"}) || len(w.Config().Sources) != 1 {
		t.Errorf("%q, %v, %+v", changes, err, w.Config())
	}
}

func TestReloadSaysWhatAPartRefuses(t *testing.T) {
	w := watch(t, "log: {level: debug}\n", nil)
	w.fail = engine.Errorf(engine.KindUnavailable, "sources", "shop cannot be opened")
	w.write("log: {level: warn}\n")
	changes, err := w.Reload(t.Context())
	if !errors.Is(err, w.fail) || len(changes) != 1 || w.State().Err == nil || w.Config().Log.Level != "warn" {
		t.Errorf("%q, %v, %+v", changes, err, w.State())
	}
}

// TestWatchedFile: written in place, put in place of the old one, and by the symbolic links of a Kubernetes volume.
func TestWatchedFile(t *testing.T) {
	w := watch(t, "log: {level: debug}\n", nil)
	if err := w.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close(t.Context()) }()
	level := func(want string) func() bool { return func() bool { return w.Config().Log.Level == want } }
	w.write("log: {level: warn}\n")
	w.until("the change in place", level("warn"))
	beside := w.file + ".new"
	if err := os.WriteFile(beside, []byte("log: {level: error}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(beside, w.file); err != nil {
		t.Fatal(err)
	}
	w.until("the rename", level("error"))
	w.write("") // as an editor leaves it for a moment
	time.Sleep(50 * time.Millisecond)
	if w.Config().Log.Level != "error" {
		t.Errorf("an empty file was taken for a configuration: %+v", w.Config().Log)
	}
	w.write("log: {level: loud}\n")
	w.until("the error", func() bool { return w.State().Err != nil })
	if w.Config().Log.Level != "error" {
		t.Errorf("in force is %+v", w.Config().Log)
	}
	failed := w.State().FailedAt
	time.Sleep(50 * time.Millisecond)
	if w.State().FailedAt != failed {
		t.Error("the same mistake is reported again and again")
	}
	w.write("log: {level: info}\n")
	w.until("the mended file", func() bool { return level("info")() && w.State().Err == nil })
}

func TestWatchedSymbolicLink(t *testing.T) {
	dir := t.TempDir()
	for version, text := range map[string]string{"v1": "log: {level: debug}\n", "v2": "log: {level: error}\n"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "graphsnap.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, file := filepath.Join(dir, "..data"), filepath.Join(dir, "graphsnap.yaml")
	if err := errors.Join(os.Symlink("v1", data), os.Symlink("..data/graphsnap.yaml", file)); err != nil {
		t.Fatal(err)
	}
	w := watch(t, "", func(o *WatchOptions) { o.File = file })
	if err := w.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close(t.Context()) }()
	if err := errors.Join(os.Symlink("v2", data+".tmp"), os.Rename(data+".tmp", data)); err != nil {
		t.Fatal(err)
	}
	w.until("the swap", func() bool { return w.Config().Log.Level == "error" })
}
