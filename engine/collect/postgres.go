package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"graphsnap/engine"
)

const (
	// DefaultInterval is the time between two ticks.
	DefaultInterval = 5 * time.Second
	// DefaultWindow is the time over which rates are formed.
	DefaultWindow = 60 * time.Second
	// catalogEvery is how often the structure is read again; a change of it brings that forward.
	catalogEvery = 5 * time.Minute
	// How many rounds lie between two readings of what changes slowly.
	settingsRounds, sizesRounds, plansRounds = 3, 12, 12
	maxBackOff                               = time.Minute
	// learnTimeout bounds the parsing of new statements in one round.
	learnTimeout = 5 * time.Second
	// secondRound is when the second reading follows the first one.
	secondRound = 2 * time.Second
	tickTimeout = 30 * time.Second
)

// Source is one database to collect from.
type Source struct {
	Name     string
	Type     string // postgresql, mysql or mariadb; "" means what the DSN names
	DSN      string
	Interval time.Duration // 0 means DefaultInterval
	Default  bool
}

// Check looks whether type and DSN can be read, without connecting. Kinds: invalid.
func (s Source) Check() error {
	switch s.Type {
	case "", "postgresql", "mysql", "mariadb":
		return checkDSN(s)
	}
	return engine.Errorf(engine.KindInvalid, "source", "source %q has type %q", s.Name, s.Type).WithHint("types are postgresql, mysql and mariadb")
}

// Options are the parts of a Collector; Source and Writer are required.
type Options struct {
	Source     Source
	Thresholds Thresholds
	Window     time.Duration // 0 means DefaultWindow
	// WithoutTexts keeps normalised statement texts out of the graph. Values are never in it.
	WithoutTexts bool
	Writer       engine.LiveWriter
	Clock        engine.Clock
	Logger       *slog.Logger
	OnTick       func(engine.LiveState) // told of each round, also of failed ones
}

// State is how the collecting goes.
type State struct {
	Live   engine.LiveState
	Health string // ok, or the plain cause
	Hint   string
	DSN    string // without password
}

// Collector reads one database every few seconds and writes ticks.
type Collector struct {
	o      Options
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	state State

	// The loop's own, untouched by others.
	reader      *reader
	id          identity
	catalog     *catalog
	catalogAt   time.Time
	usages      map[int64]*usage
	utility     map[int64]bool
	own         map[int64]bool
	window      window
	trends      trends
	statusCause error
	mysql       *mysqlReader // MySQL and MariaDB; nil while not connected
	myState     mysqlState
	memory
}

// memory is what the loop remembers for evidence.
type memory struct {
	rounds              int
	structure, settings string // fingerprints
	planned             string // the structure and settings that the plans were asked under
	indexes             []index
	known               evidence
	sizes               map[int64]int64
	quals               qualLook
	written, received   course // of the server's log, and of what a standby received
	samples             samples
	levels              levels
	digests             map[int64]string
	texts               map[int64]string
	checks              map[int64]check
	shown               map[string]bool
	plans               map[string]plan
	unplanned           map[string]bool
	refused             map[string]bool   // digests of statements that the server could not plan under the present structure
	stale               bool              // the session began under other settings than those of now
	last                *round            // that was written
	down                bool              // and the live graph says so
	gapFrom, gapTo      time.Time         // the last time without figures
	missing             map[string]string // what cannot be read, with the statement that grants it
}

func newMemory() memory {
	return memory{
		levels: newLevels(), digests: map[int64]string{}, texts: map[int64]string{}, checks: map[int64]check{},
		shown: map[string]bool{}, plans: map[string]plan{}, missing: map[string]string{},
	}
}

// New makes a collector.
func New(o Options) *Collector {
	if o.Source.Interval == 0 {
		o.Source.Interval = DefaultInterval
	}
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	c := &Collector{o: o, own: map[int64]bool{}, window: window{length: o.Window}, trends: trends{}, memory: newMemory()}
	c.state = State{Health: "no tick yet", DSN: Redact(o.Source.DSN), Live: engine.LiveState{Source: o.Source.Name}}
	return c
}

// Open checks the DSN and starts the loop. A database that is down is no failure of Open: the state says so, and the
// loop tries again, less and less often. Kinds: invalid.
func (c *Collector) Open(ctx context.Context) error {
	if err := c.o.Source.Check(); err != nil {
		return err
	}
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.done.Go(func() { c.loop(ctx) })
	return nil
}

// Close ends the loop and the connection.
func (c *Collector) Close(context.Context) error {
	if c.cancel != nil {
		c.cancel()
		c.done.Wait()
	}
	return nil
}

