package neo4jdb

import (
	"context"
	"fmt"
	"strings"
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

// ReadLive reads one source until a reading is proven to be of one moment between whole transactions. engine/DESIGN.md says
// what proves it, and why less does not.
func (l *Live) ReadLive(ctx context.Context, source string, o engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	r := &reading{Live: l, source: source, open: open}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	for r.attempt = 1; ; r.attempt++ {
		var err error
		switch {
		case r.attempt <= optimisticAttempts && (r.provable || !r.cooperative):
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
	provable    bool // the list of transactions is complete, and reads come from one server
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

// begin learns what can prove a reading. An Enterprise server shows a user without the right only their own transactions,
// and in a cluster bookmark, list and read may come from different members: there only the gate proves anything.
func (r *reading) begin(ctx context.Context) error {
	version, err := r.version(ctx)
	if err != nil {
		return err
	}
	r.provable = strings.HasSuffix(version, " community")
	g, err := r.look(ctx)
	r.cooperative = g.state.Tick > 0
	return err
}

// glance is what tells whether something was committed.
type glance struct {
	bookmark string // of the last committed transaction, which may be half applied
	state    engine.LiveState
}

func (r *reading) look(ctx context.Context) (g glance, err error) {
	g.bookmark, err = r.readAt(ctx, func(tx *tx) (err error) {
		g.state, err = r.stateIn(ctx, tx)
		return err
	})
	return g, err
}

func (r *reading) stateIn(ctx context.Context, tx *tx) (engine.LiveState, error) {
	row, err := tx.one(ctx, cypher.LiveState, map[string]any{"source": r.source})
	if err != nil || row == nil {
		return engine.LiveState{Source: r.source}, err
	}
	return liveState(properties(row, "properties")), nil
}

// inFlight reports whether a transaction was committing, so that a read may see a part of it.
func (r *reading) inFlight(ctx context.Context) (bool, error) {
	var n int64
	err := r.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.LiveInFlight, nil)
		if err == nil {
			n = integer(row, "in_flight")
		}
		return err
	})
	return n > 0, err
}

// optimistic reads between two looks. What was committed before the first look is either in the first list or applied; what
// comes later moves the bookmark before anything of it can be seen, and a tick of ours moves the tick or is in the second list.
func (r *reading) optimistic(ctx context.Context) error {
	before, err := r.look(ctx)
	if err != nil {
		return err
	}
	busyBefore, err := r.inFlight(ctx)
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
	busyAfter, err := r.inFlight(ctx)
	if err != nil {
		return err
	}
	after, err := r.look(ctx)
	if err != nil {
		return err
	}
	r.state = before.state
	switch {
	case torn > 0 || busyBefore || !r.provable:
	case before.bookmark == after.bookmark:
		r.mode, r.evidence = engine.ConsistencyQuiet, "nothing committing before, bookmark "+before.bookmark+" before and after"
	case before.state.Tick == after.state.Tick && before.state.Tick > 0 && !busyAfter:
		r.mode, r.evidence = engine.ConsistencyTick, fmt.Sprintf("nothing committing before and after, tick %d before and after", before.state.Tick)
	}
	return nil
}

// gated reads while it holds the lock that ticks of the source take first. The lock goes with the transaction, also when
// this process dies, and after gateTime when it is paused.
func (r *reading) gated(ctx context.Context) error {
	torn := 0
	err := r.hold(ctx, gateTime, func(tx *tx) error {
		if err := tx.exec(ctx, cypher.LiveGate, map[string]any{"source": r.source}); err != nil {
			return err
		}
		// A second statement: the one that waits for the lock sees what was before the wait.
		var err error
		if r.state, err = r.stateIn(ctx, tx); err != nil {
			return err
		}
		torn, err = r.once(ctx, tx)
		return err
	})
	if err == nil && torn == 0 {
		r.mode, r.evidence = engine.ConsistencyGate, fmt.Sprintf("the collector was held off after tick %d", r.state.Tick)
	}
	return err
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
			if busy, err := r.inFlight(ctx); err != nil || busy {
				return err
			}
		}
	}
	r.state = before.state
	if torn == 0 && r.provable && sums[0].tally == sums[1].tally {
		r.mode, r.evidence = engine.ConsistencyDouble, fmt.Sprintf("two readings with the digest %x, nothing committing between them", uint64(sums[0].digests))
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
