package collect

import (
	"context"
	"maps"
	"strings"
	"time"

	"graphsnap/engine"
)

// mysqlState is what a collector of MySQL or MariaDB keeps from round to round, beyond connections.
type mysqlState struct {
	epoch      time.Time // when the server started, by its clock
	server     string
	sentBefore int64 // SELECTs over earlier connections to the server as it runs
	tables     map[string]*mysqlTable
	catalogFor time.Duration             // how long the catalog was read, which says how often that may be
	setup      []string                  // instruments that are off
	noProcess  bool                      // the right to see the transactions of others is missing
	firstSeen  map[statementID]time.Time // of each digest, in the last round
}

// catalogShare bounds the time that reading the catalog may take: a hundredth.
const catalogShare = 100

// startTolerance is how far two calculations of the server's start may differ, because it counts whole seconds.
const startTolerance = 2 * time.Second

// observeMySQL connects where that is needed and makes the tick of this moment.
func (c *Collector) observeMySQL(ctx context.Context) (*engine.Tick, error) {
	if c.mysql == nil {
		r, err := connectMySQL(ctx, c.o.Source.DSN)
		if err != nil {
			return nil, err
		}
		c.mysql = r
		c.forgetStatements()
		c.catalog = nil
	}
	t, err := c.readMySQL(ctx)
	return t, explainMySQL(err, c.mysql.config)
}

func (c *Collector) forgetStatements() {
	c.usages, c.utility, c.own = map[int64]*usage{}, map[int64]bool{}, map[int64]bool{}
	if c.mysql != nil {
		c.mysql.texts = map[int64]bool{}
	}
}

// missing collects what a user may not read or what was lost, so that each is named once and the rest goes on.
type missing struct{ messages, hints []string }

func (m *missing) add(hint, message string) {
	m.messages, m.hints = append(m.messages, message), append(m.hints, hint)
}

// right notes an error that a missing right explains; any other one is given back.
func (m *missing) right(err error, hint, message string) error {
	if lacksRight(err) {
		m.add(hint, message)
		return nil
	}
	return err
}

func (m *missing) err() error {
	if len(m.messages) == 0 {
		return nil
	}
	return engine.Errorf(engine.KindUnavailable, "collect", "%s", strings.Join(m.messages, "; ")).WithHint("%s", strings.Join(m.hints, "\n"))
}

func (c *Collector) readMySQL(ctx context.Context) (*engine.Tick, error) {
	start, r, lacks := c.o.Clock.Now(), c.mysql, &missing{}
	now := &reading{}
	// Before the statements, because a new catalog has all of them read and understood again.
	if err := c.refreshMySQL(ctx, lacks); err != nil {
		return nil, err
	}
	fresh, err := c.readDigests(ctx, now, lacks)
	if err != nil {
		return nil, err
	}
	status, err := r.status(ctx, now)
	if err != nil {
		return nil, err
	}
	if now.at.IsZero() {
		now.at = status.at
	}
	c.settleEpoch(now, status)
	strangers, err := map[string]bool{}, error(nil)
	if !r.off {
		strangers, err = r.tableWaits(ctx, c.catalog, now)
		if err := lacks.right(err, performanceGrant(r), "the waits of tables are hidden"); err != nil {
			return nil, err
		}
	}
	c.findHidden(strangers, lacks)
	if err := c.readMySQLEvidence(ctx, now, status); err != nil {
		return nil, err
	}
	if len(fresh) > 0 {
		if err := r.digestTexts(ctx, fresh, c.learnDigest); err != nil {
			return nil, err
		}
	}
	c.forgetDigests(now)
	c.myState.spotReset(c.window.last, now)
	if c.down {
		c.down, c.gapTo = false, now.at
	}
	if last := c.window.last; last != nil && now.at.Sub(last.at) > max(c.o.Window, 3*c.o.Source.Interval) {
		c.window.forget() // a mean over a long silence tells nothing of now
	}
	sum := c.window.add(now)
	warnOfLosses(sum, lacks)
	c.warnOfViews(sum, lacks)

	tick := c.mysqlTick(now, sum, status, lacks)
	totals := &tick.State.Totals
	totals.Connections = ptr(status.connections)
	if c.myState.noProcess && !r.mariadb {
		totals.Deadlocks = nil // MySQL tells them only who may see all processes
	}
	if sum != nil && sum.seconds > 0 {
		totals.TotalQPS = ptr(float64(max(0, sum.database.statements)) / sum.seconds)
	}
	if now.statements == nil {
		// Without digests nothing is known of time; 0 would be a lie.
		totals.AvgLatencyMS, totals.TimeMSPerS, totals.UnattributedMSPerS, totals.ParseCoverage = nil, nil, nil, nil
	}
	totals.CollectMS = ptr(float64(c.o.Clock.Now().Sub(start).Microseconds()) / 1000)
	if ms, ok := c.cost(); ok {
		totals.CollectMS = ptr(ms)
	}
	return tick, nil
}

