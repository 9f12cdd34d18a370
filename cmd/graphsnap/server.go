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
	config     configs.Config
	log        *slog.Logger
	live       *neo4jdb.Live
	snapshots  *neo4jdb.Snapshots
	engine     *engine.Engine
	collectors []*collect.Collector
	server     *api.Server
	url        string
	http       map[string]string // addresses of Neo4j Browser by role, where known
	wait       sync.WaitGroup
	stop       context.CancelFunc
}

// openServer wires and starts everything that serves: databases, engine, collectors, API. Databases that are down are
// tried again in the background; wrong passwords and configurations are errors.
func openServer(ctx context.Context, c configs.Config, l net.Listener, demo api.Demo, http map[string]string, log *slog.Logger) (*parts, error) {
	clock := engine.SystemClock{}
	p := &parts{config: c, log: log, url: "http://" + l.Addr().String(), http: http}
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
	if p.live, err = neo4jdb.OpenLive(neo4jdb.Config{URI: c.Live.URI, User: c.Live.User, Password: livePassword, Database: c.Live.Database}, c.Live.DefaultSource, clock, log); err != nil {
		return nil, err
	}
	if p.snapshots, err = neo4jdb.OpenSnapshots(neo4jdb.Config{URI: c.Snapshots.URI, User: c.Snapshots.User, Password: snapshotsPassword, Database: c.Snapshots.Database}, log); err != nil {
		return nil, err
	}
	p.engine = engine.New(engine.Options{Live: p.live, Store: p.snapshots, DefaultSource: defaultSource(c.Sources), Clock: clock, Logger: log})
	for role, ready := range map[string]func(context.Context) (string, error){"live": p.live.Ready, "snapshots": p.snapshots.Ready} {
		version, err := ready(ctx)
		switch {
		case err == nil:
			log.Info("connected", "database", role, "version", version)
		case engine.KindOf(err) != engine.KindUnavailable:
			return nil, errors.Join(err, p.close(ctx))
		default:
			log.Warn("a database is down, it will be tried again", "database", role, "err", err, "hint", engine.HintOf(err))
			p.wait.Go(func() { retry(background, role, ready, log) })
		}
	}
	p.snapshots.Start(ctx)
	for _, s := range c.Sources {
		collector := collect.New(collect.Options{
			Source:     collect.Source{Name: s.Name, Type: s.Type, DSN: string(s.DSN), Interval: interval(s, c.Collect), Default: s.Default},
			Thresholds: thresholds(c.Collect.Thresholds), Window: time.Duration(c.Collect.Window), WithoutTexts: !c.Collect.StatementTexts, Writer: p.live, Clock: clock, Logger: log,
			OnTick: func(state engine.LiveState) {
				p.engine.Events.Publish(engine.Event{Tick: &engine.TickWritten{State: state}})
			},
		})
		if err := collector.Open(ctx); err != nil {
			return nil, errors.Join(err, p.close(ctx))
		}
		p.collectors = append(p.collectors, collector)
	}
	viewer, err := frontend.Files()
	if err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	p.server = api.New(api.Options{Engine: p.engine, Status: p.status, Demo: demo, Viewer: viewer, Version: version, Clock: clock, Logger: log, ImportLimit: int64(c.Server.ImportLimitMB) << 20})
	p.server.Open(l)
	return p, nil
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
	for _, c := range p.collectors {
		errs = append(errs, c.Close(ctx))
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
	for !p.haveRates() {
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
	_, _, err = p.engine.Capture(ctx, engine.CaptureRequest{Source: p.config.Sources[0].Name, Description: "first start"})
	return err
}

func (p *parts) haveRates() bool {
	for _, c := range p.collectors {
		if c.State().Live.Totals.TotalQPS == nil {
			return false
		}
	}
	return true
}

// healthTimeout bounds how long status waits for a database.
const healthTimeout = 3 * time.Second

func (p *parts) status(ctx context.Context) api.Status {
	s := api.Status{API: api.APIStatus{URL: p.url, Health: api.Health{Health: "ok"}}, Sources: []api.SourceStatus{}, Version: version}
	var wg sync.WaitGroup
	wg.Go(func() { s.Live = p.database(ctx, "live", p.config.Live, p.live.Ready) })
	wg.Go(func() { s.Snapshots = p.database(ctx, "snapshots", p.config.Snapshots, p.snapshots.Ready) })
	wg.Wait()
	for i, c := range p.collectors {
		state := c.State()
		source := api.SourceStatus{
			Name: p.config.Sources[i].Name, Type: fallback(p.config.Sources[i].Type, collect.TypeOf(string(p.config.Sources[i].DSN))), DSN: state.DSN, Default: p.config.Sources[i].Default,
			Tick: state.Live.Tick, ParseCoverage: state.Live.Totals.ParseCoverage, CollectMS: state.Live.Totals.CollectMS,
			Health: api.Health{Health: state.Health, Hint: state.Hint},
		}
		if !state.Live.CollectedAt.IsZero() {
			source.CollectedAt = &state.Live.CollectedAt
		}
		s.Sources = append(s.Sources, source)
	}
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

// newLogger logs to standard error.
func newLogger(w io.Writer, c configs.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked when the configuration was loaded
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
