package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"graphsnap/api"
	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
	"graphsnap/engine/neo4jdb"
	"graphsnap/frontend"
)

// drainTime is how long requests under way may take when the server stops.
const drainTime = 15 * time.Second

// retryOpen is how often a database that is down at the start is tried again.
const retryOpen = 5 * time.Second

// parts are the running parts of a server, wired.
type parts struct {
	watcher   *configs.Watcher
	log       *slog.Logger
	live      *neo4jdb.Live
	snapshots *neo4jdb.Snapshots
	engine    *engine.Engine
	sources   *sources
	server    *api.Server
	url       string
	http      map[string]string // addresses of Neo4j Browser by role, where known
	wait      sync.WaitGroup
	stop      context.CancelFunc
}

// openServer wires and starts everything that serves: databases, engine, collectors, API. Databases that are down are
// tried again in the background; wrong passwords and configurations are errors. Each part that takes changes of the
// configuration subscribes to the watcher, which is opened here.
func openServer(ctx context.Context, w *configs.Watcher, l net.Listener, demo api.Demo, http map[string]string, log *logger) (*parts, error) {
	clock, c := engine.SystemClock{}, w.Config()
	p := &parts{watcher: w, log: log.Logger, url: "http://" + l.Addr().String(), http: http}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	livePassword, err := c.Live.ReadPassword()
	if err != nil {
		return nil, err
	}
	snapshotsPassword, err := c.Snapshots.ReadPassword()
	if err != nil {
		return nil, err
	}
	if p.live, err = neo4jdb.OpenLive(neo4jdb.Config{URI: c.Live.URI, User: c.Live.User, Password: livePassword, Database: c.Live.Database}, c.Live.DefaultSource, clock, p.log); err != nil {
		return nil, err
	}
	if p.snapshots, err = neo4jdb.OpenSnapshots(neo4jdb.Config{URI: c.Snapshots.URI, User: c.Snapshots.User, Password: snapshotsPassword, Database: c.Snapshots.Database}, p.log); err != nil {
		return nil, err
	}
	p.engine = engine.New(engine.Options{Live: p.live, Store: p.snapshots, DefaultSource: defaultSource(c.Sources), Clock: clock, Logger: p.log})
	for role, ready := range map[string]func(context.Context) (string, error){"live": p.live.Ready, "snapshots": p.snapshots.Ready} {
		version, err := ready(ctx)
		switch {
		case err == nil:
			log.Info("connected", "database", role, "version", version)
		case engine.KindOf(err) != engine.KindUnavailable:
			return nil, errors.Join(err, p.close(ctx))
		default:
			log.Warn("a database is down, it will be tried again", "database", role, "err", err, "hint", engine.HintOf(err))
			p.wait.Go(func() { retry(background, role, ready, p.log) })
		}
	}
	p.snapshots.Start(ctx)
	p.sources = newSources(ctx, func(plan plan) collecting {
		return collect.New(collect.Options{
			Source: plan.source, Thresholds: plan.thresholds, Window: plan.window, WithoutTexts: !plan.texts, Writer: p.live, Clock: clock, Logger: p.log,
			OnTick: func(state engine.LiveState) {
				p.engine.Events.Publish(engine.Event{Tick: &engine.TickWritten{State: state}})
			},
		})
	}, p.live.Forget, p.log)
	if err := p.sources.Apply(ctx, c.Sources, c.Collect); err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	w.Subscribe(func(_ context.Context, _, now configs.Config) error {
		log.set(now.Log.Level)
		return nil
	})
	w.Subscribe(func(ctx context.Context, _, now configs.Config) error {
		return p.sources.Apply(ctx, now.Sources, now.Collect)
	})
	viewer, err := frontend.Files()
	if err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	p.server = api.New(api.Options{Engine: p.engine, Status: p.status, Demo: demo, Viewer: viewer, Version: version, Clock: clock, Logger: p.log, ImportLimit: int64(c.Server.ImportLimitMB) << 20, Reload: w.Reload})
	p.server.Open(l)
	return p, w.Open(ctx)
}

// retry tries a database until it is ready once; afterwards each use connects by itself.
func retry(ctx context.Context, role string, ready func(context.Context) (string, error), log *slog.Logger) {
	ticker := time.NewTicker(retryOpen)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if version, err := ready(ctx); err == nil {
				log.Info("connected", "database", role, "version", version)
				return
			}
		}
	}
}

func interval(s configs.Source, c configs.Collect) time.Duration {
	if s.Interval > 0 {
		return time.Duration(s.Interval)
	}
	return time.Duration(c.Interval)
}