// readMySQLEvidence reads what is sampled each round.
func (c *Collector) readMySQLEvidence(ctx context.Context, now *reading, status mysqlStatusNow) (err error) {
	c.known.gauges.maxConnections = c.mysql.maxConnections
	c.known.sessions = nil
	if c.myState.noProcess {
		return nil
	}
	if err := c.mysql.deadlocks(ctx, now); err != nil {
		return err
	}
	// Asking who waits for whom holds up the server's lock manager for a moment: only where somebody waits.
	if c.known.sessions, err = c.mysql.sessions(ctx, c.catalog, status.lockWaits > 0); err != nil {
		return err
	}
	c.samples = c.samples.add(newSample(now.at, c.known.sessions, c.catalog.byOID), c.o.Window)
	return nil
}

// mysqlTick builds the tick by the rules of all databases.
func (c *Collector) mysqlTick(now *reading, sum *delta, status mysqlStatusNow, lacks *missing) *engine.Tick {
	r := c.mysql
	state := engine.LiveState{
		Source: c.o.Source.Name, CollectedAt: now.at, DatabaseType: r.kind(), DatabaseName: r.id.database, DatabaseVersion: r.id.version, Status: "ok",
	}
	c.statusCause = lacks.err()
	if c.statusCause != nil {
		state.Status, state.Message = "partial", c.statusCause.Error()+" — "+engine.HintOf(c.statusCause)
	}
	tables, sizes := make(map[string]*tableState, len(c.myState.tables)), map[int64]int64{}
	for key, t := range c.myState.tables {
		tables[key], sizes[int64(t.rel.oid)] = &t.tableState, t.bytes
	}
	this := &round{
		source: c.o.Source.Name, at: now.at, catalog: c.catalog, tables: tables, usages: c.usages, utility: c.utility, own: c.own,
		sum: sum, thresholds: c.o.Thresholds, trends: c.trends, connections: status.connections,
		database: r.id.database, version: r.id.version, evidence: c.known, levels: c.levels, sizes: sizes, samples: c.samples, activity: c.samples.activity(),
		byOID: c.catalog.byOID, digests: c.digests, texts: c.texts, checks: c.checks, shown: c.shown, gapFrom: c.gapFrom, gapTo: c.gapTo,
	}
	known := c.myState.tables
	this.finish = func(r *round, t *engine.Tick) { r.finishMySQL(t, known) }
	this.evidence.partial = c.statusCause != nil
	c.last = this
	return this.tick(state)
}

// readDigests reads the statements. What is missing there is no reason to stop.
func (c *Collector) readDigests(ctx context.Context, now *reading, lacks *missing) (map[int64]digestRow, error) {
	r := c.mysql
	if r.off {
		lacks.add(performanceOff, "performance_schema is off, so nothing is known of statements")
		return nil, nil
	}
	fresh, err := r.digests(ctx, now)
	if lacksRight(err) {
		now.statements, now.since = nil, nil
	}
	return fresh, lacks.right(err, performanceGrant(r), "statements are hidden")
}

// performanceOff are the lines that turn performance_schema on.
const performanceOff = `add to the server's my.cnf and restart it:
[mysqld]
performance_schema = ON
performance-schema-consumer-statements-digest = ON`

func performanceGrant(r *mysqlReader) string {
	return "run as administrator: GRANT SELECT ON performance_schema.* TO '" + r.config.User + "'@'%';"
}

// settleEpoch says when the server started, and forgets what another server counted.
func (c *Collector) settleEpoch(now *reading, status mysqlStatusNow) {
	s, r := &c.myState, c.mysql
	started := status.at.Add(-status.uptime)
	if s.server != r.server {
		c.window.forget()
		s.server, s.epoch, s.sentBefore = r.server, started, 0
	}
	if apart := started.Sub(s.epoch).Abs(); apart > startTolerance {
		s.epoch, s.sentBefore = started, 0
	}
	now.epoch = s.epoch
	now.database.statements -= s.sentBefore + r.sent
}