// State tells how the collecting goes.
func (c *Collector) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *Collector) loop(ctx context.Context) {
	defer c.disconnect(context.WithoutCancel(ctx))
	if !c.o.Source.isMySQL() {
		// The parser is WebAssembly, whose first use takes seconds: not in the middle of the first tick.
		_, _ = parseUsage("SELECT 1", &catalog{})
	}
	failures := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		start := c.o.Clock.Now()
		state, err := c.round(ctx)
		if ctx.Err() != nil {
			return
		}
		c.report(state, err)
		next := c.o.Source.Interval - c.o.Clock.Now().Sub(start)
		if err != nil {
			c.disconnect(ctx)
			failures++
			next = min(c.o.Source.Interval<<min(failures-1, 6), maxBackOff)
		} else {
			failures = 0
			if len(c.window.deltas) == 0 {
				// One reading has no rates; whoever starts up waits for the second.
				next = min(next, secondRound)
			}
		}
		timer.Reset(max(next, 0))
	}
}

func (c *Collector) disconnect(ctx context.Context) {
	if c.mysql != nil {
		c.myState.sentBefore += c.mysql.sent
		c.mysql.close()
		c.mysql = nil
	}
	if c.reader != nil {
		closing, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = c.reader.conn.Close(closing)
		c.reader = nil
	}
}

// report keeps the state, tells others, and logs changes only: a database that is down for an hour is one line.
func (c *Collector) report(state engine.LiveState, err error) {
	c.mu.Lock()
	before := c.state.Health
	switch {
	case err != nil:
		last := c.state.Live
		last.Status, last.Message = "down", err.Error()
		c.state.Live, c.state.Health, c.state.Hint = last, err.Error(), engine.HintOf(err)
	case state.Status != "ok":
		c.state.Live, c.state.Health, c.state.Hint = state, state.Message, engine.HintOf(c.statusCause)
	default:
		c.state.Live, c.state.Health, c.state.Hint = state, "ok", ""
	}
	now := c.state
	c.mu.Unlock()
	if now.Health != before {
		if now.Health == "ok" {
			c.o.Logger.Info("collecting", "source", c.o.Source.Name, "database", now.Live.DatabaseName)
		} else {
			c.o.Logger.Warn("collecting is not complete", "source", c.o.Source.Name, "cause", now.Health, "hint", now.Hint)
		}
	}
	if c.o.OnTick != nil {
		c.o.OnTick(now.Live)
	}
}

// round reads everything and writes one tick.
func (c *Collector) round(ctx context.Context) (engine.LiveState, error) {
	ctx, cancel := context.WithTimeout(ctx, tickTimeout)
	defer cancel()
	observe := c.observe
	if c.o.Source.isMySQL() {
		observe = c.observeMySQL
	}
	t, err := observe(ctx)
	if err != nil {
		c.writeDown(ctx, err)
		return engine.LiveState{}, err
	}
	if c.stale {
		c.disconnect(ctx)
	}
	tick, err := c.o.Writer.WriteTick(ctx, t)
	if err != nil {
		return engine.LiveState{}, err
	}
	t.State.Tick = tick
	return t.State, nil
}

// observe connects where that is needed and makes the tick of this moment.
func (c *Collector) observe(ctx context.Context) (*engine.Tick, error) {
	if c.reader == nil {
		conn, err := connect(ctx, c.o.Source.DSN)
		if err != nil {
			return nil, err
		}
		c.reader = &reader{conn: conn}
		c.usages, c.utility = map[int64]*usage{}, map[int64]bool{}
		c.catalog = nil
	}
	t, err := c.read(ctx)
	if err != nil {
		return nil, explain(err, c.reader.conn.Config())
	}
	return t, nil
}