func defaultSource(sources []configs.Source) string {
	for _, s := range sources {
		if s.Default {
			return s.Name
		}
	}
	return ""
}

func thresholds(t configs.Thresholds) collect.Thresholds {
	level := func(l configs.Levels) collect.Levels { return collect.Levels(l) }
	return collect.Thresholds{
		AvgLatencyMS: level(t.AvgLatencyMS), TimeMSPerS: level(t.TimeMSPerS), HotspotScore: level(t.HotspotScore),
		IndexEfficiency: level(t.IndexEfficiency), MinShare: t.MinShare, MinLatencyMS: t.MinLatencyMS,
	}
}

// close stops in the opposite order of openServer.
func (p *parts) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	var errs []error
	if p.server != nil {
		errs = append(errs, p.server.Close(ctx))
	}
	errs = append(errs, p.watcher.Close(ctx))
	if p.sources != nil {
		errs = append(errs, p.sources.Close(ctx))
	}
	p.stop()
	p.wait.Wait()
	if p.snapshots != nil {
		errs = append(errs, p.snapshots.Close(ctx))
	}
	if p.live != nil {
		errs = append(errs, p.live.Close(ctx))
	}
	return errors.Join(errs...)
}

// firstRates is how long a start waits for rates, which need two ticks.
const firstRates = 20 * time.Second

// firstSnapshot waits until every source has rates, and freezes them where nothing was frozen before, so that a newcomer
// has something to look at.
func (p *parts) firstSnapshot(ctx context.Context) error {
	deadline := time.NewTimer(firstRates)
	defer deadline.Stop()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !p.sources.haveRates() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("no rates after %s; see graphsnap status", firstRates)
		case <-ticker.C:
		}
	}
	rows, _, err := p.engine.List(ctx, engine.Filter{Limit: 1})
	if err != nil || len(rows) > 0 {
		return err
	}
	_, _, err = p.engine.Capture(ctx, engine.CaptureRequest{Source: p.watcher.Config().Sources[0].Name, Description: "first start"})
	return err
}

// healthTimeout bounds how long status waits for a database.
const healthTimeout = 3 * time.Second

func (p *parts) status(ctx context.Context) api.Status {
	c := p.watcher.Config()
	s := api.Status{API: api.APIStatus{URL: p.url, Health: api.Health{Health: "ok"}}, Version: version}
	var wg sync.WaitGroup
	wg.Go(func() { s.Live = p.database(ctx, "live", c.Live, p.live.Ready) })
	wg.Go(func() { s.Snapshots = p.database(ctx, "snapshots", c.Snapshots, p.snapshots.Ready) })
	wg.Wait()
	s.Sources = p.sources.status()
	s.Config = configStatus(p.watcher.State())
	return s
}

func (p *parts) database(ctx context.Context, role string, d configs.Database, ready func(context.Context) (string, error)) api.ServerStatus {
	s := api.ServerStatus{Bolt: d.URI, HTTP: p.http[role], User: d.User, PasswordFile: d.PasswordFile, Health: api.Health{Health: "ok"}}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	var err error
	if s.Version, err = ready(ctx); err != nil {
		s.Health = api.Health{Health: fmt.Sprintf("%s does not answer", d.URI), Hint: engine.HintOf(err)}
		if engine.KindOf(err) != engine.KindExhausted {
			s.Health.Health = err.Error()
		}
	}
	return s
}

// configStatus tells what configuration is in force.
func configStatus(w configs.WatchState) api.ConfigStatus {
	s := api.ConfigStatus{File: w.File, LoadedAt: w.LoadedAt, Changes: append([]string{}, w.Changes...), Warnings: append([]string{}, w.Warnings...), Health: api.Health{Health: "ok"}}
	if w.Err != nil {
		s.FailedAt = &w.FailedAt
		s.Health = api.Health{Health: w.Err.Error(), Hint: engine.HintOf(w.Err)}
	}
	return s
}

// logger logs to standard error, at a level that can change while it runs.
type logger struct {
	*slog.Logger
	level slog.LevelVar
}

func newLogger(w io.Writer, c configs.Log) *logger {
	l := &logger{}
	l.set(c.Level)
	o := &slog.HandlerOptions{Level: &l.level}
	l.Logger = slog.New(slog.NewTextHandler(w, o))
	if c.Format == "json" {
		l.Logger = slog.New(slog.NewJSONHandler(w, o))
	}
	return l
}

func (l *logger) set(text string) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(text)) // checked when the configuration was loaded
	l.level.Set(level)
}
