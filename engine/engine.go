package engine

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
)

// Options are the parts of an Engine; Live and Store are required.
type Options struct {
	Live          LiveReader
	Store         SnapshotStore
	Rules         RuleStore // nil where no rules run
	DefaultSource string    // taken where a request names no source and there are several; may be ""
	Templates     []Template
	Clock         Clock
	Logger        *slog.Logger
}

// Engine captures, lists and compares snapshots. Its methods may be called at the same time.
type Engine struct {
	live          LiveReader
	store         SnapshotStore
	rules         RuleStore
	defaultSource string
	clock         Clock
	log           *slog.Logger
	templates     atomic.Pointer[map[string]*Template]
	capturing     atomic.Int64 // captures under way

	// Events tells of captures, deletions and ticks.
	Events Events
}

// New makes an Engine.
func New(o Options) *Engine {
	e := &Engine{live: o.Live, store: o.Store, rules: o.Rules, defaultSource: o.DefaultSource, clock: o.Clock, log: o.Logger}
	if e.clock == nil {
		e.clock = SystemClock{}
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if err := e.SetTemplates(o.Templates); err != nil {
		e.log.Error("there are no templates", "err", err, "hint", HintOf(err))
	}
	return e
}

// List gives one page of snapshots, newest first, and the cursor of the next page. An empty source lists all sources.
// Kinds: invalid, unavailable.
func (e *Engine) List(ctx context.Context, f Filter) ([]Snapshot, string, error) {
	const op = "list"
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	if f.Limit < 1 || f.Limit > maxPage {
		return nil, "", Errorf(KindInvalid, op, "limit %d is out of range", f.Limit).WithHint("ask for 1 to %d snapshots a page", maxPage)
	}
	if f.Trigger != "" && !slices.Contains(TriggerTypes, f.Trigger) {
		return nil, "", Errorf(KindInvalid, op, "there is no trigger %q", f.Trigger).WithHint("triggers are manual, scheduled, threshold and incident")
	}
	if f.Severity != "" && f.Severity.Rank() == 0 {
		return nil, "", Errorf(KindInvalid, op, "there is no severity %q", f.Severity).WithHint("severities are low, medium, high and critical")
	}
	return e.store.List(ctx, f)
}

// Graph gives the frozen graph of a snapshot, in key order. Kinds: not_found, unavailable.
func (e *Engine) Graph(ctx context.Context, id string) (*Graph, error) {
	return Collect(func(sink Sink) error { return e.store.Walk(ctx, id, sink) })
}

// Walk hands the frozen graph of a snapshot to a sink. Kinds: not_found, unavailable.
func (e *Engine) Walk(ctx context.Context, id string, sink Sink) error {
	return e.store.Walk(ctx, id, sink)
}

// LiveGraph gives the live graph of one source, now, proven or not. Kinds: not_found, invalid, unavailable.
func (e *Engine) LiveGraph(ctx context.Context, source string) (*LiveRead, *Graph, error) {
	source, err := e.liveSource(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	var c *collected
	read, err := e.live.ReadLive(ctx, source, ReadOptions{AllowFuzzy: true}, func() (Sink, error) {
		c = &collected{}
		return c, nil
	})
	if err != nil {
		return nil, nil, err
	}
	c.Sort()
	return read, &c.Graph, nil
}

// Delete removes a snapshot and closes the gap in its timeline. Kinds: not_found, conflict (it is pinned), unavailable.
func (e *Engine) Delete(ctx context.Context, id, actor string) error {
	return e.DeleteWith(ctx, id, DeleteOptions{Actor: actor})
}

// DeleteWith is Delete with a reason for the audit trail, and with a say in what may be in the way. Kinds: not_found, conflict
// (something is in the way), unavailable.
func (e *Engine) DeleteWith(ctx context.Context, id string, o DeleteOptions) error {
	s, err := e.store.Get(ctx, id)
	if err != nil {
		return err
	}
	progress := func(stage string, done, total int) {
		e.Events.Publish(Event{Deleting: &DeleteProgress{ID: s.ID, Source: s.Source, Stage: stage, Done: done, Total: total}})
	}
	if err := e.store.Delete(ctx, id, o, progress); err != nil {
		return err
	}
	e.Events.Publish(Event{Deleted: &SnapshotDeleted{ID: s.ID, Source: s.Source}})
	e.annotate(ctx, s.Previous, s.Next)
	return nil
}

// Captures lists what is being staged, failed or being deleted, newest first. Kinds: unavailable.
func (e *Engine) Captures(ctx context.Context) ([]CaptureState, error) {
	return e.store.Captures(ctx, defaultPage)
}

// annotate puts the summary of the diff onto a link of the timeline. The link is right without it, so a failure is
// only logged.
func (e *Engine) annotate(ctx context.Context, from, to string) {
	if from == "" || to == "" {
		return
	}
	d, err := e.Compare(ctx, from, to, CompareOptions{SummaryOnly: true})
	if err == nil {
		err = e.store.Annotate(ctx, from, to, d.NextSummary())
	}
	if err != nil && KindOf(err) != KindNotFound {
		e.log.Warn("summary of the timeline link is missing", "from", from, "to", to, "err", err)
	}
}

// liveSource settles which source of the live graph a request means.
func (e *Engine) liveSource(ctx context.Context, source string) (string, error) {
	states, err := e.live.Sources(ctx)
	if err != nil {
		return "", err
	}
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = s.Source
	}
	if len(names) == 0 {
		return "", Errorf(KindNotFound, "source", "the live graph is empty").
			WithHint("nothing has been collected yet: wait for the first tick, or see `graphsnap status` for what is wrong with the sources")
	}
	return e.chooseSource(source, names)
}

// historySource settles which timeline a request means; snapshots outlive their source in the live graph.
func (e *Engine) historySource(ctx context.Context, source string) (string, error) {
	names, err := e.store.Sources(ctx)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", Errorf(KindNotFound, "source", "there is no snapshot yet").WithHint("`graphsnap capture` makes the first one")
	}
	return e.chooseSource(source, names)
}

// chooseSource takes the named source, else the only one, else the default one.
func (e *Engine) chooseSource(source string, names []string) (string, error) {
	switch {
	case source != "":
		if slices.Contains(names, source) {
			return source, nil
		}
		return "", Errorf(KindNotFound, "source", "there is no source %q", source).WithHint("sources are: %s", strings.Join(names, ", "))
	case len(names) == 1:
		return names[0], nil
	case e.defaultSource != "" && slices.Contains(names, e.defaultSource):
		return e.defaultSource, nil
	}
	return "", Errorf(KindInvalid, "source", "there are several sources and none was named").
		WithHint("name one of: %s; or mark one as the default in the configuration", strings.Join(names, ", "))
}
