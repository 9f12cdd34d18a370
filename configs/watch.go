package configs

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"graphsnap/engine"
)

// pollEvery is how often a file is looked at.
const pollEvery = 2 * time.Second

// WatchOptions are the parts of a Watcher; Environ, Clock and Logger are required.
type WatchOptions struct {
	File    string          // "": only the environment, and nothing to watch
	Environ func() []string // read again at each reload
	// Adapt adds what flags say, which stands above file and environment; nil for nothing.
	Adapt func(Config) (Config, error)
	// Validate looks at what this package cannot know, before anything changes; nil for nothing. Kinds: invalid.
	Validate func(Config) error
	Poll     time.Duration // 0 means 2 s
	Clock    engine.Clock
	Logger   *slog.Logger
}

// WatchState tells how the configuration in force came to be.
type WatchState struct {
	File     string
	LoadedAt time.Time // of what is in force
	Warnings []string
	Changes  []string  // of the last reload that changed something
	Err      error     // why the last attempt failed; nil where it did not
	FailedAt time.Time // of that attempt
}

// Watcher holds the configuration in force, and replaces it when its file changes or somebody asks.
type Watcher struct {
	o      WatchOptions
	cancel context.CancelFunc
	done   sync.WaitGroup

	reloading sync.Mutex // one reload at a time, subscribers included
	mu        sync.Mutex
	config    Config
	state     WatchState
	seen      fingerprint
	subs      []func(ctx context.Context, old, new Config) error
}

// fingerprint tells one content of a file from another. The text decides, because editors put a new file in place of the
// old, and Kubernetes turns a symbolic link of a folder above; size and time alone can stay the same.
type fingerprint struct {
	empty bool
	found bool
	hash  [sha256.Size]byte
}

// Watch loads a configuration; Open watches it. Kinds: invalid, not_found.
func Watch(o WatchOptions) (*Watcher, error) {
	if o.Poll == 0 {
		o.Poll = pollEvery
	}
	w := &Watcher{o: o, state: WatchState{File: o.File}}
	c, warnings, seen, err := w.load()
	if err != nil {
		return nil, err
	}
	w.config, w.seen = c, seen
	w.state.Warnings, w.state.LoadedAt = warnings, o.Clock.Now()
	return w, nil
}

// Config gives the configuration in force. Of what needs a restart it holds what the server started with.
func (w *Watcher) Config() Config {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.config
}

// State tells how it came to be.
func (w *Watcher) State() WatchState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Subscribe calls f at each later change, with what was in force and what is now. Subscribers run one after the other; the
// error of one is reported and does not keep the others from theirs. Call it before Open.
func (w *Watcher) Subscribe(f func(ctx context.Context, old, new Config) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subs = append(w.subs, f)
}

// Open begins to watch the file.
func (w *Watcher) Open(ctx context.Context) error {
	if w.o.File == "" {
		return nil
	}
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.done.Go(func() { w.loop(ctx) })
	return nil
}

// Close ends that, and waits for a reload under way.
func (w *Watcher) Close(context.Context) error {
	if w.cancel != nil {
		w.cancel()
		w.done.Wait()
	}
	return nil
}

func (w *Watcher) loop(ctx context.Context) {
	ticker := time.NewTicker(w.o.Poll)
	defer ticker.Stop()
	w.mu.Lock()
	before := w.seen
	w.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := look(w.o.File)
		w.mu.Lock()
		known := now == w.seen
		w.mu.Unlock()
		// A file that is being written is left alone until it rests. An empty one is one that is being written: who wants no
		// settings at all says so by a reload.
		settled := now == before && !now.empty
		before = now
		if known || !settled {
			continue
		}
		_, _ = w.Reload(ctx) // it logs
	}
}

func fingerprintOf(raw []byte) fingerprint {
	return fingerprint{found: true, empty: len(raw) == 0, hash: sha256.Sum256(raw)}
}

// look gives the fingerprint of a file.
func look(file string) fingerprint {
	if _, err := os.Stat(file); err != nil {
		return fingerprint{}
	}
	raw, err := readFile(file)
	if err != nil {
		return fingerprint{}
	}
	return fingerprintOf(raw)
}

// load reads everything anew and checks it; nothing changes.
func (w *Watcher) load() (c Config, warnings []string, seen fingerprint, err error) {
	var raw []byte
	if w.o.File != "" {
		if raw, err = readFile(w.o.File); err != nil {
			return c, nil, seen, err
		}
		seen = fingerprintOf(raw)
	}
	c, warnings, err = parse(raw, w.o.File, w.o.Environ())
	if err == nil && w.o.Adapt != nil {
		c, err = w.o.Adapt(c)
	}
	if err == nil && w.o.Validate != nil {
		err = w.o.Validate(c)
	}
	return c, warnings, seen, err
}

// Reload reads file and environment again and puts them into force. On an error the configuration stays as it was; an
// error of a subscriber is given together with the changes, because the others have taken them over. changes says in words
// what is different, also what needs a restart; it is empty where nothing is. Kinds: invalid, not_found, and those of
// subscribers.
func (w *Watcher) Reload(ctx context.Context) (changes []string, err error) {
	w.reloading.Lock()
	defer w.reloading.Unlock()
	fresh, warnings, seen, err := w.load()
	if err != nil {
		w.mu.Lock()
		if !seen.found {
			seen = look(w.o.File)
		}
		w.seen = seen // said once; the next change of the file is another attempt
		w.state.Err, w.state.FailedAt = err, w.o.Clock.Now()
		w.mu.Unlock()
		w.o.Logger.Error("the configuration was not taken over, the old one stays in force", "file", w.o.File, "err", err, "hint", engine.HintOf(err))
		return nil, err
	}
	old := w.Config()
	list := Compare(old, fresh)
	effective := 0
	for _, c := range list {
		changes = append(changes, c.Text)
		if !c.Restart {
			effective++
		}
	}
	// What only a restart can change stays as it runs, so that the state tells the truth and each reload reminds of it.
	fresh.Server, fresh.Live, fresh.Snapshots, fresh.Log.Format = old.Server, old.Live, old.Snapshots, old.Log.Format
	now := w.o.Clock.Now()
	w.mu.Lock()
	w.config, w.seen = fresh, seen
	w.state.LoadedAt, w.state.Warnings, w.state.Err, w.state.FailedAt = now, warnings, nil, time.Time{}
	if len(changes) > 0 {
		w.state.Changes = changes
	}
	subs := w.subs
	w.mu.Unlock()
	for _, warning := range warnings {
		w.o.Logger.Warn("configuration", "warning", warning)
	}
	for _, change := range changes {
		w.o.Logger.Info("configuration", "change", change)
	}
	if effective == 0 {
		return changes, nil
	}
	var errs []error
	for _, f := range subs {
		if err := f(ctx, old, fresh); err != nil {
			errs = append(errs, err)
		}
	}
	if err = errors.Join(errs...); err != nil {
		w.o.Logger.Error("a part did not take the new configuration over", "err", err, "hint", engine.HintOf(err))
		w.mu.Lock()
		w.state.Err, w.state.FailedAt = err, now
		w.mu.Unlock()
	}
	return changes, err
}
