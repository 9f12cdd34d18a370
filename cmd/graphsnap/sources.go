package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"graphsnap/api"
	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
)

// collecting is a running collector.
type collecting interface {
	Open(ctx context.Context) error
	Close(ctx context.Context) error
	State() collect.State
}

// plan is all that decides how a source is collected; a collector with the same plan goes on undisturbed.
type plan struct {
	source     collect.Source
	thresholds collect.Thresholds
	window     time.Duration
	texts      bool
}

// watched is one source and its collector.
type watched struct {
	config    configs.Source
	plan      plan
	collector collecting // nil where it could not be started again
}

// sources owns the collectors: one for each configured source.
type sources struct {
	start func(plan) collecting // makes a collector, which is not open yet
	// forget takes a source out of the live graph. The live graph is what is now: rules must not judge, and captures must not
	// freeze, figures that nobody keeps true. Snapshots outlive the source, and a source that comes back is there with its
	// first tick.
	forget func(ctx context.Context, name string) error
	log    *slog.Logger

	applying sync.Mutex
	mu       sync.Mutex
	list     []*watched

	background context.Context // ends with Close
	stop       context.CancelFunc
	wait       sync.WaitGroup
}

func newSources(ctx context.Context, start func(plan) collecting, forget func(context.Context, string) error, log *slog.Logger) *sources {
	s := &sources{start: start, forget: forget, log: log}
	s.background, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

func planOf(s configs.Source, c configs.Collect) plan {
	return plan{
		source:     collect.Source{Name: s.Name, Type: s.Type, DSN: string(s.DSN), Interval: interval(s, c)},
		thresholds: thresholds(c.Thresholds), window: time.Duration(c.Window), texts: c.StatementTexts,
	}
}

// checkSources looks whether all DSNs can be read, without connecting. Kinds: invalid.
func checkSources(list []configs.Source) error {
	for _, s := range list {
		if err := planOf(s, configs.Collect{}).source.Check(); err != nil {
			return engine.Errorf(engine.KindInvalid, "config", "source %s", s.Name).WithCause(err).WithHint("%s", engine.HintOf(err))
		}
	}
	return nil
}

// Apply brings the collectors in line with a configuration: it starts those of new sources, ends those of sources that are
// gone, and starts those anew whose settings changed; the others go on. Nothing changes where a DSN cannot be read. Kinds: invalid.
func (s *sources) Apply(ctx context.Context, list []configs.Source, c configs.Collect) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := checkSources(list); err != nil {
		return err
	}
	have := map[string]*watched{}
	for _, w := range s.all() {
		have[w.config.Name] = w
	}
	var errs []error
	next := make([]*watched, 0, len(list))
	for _, source := range list {
		p, old := planOf(source, c), have[source.Name]
		delete(have, source.Name)
		w := &watched{config: source, plan: p}
		switch {
		case old != nil && old.plan == p && old.collector != nil:
			w.collector = old.collector
			next = append(next, w)
			continue
		case old != nil && old.collector != nil:
			// Two collectors of one source would write over each other, so the old one ends first.
			errs = append(errs, old.collector.Close(ctx))
			s.log.Info("a source is collected anew", "source", source.Name)
		default:
			s.log.Info("a source is collected", "source", source.Name)
		}
		collector := s.start(p)
		if err := collector.Open(ctx); err != nil {
			errs = append(errs, err)
		} else {
			w.collector = collector
		}
		next = append(next, w)
	}
	s.mu.Lock()
	s.list = next
	s.mu.Unlock()
	for name, old := range have {
		if old.collector != nil {
			errs = append(errs, old.collector.Close(ctx))
		}
		s.log.Info("a source is collected no longer", "source", name)
		s.wait.Go(func() { s.forgetUntilDone(name) })
	}
	return errors.Join(errs...)
}

// retryForget is how often a live graph that is down is tried again.
const retryForget = 5 * time.Second

// forgetUntilDone takes a source out of the live graph, unless it comes back before that has succeeded.
func (s *sources) forgetUntilDone(name string) {
	ticker := time.NewTicker(retryForget)
	defer ticker.Stop()
	for {
		if done := s.tryForget(name); done {
			return
		}
		select {
		case <-s.background.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *sources) tryForget(name string) (done bool) {
	// A source that comes back meanwhile waits here, so that its first tick is not taken away.
	s.applying.Lock()
	defer s.applying.Unlock()
	for _, w := range s.all() {
		if w.config.Name == name {
			return true
		}
	}
	err := s.forget(s.background, name)
	if err != nil && s.background.Err() == nil {
		s.log.Warn("a source that is collected no longer still stands in the live graph; it will be tried again", "source", name, "err", err, "hint", engine.HintOf(err))
	}
	return err == nil
}

// all gives the sources in the order of the configuration.
func (s *sources) all() []*watched {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// haveRates says whether every source has rates.
func (s *sources) haveRates() bool {
	for _, w := range s.all() {
		if w.collector == nil || w.collector.State().Live.Totals.TotalQPS == nil {
			return false
		}
	}
	return true
}

// status tells how each source goes.
func (s *sources) status() []api.SourceStatus {
	list := []api.SourceStatus{}
	for _, w := range s.all() {
		source := api.SourceStatus{
			Name: w.config.Name, Type: fallback(w.config.Type, collect.TypeOf(string(w.config.DSN))), DSN: collect.Redact(string(w.config.DSN)), Default: w.config.Default,
			Health: api.Health{Health: "it could not be started", Hint: "the log says why; `graphsnap reload` tries again"},
		}
		if w.collector != nil {
			state := w.collector.State()
			source.Tick, source.ParseCoverage, source.CollectMS = state.Live.Tick, state.Live.Totals.ParseCoverage, state.Live.Totals.CollectMS
			source.DSN, source.Health = state.DSN, api.Health{Health: state.Health, Hint: state.Hint}
			if !state.Live.CollectedAt.IsZero() {
				source.CollectedAt = &state.Live.CollectedAt
			}
		}
		list = append(list, source)
	}
	return list
}

// Close ends all collectors. What they wrote stays in the live graph, because the sources are still configured.
func (s *sources) Close(ctx context.Context) error {
	s.applying.Lock()
	var errs []error
	for _, w := range s.all() {
		if w.collector != nil {
			errs = append(errs, w.collector.Close(ctx))
		}
	}
	s.applying.Unlock()
	s.stop()
	s.wait.Wait()
	return errors.Join(errs...)
}