// read makes the tick of this moment.
func (c *Collector) read(ctx context.Context) (*engine.Tick, error) {
	start := c.o.Clock.Now()
	id, err := c.reader.identify(ctx)
	if err != nil {
		return nil, err
	}
	if c.reader.version < 130000 {
		return nil, engine.Errorf(engine.KindInvalid, "source", "PostgreSQL %s is too old", id.version).WithHint("13 or newer is needed")
	}
	if id.database != c.id.database || id.system != c.id.system {
		c.window.forget() // the counters of another database
		c.written, c.received = nil, nil
	}
	c.id = id
	// Before the statements, because a new catalog has all of them read and understood again.
	if err := c.readStructure(ctx); err != nil {
		return nil, err
	}
	now := &reading{epoch: id.started}
	statements, partial := c.readStatements(ctx, now)
	if partial != nil && fatal(partial) {
		return nil, partial
	}
	if now.at.IsZero() {
		if err := c.reader.conn.QueryRow(ctx, "SELECT "+mark+" clock_timestamp()").Scan(&now.at); err != nil {
			return nil, err
		}
		now.at = now.at.UTC()
	}
	connections, err := c.reader.database(ctx, now)
	if err != nil {
		return nil, err
	}
	tables, err := c.reader.tables(ctx, c.catalog, c.sizes, now)
	if err != nil {
		return nil, err
	}
	if err := c.readEvidence(ctx, now); err != nil {
		return nil, err
	}
	c.learn(statements)
	c.useQuals(now)
	if partial == nil {
		partial = c.lacking()
	}

	if c.down {
		c.down, c.gapTo = false, now.at
	}
	if last := c.window.last; last != nil && now.at.Sub(last.at) > max(c.o.Window, 3*c.o.Source.Interval) {
		c.window.forget() // a mean over a long silence tells nothing of now
	}
	state := engine.LiveState{
		Source: c.o.Source.Name, CollectedAt: now.at, DatabaseType: "postgresql", DatabaseName: id.database, DatabaseVersion: id.version, Status: "ok",
	}
	c.statusCause = partial
	if partial != nil {
		state.Status, state.Message = "partial", partial.Error()
		if hint := engine.HintOf(partial); hint != "" {
			state.Message += " — " + hint
		}
	}
	r := &round{
		source: c.o.Source.Name, at: now.at, catalog: c.catalog, tables: tables, usages: c.usages, utility: c.utility, own: c.own,
		sum: c.window.add(now), thresholds: c.o.Thresholds, trends: c.trends, connections: connections,
		database: id.database, version: id.version, evidence: c.known, levels: c.levels, sizes: c.sizes, samples: c.samples, activity: c.samples.activity(),
		byOID: c.catalog.byOID, digests: c.digests, texts: c.texts, checks: c.checks, shown: c.shown,
	}
	r.evidence.partial = len(now.hidden) > 0
	if err := c.askPlans(ctx, r); err != nil {
		return nil, err
	}
	r.gapFrom, r.gapTo = c.gapFrom, c.gapTo
	c.last = r
	t := r.tick(state)
	t.State.Totals.Connections = ptr(connections)
	if partial != nil && len(now.statements) == 0 {
		// Without statements nothing is known of the load; 0 would be a lie.
		totals := &t.State.Totals
		totals.TotalQPS, totals.AvgLatencyMS, totals.TimeMSPerS, totals.UnattributedMSPerS, totals.ParseCoverage = nil, nil, nil, nil, nil
	}
	if ms, ok := c.cost(); ok {
		t.State.Totals.CollectMS = ptr(ms)
	} else {
		t.State.Totals.CollectMS = ptr(float64(c.o.Clock.Now().Sub(start).Microseconds()) / 1000)
	}
	return t, nil
}

// readStatements reads pg_stat_statements. What is missing there is no reason to stop: tables and references are read
// all the same, and the returned error says what mends it.
func (c *Collector) readStatements(ctx context.Context, now *reading) (texts map[int64]string, partial error) {
	if c.reader.schema == "" {
		if err := c.reader.findStatements(ctx); err != nil {
			return nil, err
		}
	}
	hidden, err := c.reader.statements(ctx, now)
	if err != nil {
		c.reader.schema = ""
		return nil, err
	}
	if hidden > 0 {
		partial = engine.Errorf(engine.KindDenied, "collect", "%d statements of other users are hidden from user %q", hidden, c.reader.conn.Config().User).
			WithHint("run as superuser: GRANT pg_monitor TO %s;", c.reader.conn.Config().User)
	}
	texts, err = c.reader.newTexts(ctx, now.statements, now.nested)
	if err != nil {
		return nil, err
	}
	return texts, partial
}

// fatal says whether the connection itself is of no more use.
func fatal(err error) bool {
	var known *engine.Error
	return !errors.As(err, &known)
}

// Finding is one thing that Check looked at.
type Finding struct {
	Name    string
	OK      bool
	Message string
	Fix     string // the exact statement or line that mends it
}

// Check looks at everything that collecting needs, for `graphsnap doctor`.
func Check(ctx context.Context, dsn string) []Finding {
	if (Source{DSN: dsn}).isMySQL() {
		return checkMySQL(ctx, dsn)
	}
	conn, err := connect(ctx, dsn)
	if err != nil {
		return []Finding{{"reachable", false, err.Error(), engine.HintOf(err)}}
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	r := &reader{conn: conn}
	id, err := r.identify(ctx)
	if err != nil {
		return []Finding{{"reachable", false, explain(err, conn.Config()).Error(), ""}}
	}
	findings := []Finding{{"reachable", true, fmt.Sprintf("PostgreSQL %s, database %s", id.version, id.database), ""}}
	findings = append(findings, Finding{"version", r.version >= 130000, "PostgreSQL " + id.version, "upgrade to PostgreSQL 13 or newer"})
	if err := r.findStatements(ctx); err != nil {
		return append(findings, Finding{"pg_stat_statements", false, err.Error(), engine.HintOf(err)})
	}
	hidden, err := r.statements(ctx, &reading{})
	if err != nil {
		return append(findings, Finding{"pg_stat_statements", false, err.Error(), engine.HintOf(err)})
	}
	findings = append(findings, Finding{Name: "pg_stat_statements", OK: true, Message: "loaded and readable"})
	rights := Finding{Name: "rights", OK: hidden == 0, Message: "all statements are visible"}
	if hidden > 0 {
		rights.Message, rights.Fix = fmt.Sprintf("%d statements of other users are hidden", hidden), "GRANT pg_monitor TO "+conn.Config().User+";"
	}
	return append(findings, rights)
}
