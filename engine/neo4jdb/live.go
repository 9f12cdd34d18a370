package neo4jdb

import (
	"context"
	"fmt"
	"log/slog"
	"sort"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Live is the live graph in Neo4j: it implements engine.LiveReader and engine.LiveWriter.
type Live struct {
	*server
	defaultSource string
	clock         engine.Clock
	log           *slog.Logger
}

var (
	_ engine.LiveReader = (*Live)(nil)
	_ engine.LiveWriter = (*Live)(nil)
)

// OpenLive makes the live graph; elements without a source belong to defaultSource. It connects at the first use, or
// by Ready. Kinds: invalid.
func OpenLive(c Config, defaultSource string, clock engine.Clock, log *slog.Logger) (*Live, error) {
	s, err := open("live", c)
	if err != nil {
		return nil, err
	}
	return &Live{server: s, defaultSource: defaultSource, clock: clock, log: log}, nil
}

// Close gives all connections back.
func (l *Live) Close(ctx context.Context) error { return l.close(ctx) }

// Ready connects, brings the schema up to date and gives the server's version. Kinds: unavailable, denied, conflict.
func (l *Live) Ready(ctx context.Context) (version string, err error) { return l.version(ctx) }

// Sources lists the sources of the live graph, those of other producers too.
func (l *Live) Sources(ctx context.Context) ([]engine.LiveState, error) {
	var states []engine.LiveState
	err := l.read(ctx, func(tx *tx) error {
		states = nil
		if err := tx.each(ctx, cypher.LiveStates, nil, func(r *neo4j.Record) error {
			states = append(states, liveState(properties(r, "properties")))
			return nil
		}); err != nil {
			return err
		}
		return tx.each(ctx, cypher.LiveStrangers, map[string]any{"default": l.defaultSource}, func(r *neo4j.Record) error {
			states = append(states, engine.LiveState{Source: text(r, "source")})
			return nil
		})
	})
	sort.Slice(states, func(i, j int) bool { return states[i].Source < states[j].Source })
	return states, err
}

// readAttempts bounds how often a read is repeated because the live graph changed meanwhile.
const readAttempts = 5

// ReadLive reads one source in one transaction between two looks at the bookmark and the tick. If the bookmark stood
// still, nothing was committed meanwhile; if only the tick stood still, no collector of ours wrote this source. After
// five attempts in which both moved the last read is given as fuzzy, with a warning.
func (l *Live) ReadLive(ctx context.Context, source string, o engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	for attempt := 1; ; attempt++ {
		before, mark, err := l.look(ctx, source)
		if err != nil {
			return nil, err
		}
		start := l.clock.Now()
		read, graph, torn, err := l.readOnce(ctx, source)
		if err != nil {
			return nil, err
		}
		elapsed := l.clock.Now().Sub(start)
		after, markAfter, err := l.look(ctx, source)
		if err != nil {
			return nil, err
		}
		read.State = before
		read.Consistency = engine.Consistency{Attempts: attempt, ReadMS: float64(elapsed.Microseconds()) / 1000, ReadFrom: start}
		switch {
		case torn > 0 && attempt < readAttempts:
			continue
		case mark == markAfter:
			read.Consistency.Mode = engine.ConsistencyQuiet
		case before.Tick == after.Tick && before.Tick > 0:
			read.Consistency.Mode = engine.ConsistencyTick
		case attempt == readAttempts && !o.AllowFuzzy:
			return nil, engine.Errorf(engine.KindConflict, "read live graph", "the live graph of %q changed during each of %d reads", source, attempt).
				WithHint("try again when its writer pauses, or allow a fuzzy snapshot")
		case attempt == readAttempts:
			read.Consistency.Mode = engine.ConsistencyFuzzy
			read.Warnings = append(read.Warnings, fmt.Sprintf("the live graph changed during each of %d reads; parts may be of different moments", attempt))
		default:
			continue
		}
		if len(graph.Nodes) == 0 {
			return nil, engine.Errorf(engine.KindNotFound, "read live graph", "source %q has nothing in the live graph", source).
				WithHint("wait for its first tick, or see `graphsnap status` for what is wrong with it")
		}
		sink, err := open()
		if err == nil {
			err = engine.Feed(ctx, graph, sink)
		}
		return read, err
	}
}

// look gives the state of a source and the bookmark of the database.
func (l *Live) look(ctx context.Context, source string) (engine.LiveState, string, error) {
	state := engine.LiveState{Source: source}
	mark, err := l.readAt(ctx, func(tx *tx) error {
		return tx.each(ctx, cypher.LiveStates, nil, func(r *neo4j.Record) error {
			if s := liveState(properties(r, "properties")); s.Source == source {
				state = s
			}
			return nil
		})
	})
	return state, mark, err
}

// readOnce reads one source in one transaction; torn counts the relationships whose end was not among the nodes, which
// happens only when the graph changed meanwhile.
func (l *Live) readOnce(ctx context.Context, source string) (read *engine.LiveRead, graph *engine.Graph, torn int, err error) {
	params := map[string]any{"source": source, "default": l.defaultSource}
	var k *keyer
	foreign := 0
	err = l.read(ctx, func(tx *tx) error {
		k, foreign, torn = newKeyer(), 0, 0
		if err := tx.each(ctx, cypher.LiveNodes, params, func(r *neo4j.Record) error {
			k.node(text(r, "id"), labels(r, "labels"), properties(r, "properties"))
			return nil
		}); err != nil {
			return err
		}
		return tx.each(ctx, cypher.LiveRelationships, params, func(r *neo4j.Record) error {
			switch {
			case k.relationship(text(r, "id"), text(r, "type"), text(r, "from"), text(r, "to"), properties(r, "properties")):
			case text(r, "to_source") != source:
				foreign++
			default:
				torn++
			}
			return nil
		})
	})
	if err != nil {
		return nil, nil, 0, err
	}
	graph, warnings := k.graph()
	if foreign > 0 {
		warnings = append(warnings, fmt.Sprintf("%d relationships lead into other sources and were left out", foreign))
	}
	if torn > 0 {
		warnings = append(warnings, fmt.Sprintf("%d relationships ended at nodes that appeared during the read and were left out", torn))
	}
	return &engine.LiveRead{Warnings: warnings}, graph, torn, nil
}

// WriteTick replaces what a source holds by a tick, in one transaction that takes the source's lock first. Elements
// keep their place in the store while their key, labels and ends stay the same.
func (l *Live) WriteTick(ctx context.Context, t *engine.Tick) (int64, error) {
	if t.State.Source == "" {
		return 0, engine.Errorf(engine.KindInvalid, "write tick", "the tick names no source")
	}
	if err := t.Graph.Check(); err != nil {
		return 0, err
	}
	var tick int64
	err := l.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.LiveNextTick, map[string]any{"source": t.State.Source})
		if err != nil {
			return err
		}
		tick = integer(row, "tick")
		ids, err := writeNodes(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := writeRelationships(ctx, tx, t, ids); err != nil {
			return err
		}
		state := t.State
		state.Tick = tick
		return tx.exec(ctx, cypher.LiveSetState, map[string]any{"source": state.Source, "properties": stateProperties(state)})
	})
	return tick, err
}