// refreshMySQL reads the catalog again where it is old, at most a hundredth of the time.
func (c *Collector) refreshMySQL(ctx context.Context, lacks *missing) error {
	s, r := &c.myState, c.mysql
	at := c.o.Clock.Now()
	if c.catalog == nil || at.Sub(c.catalogAt) >= max(catalogEvery, catalogShare*s.catalogFor) {
		fresh, tables, err := r.catalog(ctx)
		if err != nil {
			return err
		}
		if c.catalog != nil && changedRelations(c.catalog, fresh) {
			c.forgetStatements() // one that named an unknown table may be understood now
		}
		c.known.indexes = nil
		for _, key := range sortedNames(tables) {
			c.known.indexes = append(c.known.indexes, tables[key].indexes...)
		}
		if c.known.settings, err = r.settings(ctx); err != nil && !lacksRight(err) {
			return err
		}
		c.catalog, s.tables, c.catalogAt = fresh, tables, c.o.Clock.Now()
		s.catalogFor = c.catalogAt.Sub(at)
		err = r.seesTransactions(ctx)
		if s.noProcess = lacksRight(err); err != nil && !s.noProcess {
			return err
		}
		s.setup = nil
		if !r.off {
			if s.setup, err = r.setup(ctx); err != nil && !lacksRight(err) { // which readDigests names
				return err
			}
		}
	}
	if s.noProcess {
		lacks.add("run as administrator: GRANT PROCESS ON *.* TO '"+r.config.User+"'@'%';", "lock waits are hidden")
	}
	if len(s.setup) > 0 {
		lacks.add("run as administrator: UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME IN ('global_instrumentation', 'thread_instrumentation', "+
			"'statements_digest'); UPDATE performance_schema.setup_instruments SET ENABLED = 'YES', TIMED = 'YES' WHERE NAME LIKE 'statement/%' OR NAME = 'wait/io/table/sql/handler';",
			"performance_schema is on, but not "+strings.Join(s.setup, ", "))
	}
	return nil
}

// changedRelations says whether statements may mean something else now.
func changedRelations(a, b *catalog) bool {
	if len(a.relations) != len(b.relations) {
		return true
	}
	for name, rel := range b.relations {
		old := a.relations[name]
		if old == nil || old.definition != rel.definition || !maps.Equal(old.columns, rel.columns) {
			return true
		}
	}
	return false
}

// findHidden names schemas that have tables of which this user sees none.
func (c *Collector) findHidden(strangers map[string]bool, lacks *missing) {
	for _, rel := range c.catalog.relations {
		delete(strangers, rel.schema)
	}
	if len(strangers) > 0 || len(c.catalog.relations) == 0 {
		message := "no table is visible"
		if len(strangers) > 0 {
			message = "the tables of " + strings.Join(sortedNames(strangers), ", ") + " are hidden"
		}
		lacks.add("run as administrator: GRANT REFERENCES, SHOW VIEW ON *.* TO '"+c.mysql.config.User+"'@'%';", message)
	}
}

// learnDigest resolves a statement that is new. Only what was learned is kept, not the text.
func (c *Collector) learnDigest(id int64, schema, digest, text string) {
	if strings.Contains(text, mysqlMark) {
		c.own[id] = true
		return
	}
	if !c.mysql.mariadb && verb(text) == "CALL" {
		// MySQL counts what a procedure runs statement by statement, so the call itself would count twice.
		c.own[id] = true
		return
	}
	c.digests[id] = digest
	if !c.o.WithoutTexts {
		if c.texts[id] = strings.TrimSpace(text); len(text) > mostText {
			c.texts[id] = text[:mostText] + " ..."
		}
	}
	u := digestUsage(text, c.catalog, schema)
	if u == nil {
		c.o.Logger.Debug("nothing is known of a statement's tables; its time stays unattributed", "source", c.o.Source.Name, "digest", id)
		return
	}
	c.usages[id], c.utility[id] = u, u.maintenance
}

// forgetDigests drops what was learned of statements that are gone.
func (c *Collector) forgetDigests(now *reading) {
	for id := range c.mysql.texts {
		if _, alive := now.statements[statementID{query: id}]; !alive {
			delete(c.mysql.texts, id)
		}
	}
	forget(c.usages, c.mysql.texts)
	forget(c.utility, c.mysql.texts)
	forget(c.own, c.mysql.texts)
	forget(c.digests, c.mysql.texts)
	forget(c.texts, c.mysql.texts)
}

// spotReset looks whether the digest table was truncated: a row is gone, was first seen at another time, or fell. Then all
// rows began anew, also those that passed their old values meanwhile. Without that, rows are never dropped, so whatever
// is new was not there before.
func (s *mysqlState) spotReset(before, now *reading) {
	first := now.since
	was := s.firstSeen
	s.firstSeen, now.since = first, nil
	if before == nil || before.statements == nil || now.statements == nil {
		return
	}
	now.reset = before.reset
	truncated := false
	for id, old := range before.statements {
		if id.query == executes {
			continue // of another table
		}
		row, there := now.statements[id]
		truncated = truncated || !there || row.began(old) || !first[id].Equal(was[id])
	}
	if !truncated {
		return
	}
	now.reset, now.since = now.at, map[statementID]time.Time{}
	for id := range before.statements {
		if _, there := now.statements[id]; there && id.query != executes {
			now.since[id] = now.at
		}
	}
}
