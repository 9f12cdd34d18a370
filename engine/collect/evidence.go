package collect

import (
	"context"
	"errors"
	"sort"

	"github.com/jackc/pgx/v5/pgconn"

	"graphsnap/engine"
)

// The nodes and relationships that explain figures. Each kind is read and built in a file of its own.
const (
	labelDatabase  = "Database"
	labelIndex     = "Index"
	labelSetting   = "Setting"
	labelExtension = "Extension"
	labelSession   = "Session"
	labelWait      = "Wait"
	labelReplica   = "Replica"
	labelStatement = "Statement"
	labelPlan      = "Plan"

	relHasIndex     = "HAS_INDEX"
	relHasSetting   = "HAS_SETTING"
	relHasExtension = "HAS_EXTENSION"
	relHasWait      = "HAS_WAIT"
	relHasSession   = "HAS_SESSION"
	relReplicatesTo = "REPLICATES_TO"
	relWaitsFor     = "WAITS_FOR"
	relLockWait     = "LOCK_WAIT"
	relUses         = "USES"
	relHasPlan      = "HAS_PLAN"
	relFKCheck      = "FK_CHECK"
)

// How far gauges may move before they count as changed, as a part of their value.
const (
	sizeTolerance = 0.05
	rateTolerance = 0.30
	waitTolerance = 0.50
)

// evidence is what one round read beside counters.
type evidence struct {
	gauges     gauges
	indexes    []index
	settings   []setting
	extensions []extension
	sessions   []session
	replicas   []replica
	plans      map[string]plan // by statement digest
	unplanned  map[string]bool // digests of statements that are not planned by design
	filterings []filtering
	partial    bool // statements of others are hidden, so figures are lower bounds
}

// explain adds the evidence to a tick.
func (r *round) explain(t *engine.Tick, a *attribution) {
	if r.database == "" {
		return
	}
	b := &builder{graph: &t.Graph, have: map[string]bool{}}
	for _, n := range t.Graph.Nodes {
		b.have[n.Key] = true
	}
	r.databaseNode(b, a)
	r.indexNodes(b)
	r.settingNodes(b)
	r.sessionNodes(b)
	r.predicateNodes(b)
	if a != nil {
		r.statementNodes(b, a)
		r.foreignKeyChecks(b)
	}
	r.levels.keep()
}

// builder adds elements to a graph, each key once.
type builder struct {
	graph *engine.Graph
	have  map[string]bool
}

func (b *builder) node(key, label string, p engine.Properties) {
	if !b.have[key] {
		b.have[key] = true
		b.graph.Nodes = append(b.graph.Nodes, engine.Node{Key: key, Labels: []string{label}, Properties: p})
	}
}

// link joins two nodes where both are there.
func (b *builder) link(from, relType, to, discriminator string, p engine.Properties) {
	key := engine.RelationshipKey(from, relType, to, discriminator)
	if !b.have[from] || !b.have[to] || b.have[key] {
		return
	}
	b.have[key] = true
	if p == nil {
		p = engine.Properties{}
	}
	b.graph.Relationships = append(b.graph.Relationships, engine.Relationship{Key: key, Type: relType, From: from, To: to, Properties: p})
}

// optional reads a kind of evidence. A right that is missing costs this kind alone; it is named once, and the rest goes on.
func (c *Collector) optional(ctx context.Context, what, grant string, read func(ctx context.Context) error) error {
	err := read(ctx)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "42501" || refused.Code == "42883" || refused.Code == "42P01" || refused.Code == "55000") {
		c.lacks(what, grant, err)
		return nil
	}
	if err == nil {
		delete(c.missing, what)
	}
	return err
}

// lacks notes that a kind of evidence cannot be read, and names it once.
func (c *Collector) lacks(what, grant string, err error) {
	if c.missing[what] == "" {
		c.o.Logger.Warn("a kind of evidence cannot be read; the rest goes on", "source", c.o.Source.Name, "what", what, "err", err, "hint", grant)
	}
	c.missing[what] = grant
}

// lacking gives what cannot be read for want of a right, as an error with the statement that grants it; nil for nothing.
func (c *Collector) lacking() error {
	if len(c.missing) == 0 {
		return nil
	}
	names := sortedNames(c.missing)
	grants := map[string]bool{}
	for _, name := range names {
		grants[c.missing[name]] = true
	}
	list := sortedNames(grants)
	return engine.Errorf(engine.KindDenied, "collect", "not readable: %s", joinWords(names)).WithHint("run as superuser: %s", joinWords(list))
}

func joinWords(words []string) string {
	sort.Strings(words)
	text := ""
	for i, w := range words {
		if i > 0 {
			text += ", "
		}
		text += w
	}
	return text
}
