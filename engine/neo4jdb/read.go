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

// How often a reading is tried. Optimistic readings disturb nobody; after two that could not be proven a collector is held
// off. A stranger cannot be, so what they write is read a second time at once and the readings are compared.
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
		if r.cooperative && (r.attempt > optimisticAttempts || !r.provable) {
			err = r.gated(ctx)
		} else {
			err = r.optimistic(ctx)
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
	var seen *fingerprint
	if r.provable && !r.cooperative {
		seen = newFingerprint()
	}
	torn := 0
	if err := r.stream(ctx, func(tx *tx) (err error) {
		torn, err = r.once(ctx, tx, seen)
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
	case torn > 0 || !r.provable:
	case !busyBefore && before.bookmark == after.bookmark:
		r.mode, r.evidence = engine.ConsistencyQuiet, "nothing committing before, bookmark "+before.bookmark+" before and after"
	case !busyBefore && before.state.Tick == after.state.Tick && before.state.Tick > 0 && !busyAfter:
		r.mode, r.evidence = engine.ConsistencyTick, fmt.Sprintf("nothing committing before and after, tick %d before and after", before.state.Tick)
	case seen != nil:
		return r.double(ctx, seen, !busyAfter)
	}
	return nil
}

// idleLooks is how often an instant at which nothing commits is looked for.
const idleLooks = 20

// double reads a second time. Two equal readings with an instant between them at which no transaction was under way are the
// state of that instant (Afek et al., Atomic snapshots of shared memory, J. ACM 1993).
func (r *reading) double(ctx context.Context, seen *fingerprint, idle bool) error {
	for n := 0; !idle; n++ {
		if n == idleLooks {
			return nil
		}
		busy, err := r.inFlight(ctx)
		if err != nil {
			return err
		}
		idle = !busy
	}
	again := seen.another()
	if err := r.stream(ctx, func(tx *tx) error { return r.passOver(ctx, tx, again) }); err != nil {
		return err
	}
	if again.same(seen) {
		r.mode, r.evidence = engine.ConsistencyDouble, fmt.Sprintf("two equal readings of %d elements, nothing committing between them", seen.count)
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
		torn, err = r.once(ctx, tx, nil)
		return err
	})
	if err == nil && torn == 0 {
		r.mode, r.evidence = engine.ConsistencyGate, fmt.Sprintf("the collector was held off after tick %d", r.state.Tick)
	}
	return err
}

// params are those of the statements that read a source.
func (r *reading) params() map[string]any {
	return map[string]any{"source": r.source, "default": r.defaultSource}
}

// passOver reads the source in one transaction for its fingerprint only.
func (r *reading) passOver(ctx context.Context, tx *tx, f *fingerprint) error {
	if err := tx.each(ctx, cypher.LiveNodes, r.params(), func(row *neo4j.Record) error {
		f.node(integer(row, "id"), labels(row, "labels"), thawed(properties(row, "properties")))
		return nil
	}); err != nil {
		return err
	}
	return tx.each(ctx, cypher.LiveRelationships, r.params(), func(row *neo4j.Record) error {
		from := integer(row, "from")
		for _, l := range leavingIn(row) {
			f.relationship(from, l)
		}
		return nil
	})
}

// once reads the source in one transaction; torn counts the relationships whose end was not among the nodes, which
// happens only when the graph changed meanwhile. seen takes the fingerprint of the reading; it may be nil.
func (r *reading) once(ctx context.Context, tx *tx, seen *fingerprint) (torn int, err error) {
	sink, err := r.open()
	if err != nil {
		return 0, err
	}
	r.from = r.clock.Now()
	k := newKeyer(sink)
	if err := tx.each(ctx, cypher.LiveNodes, r.params(), func(row *neo4j.Record) error {
		id, labels, p := integer(row, "id"), labels(row, "labels"), thawed(properties(row, "properties"))
		if seen != nil {
			seen.node(id, labels, p)
		}
		k.node(id, text(row, "element_id"), labels, p)
		return nil
	}); err != nil {
		return 0, err
	}
	if err := k.endNodes(ctx); err != nil {
		return 0, err
	}
	var unknown []int64
	if err := tx.each(ctx, cypher.LiveRelationships, r.params(), func(row *neo4j.Record) error {
		from, list := integer(row, "from"), leavingIn(row)
		if seen != nil {
			for _, l := range list {
				seen.relationship(from, l)
			}
		}
		missing, err := k.leave(ctx, from, list)
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
	list := lists(row, "relationships", 4)
	out := make([]leaving, 0, len(list))
	for _, parts := range list {
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