// writeNodes brings the nodes of the source in line with the tick and gives the element id of each key.
func writeNodes(ctx context.Context, tx *tx, t *engine.Tick) (map[string]string, error) {
	type existing struct {
		id     string
		labels []string
	}
	have := map[string]existing{}
	var gone []string
	if err := tx.each(ctx, cypher.LiveOwnNodes, map[string]any{"source": t.State.Source}, func(r *neo4j.Record) error {
		key := text(r, "key")
		if _, twice := have[key]; twice || key == "" {
			gone = append(gone, text(r, "id"))
			return nil
		}
		have[key] = existing{text(r, "id"), labels(r, "labels")}
		return nil
	}); err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(t.Graph.Nodes))
	var create, update []map[string]any
	var created []string
	for _, n := range t.Graph.Nodes {
		p := make(map[string]any, len(n.Properties)+2)
		for name, v := range n.Properties {
			p[name] = v
		}
		p["key"], p["source"] = n.Key, t.State.Source
		own := append([]string(nil), n.Labels...)
		sort.Strings(own)
		if old, ok := have[n.Key]; ok && equal(old.labels, own) {
			ids[n.Key] = old.id
			delete(have, n.Key)
			update = append(update, map[string]any{"id": old.id, "properties": p})
			continue
		}
		create = append(create, map[string]any{"labels": own, "properties": p})
		created = append(created, n.Key)
	}
	for _, old := range have {
		gone = append(gone, old.id)
	}
	if err := some(ctx, tx, cypher.LiveDeleteNodes, "ids", gone); err != nil {
		return nil, err
	}
	if err := some(ctx, tx, cypher.LiveUpdateNodes, "rows", update); err != nil {
		return nil, err
	}
	if len(create) > 0 {
		i := 0
		if err := tx.each(ctx, cypher.LiveCreateNodes, map[string]any{"rows": create}, func(r *neo4j.Record) error {
			ids[created[i]] = text(r, "id")
			i++
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func writeRelationships(ctx context.Context, tx *tx, t *engine.Tick, ids map[string]string) error {
	type identity struct{ relType, from, to, key string }
	have := map[identity]string{}
	var gone []string
	if err := tx.each(ctx, cypher.LiveOwnRelationships, map[string]any{"source": t.State.Source}, func(r *neo4j.Record) error {
		id := identity{text(r, "type"), text(r, "from"), text(r, "to"), text(r, "key")}
		if _, twice := have[id]; twice {
			gone = append(gone, text(r, "id"))
			return nil
		}
		have[id] = text(r, "id")
		return nil
	}); err != nil {
		return err
	}
	var create, update []map[string]any
	for _, rel := range t.Graph.Relationships {
		p := map[string]any(rel.Properties)
		key, _ := p["key"].(string)
		id := identity{rel.Type, ids[rel.From], ids[rel.To], key}
		if old, ok := have[id]; ok {
			delete(have, id)
			update = append(update, map[string]any{"id": old, "properties": p})
			continue
		}
		create = append(create, map[string]any{"type": rel.Type, "from": id.from, "to": id.to, "properties": p})
	}
	for _, old := range have {
		gone = append(gone, old)
	}
	if err := some(ctx, tx, cypher.LiveDeleteRelationships, "ids", gone); err != nil {
		return err
	}
	if err := some(ctx, tx, cypher.LiveUpdateRelationships, "rows", update); err != nil {
		return err
	}
	return some(ctx, tx, cypher.LiveCreateRelationships, "rows", create)
}

// some runs a statement over a list, unless the list is empty.
func some[T any](ctx context.Context, tx *tx, s cypher.Statement, param string, list []T) error {
	if len(list) == 0 {
		return nil
	}
	return tx.exec(ctx, s, map[string]any{param: list})
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// stateProperties gives the :LiveGraph node of a state; unknown figures are absent.
func stateProperties(s engine.LiveState) map[string]any {
	p := totalsProperties(s.Totals)
	p["source"], p["tick"] = s.Source, s.Tick
	p["database_type"], p["database_name"], p["database_version"] = s.DatabaseType, s.DatabaseName, s.DatabaseVersion
	p["status"], p["message"] = s.Status, s.Message
	if !s.CollectedAt.IsZero() {
		p["collected_at"] = s.CollectedAt.UTC()
	}
	return p
}

func liveState(p engine.Properties) engine.LiveState {
	s := engine.LiveState{Totals: totals(p)}
	s.Source, _ = p["source"].(string)
	s.Tick, _ = p["tick"].(int64)
	s.DatabaseType, _ = p["database_type"].(string)
	s.DatabaseName, _ = p["database_name"].(string)
	s.DatabaseVersion, _ = p["database_version"].(string)
	s.Status, _ = p["status"].(string)
	s.Message, _ = p["message"].(string)
	if at, ok := p["collected_at"].(time.Time); ok {
		s.CollectedAt = at.UTC()
	}
	return s
}

// totalsProperties gives the totals under the names of the live graph; unknown figures are absent.
func totalsProperties(t engine.Totals) map[string]any {
	p := map[string]any{}
	for name, v := range map[string]*float64{
		"total_qps": t.TotalQPS, "avg_latency_ms": t.AvgLatencyMS, "time_ms_per_s": t.TimeMSPerS,
		"unattributed_ms_per_s": t.UnattributedMSPerS, "error_rate": t.ErrorRate, "parse_coverage": t.ParseCoverage,
		"window_s": t.WindowS, "collect_ms": t.CollectMS,
	} {
		if v != nil {
			p[name] = *v
		}
	}
	for name, v := range map[string]*int64{"deadlocks": t.Deadlocks, "connections": t.Connections} {
		if v != nil {
			p[name] = *v
		}
	}
	return p
}

func totals(p engine.Properties) engine.Totals {
	float := func(name string) *float64 {
		if v, ok := p.Number(name); ok {
			return &v
		}
		return nil
	}
	whole := func(name string) *int64 {
		if v, ok := p[name].(int64); ok {
			return &v
		}
		return nil
	}
	return engine.Totals{
		TotalQPS: float("total_qps"), AvgLatencyMS: float("avg_latency_ms"), TimeMSPerS: float("time_ms_per_s"),
		UnattributedMSPerS: float("unattributed_ms_per_s"), ErrorRate: float("error_rate"), ParseCoverage: float("parse_coverage"),
		WindowS: float("window_s"), CollectMS: float("collect_ms"),
		Deadlocks: whole("deadlocks"), Connections: whole("connections"),
	}
}
