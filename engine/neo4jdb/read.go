package neo4jdb

import (
	"context"
	"fmt"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// How often a reading is tried. Optimistic readings disturb nobody; after two that could not be proven the collector is
// held off, or, where a stranger writes, two readings are compared.
const (
	optimisticAttempts = 2
	readAttempts       = 5
	// gateTime bounds how long a collector is held off, even if this process is paused meanwhile.
	gateTime = 30 * time.Second
)

// ReadLive reads one source until a reading is proven to be of one moment between whole transactions. CONSISTENCY in
// engine/DESIGN.md says what proves it.
func (l *Live) ReadLive(ctx context.Context, source string, o engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	r := &reading{Live: l, source: source, open: open}
	for r.attempt = 1; ; r.attempt++ {
		var err error
		switch {
		case r.attempt <= optimisticAttempts:
			err = r.optimistic(ctx)
		case r.cooperative:
			err = r.gated(ctx)
		default:
			err = r.double(ctx)
		}
		if err != nil {
			return nil, err
		}
		if r.mode == "" && r.attempt == readAttempts {
			if !o.AllowFuzzy {
				return nil, engine.Errorf(engine.KindConflict, "read live graph", "the live graph of %q changed during each of %d readings, so no moment of it can be proven", source, r.attempt).
					WithHint("try again when its writer pauses, or take a reading that nothing proves: --allow-fuzzy, or allow_fuzzy in the request")
			}
			r.mode, r.evidence = engine.ConsistencyFuzzy, fmt.Sprintf("%d readings, none of them proven", r.attempt)
			r.warnings = append(r.warnings, fmt.Sprintf("the live graph changed during each of %d readings; parts may be of different moments", r.attempt))
		}
		if r.mode != "" {
			return r.result()
		}
	}
}

// reading is the reading of one source, over all its attempts.
type reading struct {
	*Live
	source string
	open   func() (engine.Sink, error)

	attempt     int
	state       engine.LiveState
	cooperative bool // a collector of ours writes the source, and honours the gate
	mode        engine.ConsistencyMode
	evidence    string
	warnings    []string
	count       int
	from        time.Time
	took        time.Duration
}

func (r *reading) result() (*engine.LiveRead, error) {
	if r.count == 0 {
		return nil, engine.Errorf(engine.KindNotFound, "read live graph", "source %q has nothing in the live graph", r.source).
			WithHint("wait for its first tick, or see `graphsnap status` for what is wrong with it")
	}
	return &engine.LiveRead{
		State: r.state, Warnings: r.warnings,
		Consistency: engine.Consistency{Mode: r.mode, Attempts: r.attempt, ReadMS: float64(r.took.Microseconds()) / 1000, ReadFrom: r.from, Evidence: r.evidence},
	}, nil
}

// glance is what tells whether something was written.
type glance struct {
	bookmark string
	state    engine.LiveState
	writing  int64 // the tick that the collector is about to write, or wrote last
	busy     int64 // transactions of others that hold locks
}

// steady reports whether no collector of ours was between announcing and ending a tick.
func (g *glance) steady() bool { return g.state.Tick > 0 && g.writing == g.state.Tick }

func (r *reading) look(ctx context.Context) (g glance, err error) {
	g.state.Source = r.source
	if g.bookmark, err = r.readAt(ctx, func(tx *tx) error {
		return r.lookIn(ctx, tx, &g)
	}); err != nil {
		return g, err
	}
	r.cooperative = g.writing > 0
	return g, nil
}

func (r *reading) lookIn(ctx context.Context, tx *tx, g *glance) error {
	row, err := tx.one(ctx, cypher.LiveState, map[string]any{"source": r.source})
	if err != nil || row == nil {
		return err
	}
	p := properties(row, "properties")
	g.state = liveState(p)
	g.writing, _ = p["writing"].(int64)
	return nil
}

// busy counts the transactions of others that hold locks; one whose commit is being applied is among them.
func (r *reading) busy(ctx context.Context) (int64, error) {
	var n int64
	err := r.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.LiveBusy, nil)
		if err == nil {
			n = integer(row, "busy")
		}
		return err
	})
	return n, err
}

