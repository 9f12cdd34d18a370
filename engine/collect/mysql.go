package collect

import (
	"context"
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
	catalogFor time.Duration // how long the catalog was read, which says how often that may be
	setup      []string      // instruments that are off
	noProcess  bool          // the right to see the transactions of others is missing
	lockTrends trends
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
	if err := c.refreshMySQL(ctx, lacks); err != nil {
		return nil, err
	}
	strangers, err := map[string]bool{}, error(nil)
	if !r.off {
		strangers, err = r.tableWaits(ctx, c.catalog, now)
		if err := lacks.right(err, performanceGrant(r), "the waits of tables are hidden"); err != nil {
			return nil, err
		}
	}
	c.findHidden(strangers, lacks)
	var locks []lockWait
	if !c.myState.noProcess {
		if err := r.deadlocks(ctx, now); err != nil {
			return nil, err
		}
		// Reading them holds up the server's lock manager for a moment: only where somebody waits.
		if status.lockWaits > 0 {
			if locks, err = r.lockWaits(ctx, c.catalog); err != nil {
				return nil, err
			}
		}
	}
	if len(fresh) > 0 {
		if err := r.digestTexts(ctx, fresh, c.learnDigest); err != nil {
			return nil, err
		}
	}
	c.forgetDigests(now)
	c.myState.spotReset(c.window.last, now)
	sum := c.window.add(now)
	incomplete := warnOfLosses(sum, r, lacks)
	c.warnOfViews(sum, lacks)

	tick := c.mysqlTick(now, sum, locks, lacks)
	finishMySQL(tick, sum, incomplete, c.usages, c.myState.tables)
	totals := &tick.State.Totals
	totals.Connections = ptr(status.connections)
	if sum != nil && sum.seconds > 0 {
		totals.TotalQPS = ptr(float64(max(0, sum.database.statements)) / sum.seconds)
	}
	if now.statements == nil {
		// Without digests nothing is known of time; 0 would be a lie.
		totals.AvgLatencyMS, totals.TimeMSPerS, totals.UnattributedMSPerS, totals.ParseCoverage = nil, nil, nil, nil
	}
	totals.CollectMS = ptr(float64(c.o.Clock.Now().Sub(start).Microseconds()) / 1000)
	return tick, nil
}

// mysqlTick builds the tick by the rules of all databases.
func (c *Collector) mysqlTick(now *reading, sum *delta, locks []lockWait, lacks *missing) *engine.Tick {
	r := c.mysql
	state := engine.LiveState{
		Source: c.o.Source.Name, CollectedAt: now.at, DatabaseType: r.kind(), DatabaseName: r.id.database, DatabaseVersion: r.id.version, Status: "ok",
	}
	c.statusCause = lacks.err()
	if c.statusCause != nil {
		state.Status, state.Message = "partial", c.statusCause.Error()+" — "+engine.HintOf(c.statusCause)
	}
	tables := make(map[string]*tableState, len(c.myState.tables))
	for key, t := range c.myState.tables {
		tables[key] = &t.tableState
	}
	round := &round{
		source: c.o.Source.Name, at: now.at, catalog: c.catalog, tables: tables, usages: c.usages, utility: c.utility, own: c.own,
		sum: sum, thresholds: c.o.Thresholds, trends: c.trends,
	}
	tick := round.tick(state)
	tick.Graph.Relationships = append(tick.Graph.Relationships, round.lockRelationships(locks, c.myState.lockTrends)...)
	return tick
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
			c.forgetStatements()
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
func (c *Collector) learnDigest(id int64, schema, text string) {
	if strings.Contains(text, mysqlMark) {
		c.own[id] = true
		return
	}
	if !c.mysql.mariadb && verb(text) == "CALL" {
		// MySQL counts what a procedure runs statement by statement, so the call itself would count twice.
		c.own[id] = true
		return
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
			delete(c.usages, id)
			delete(c.utility, id)
			delete(c.own, id)
		}
	}
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