// optimistic reads between two looks.
func (r *reading) optimistic(ctx context.Context) error {
	before, err := r.look(ctx)
	if err != nil {
		return err
	}
	torn := 0
	if err := r.stream(ctx, func(tx *tx) (err error) {
		torn, err = r.once(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	busy, err := r.busy(ctx)
	if err != nil {
		return err
	}
	after, err := r.look(ctx)
	if err != nil {
		return err
	}
	r.state = before.state
	switch {
	case torn > 0:
	case before.bookmark == after.bookmark && busy == 0:
		r.mode, r.evidence = engine.ConsistencyQuiet, "bookmark "+before.bookmark+" before and after, no transaction under way"
	case before.steady() && after.steady() && before.state.Tick == after.state.Tick:
		r.mode, r.evidence = engine.ConsistencyTick, fmt.Sprintf("tick %d before and after, none under way", before.state.Tick)
	}
	return nil
}

// gated reads while it holds the lock that ticks of the source take first. The lock goes with the transaction, also when
// this process dies, and after gateTime when it is paused.
func (r *reading) gated(ctx context.Context) error {
	var g glance
	torn := 0
	err := r.hold(ctx, gateTime, func(tx *tx) error {
		if err := tx.exec(ctx, cypher.LiveGate, map[string]any{"source": r.source}); err != nil {
			return err
		}
		if err := r.lookIn(ctx, tx, &g); err != nil {
			return err
		}
		var err error
		torn, err = r.once(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	r.state = g.state
	if torn == 0 {
		r.mode, r.evidence = engine.ConsistencyGate, fmt.Sprintf("the collector was held off after tick %d", g.state.Tick)
	}
	return nil
}

// double reads twice. Two equal readings with an instant between them at which no transaction was under way are the state
// of that instant (Afek et al., Atomic snapshots of shared memory, J. ACM 1993).
func (r *reading) double(ctx context.Context) error {
	before, err := r.look(ctx)
	if err != nil {
		return err
	}
	var sums [2]sum
	torn := 0
	keep := r.open
	defer func() { r.open = keep }()
	for i := range sums {
		r.open = func() (engine.Sink, error) {
			if i == 1 {
				return &sums[i], nil
			}
			sink, err := keep()
			sums[i].next = sink
			return &sums[i], err
		}
		if err := r.stream(ctx, func(tx *tx) error {
			missing, err := r.once(ctx, tx)
			torn += missing
			return err
		}); err != nil {
			return err
		}
		if i == 0 {
			if busy, err := r.busy(ctx); err != nil || busy > 0 {
				return err
			}
		}
	}
	r.state = before.state
	if torn == 0 && sums[0].tally == sums[1].tally {
		r.mode, r.evidence = engine.ConsistencyDouble, fmt.Sprintf("two readings with the digest %x, no transaction under way between them", uint64(sums[0].digests))
	}
	return nil
}

// sum is a sink that adds up what passes through it, whatever its order.
type sum struct {
	next engine.Sink
	tally
}

func (s *sum) Nodes(ctx context.Context, nodes []engine.Node, _ []int64) error {
	for _, n := range nodes {
		d, err := engine.NodeDigest(n)
		if err != nil {
			return err
		}
		s.count++
		s.digests += d.Full // wraps around, which is as good as a modulus
	}
	if s.next == nil {
		return nil
	}
	return s.next.Nodes(ctx, nodes, nil)
}

func (s *sum) Relationships(ctx context.Context, rels []engine.Relationship, _ []int64) error {
	for _, rel := range rels {
		d, err := engine.RelationshipDigest(rel)
		if err != nil {
			return err
		}
		s.count++
		s.digests += d.Full
	}
	if s.next == nil {
		return nil
	}
	return s.next.Relationships(ctx, rels, nil)
}

// once reads the source in one transaction; torn counts the relationships whose end was not among the nodes, which
// happens only when the graph changed meanwhile.
func (r *reading) once(ctx context.Context, tx *tx) (torn int, err error) {
	sink, err := r.open()
	if err != nil {
		return 0, err
	}
	r.from = r.clock.Now()
	params := map[string]any{"source": r.source, "default": r.defaultSource}
	k := newKeyer(sink)
	if err := tx.each(ctx, cypher.LiveNodes, params, func(row *neo4j.Record) error {
		k.node(integer(row, "id"), text(row, "element_id"), labels(row, "labels"), thawed(properties(row, "properties")))
		return nil
	}); err != nil {
		return 0, err
	}
	if err := k.endNodes(ctx); err != nil {
		return 0, err
	}
	var unknown []int64
	if err := tx.each(ctx, cypher.LiveRelationships, params, func(row *neo4j.Record) error {
		missing, err := k.leave(ctx, integer(row, "from"), leavingIn(row))
		unknown = append(unknown, missing...)
		return err
	}); err != nil {
		return 0, err
	}
	if err := k.endRelationships(ctx); err != nil {
		return 0, err
	}
	foreign := 0
	if len(unknown) > 0 {
		if err := tx.each(ctx, cypher.LiveSourceOf, map[string]any{"ids": unknown, "default": r.defaultSource}, func(row *neo4j.Record) error {
			if text(row, "source") == r.source {
				torn++
			} else {
				foreign++
			}
			return nil
		}); err != nil {
			return 0, err
		}
		torn += len(unknown) - torn - foreign // what is gone by now
	}
	r.took = r.clock.Now().Sub(r.from)
	r.count = k.count
	r.warnings = k.warnings()
	if foreign > 0 {
		r.warnings = append(r.warnings, fmt.Sprintf("%d relationships lead into other sources and were left out", foreign))
	}
	if torn > 0 {
		r.warnings = append(r.warnings, fmt.Sprintf("%d relationships ended at nodes that appeared or vanished during the read and were left out", torn))
	}
	return torn, nil
}

// leavingIn reads the relationships of one node: a list of [id, type, id of the end, properties].
func leavingIn(row *neo4j.Record) []leaving {
	v, _ := row.Get("relationships")
	list, _ := v.([]any)
	out := make([]leaving, 0, len(list))
	for _, item := range list {
		parts, _ := item.([]any)
		if len(parts) != 4 {
			continue
		}
		var l leaving
		l.id, _ = parts[0].(int64)
		l.relType, _ = parts[1].(string)
		l.to, _ = parts[2].(int64)
		p, _ := parts[3].(map[string]any)
		l.p = thawed(p)
		out = append(out, l)
	}
	return out
}

// thawed brings the values of a live element into the engine's types, in place.
func thawed(p engine.Properties) engine.Properties {
	for name, v := range p {
		switch v.(type) {
		case string, int64, float64, bool:
		default:
			p[name] = fromDriver(v)
		}
	}
	return p
}
