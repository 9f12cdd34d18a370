package collect

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// notPlanned is why a statement has no plan although nothing is missing: the server explains a statement only to who may
// run it, and the collector's role shall be able to write nothing.
const notPlanned = "running it takes more than the right to read, which the collector's role is not to have"

// askPlans asks for the plans of the heaviest statements, now and then, and whenever structure or settings changed. While
// many sessions are at work it waits: planning takes their processors.
func (c *Collector) askPlans(ctx context.Context, r *round) error {
	r.evidence.plans, r.evidence.unplanned = c.plans, c.unplanned
	if r.sum == nil || c.reader.schema == "" || c.stale {
		return nil
	}
	under := c.memory.structure + " " + c.memory.settings
	if c.planned == under && c.rounds%plansRounds != 0 {
		return nil
	}
	if last := c.samples[len(c.samples)-1]; last.active >= busySessions {
		return nil
	}
	loads := r.top(r.loads())
	loads = slices.DeleteFunc(loads, func(l *statementLoad) bool {
		return l.usage == nil || len(l.usage.tables) == 0 // its plan explains nothing
	})
	ids := make([]int64, 0, len(loads))
	touched := map[string]bool{}
	for _, l := range loads {
		ids = append(ids, l.queries[0])
		for _, table := range l.usage.tables {
			touched[table] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	texts, err := c.reader.textsOf(ctx, ids)
	if err != nil && !fatal(err) {
		return nil // those of before stand; what is wrong with the texts is told already
	}
	if err != nil {
		return err
	}
	var oids []uint32
	for _, rel := range r.catalog.relations {
		if touched[rel.key()] {
			oids = append(oids, rel.oid)
		}
	}
	granted, err := c.reader.rights(ctx, oids)
	if err != nil {
		return err
	}
	writable := map[string]bool{}
	for oid := range granted.writable {
		writable[r.catalog.byOID[oid].key()] = true
	}
	// Those of before stand for what is not reached in time.
	if c.planned != under {
		c.refused = map[string]bool{}
	}
	fresh, unplanned := map[string]plan{}, map[string]bool{}
	for digest := range c.shown {
		if p, ok := c.plans[digest]; ok {
			fresh[digest] = p
		}
		if c.unplanned[digest] {
			unplanned[digest] = true
		}
	}
	lacking := false
	begun := c.o.Clock.Now()
	for _, l := range loads {
		if c.o.Clock.Now().Sub(begun) > plansTimeout {
			break
		}
		delete(unplanned, l.digest)
		text := texts[l.queries[0]]
		if c.refused[l.digest] {
			continue
		}
		if tree, err := parseTree(text); err == nil && writesAny(tree) && !allOf(writable, l.usage.tables) {
			unplanned[l.digest] = true
			delete(fresh, l.digest)
			continue
		}
		p, err := c.reader.askPlan(ctx, text)
		var refused *pgconn.PgError
		switch {
		case err == nil:
			fresh[l.digest] = p
			continue
		case c.reader.conn.IsClosed():
			return err
		case !errors.As(err, &refused) || refused.Code != "42501":
			// Some normalised texts are no SQL any more, others name tables of a session's own, or take too long. Theirs are
			// unknown, and no right would change that. What cannot be understood is not asked for again: each time would be
			// an error in the server's log.
			if refused != nil && strings.HasPrefix(refused.Code, "42") {
				c.refused[l.digest] = true
			}
			c.o.Logger.Debug("a statement has no plan", "source", c.o.Source.Name, "digest", l.digest, "err", err)
		case granted.readsAll:
			unplanned[l.digest] = true // a function that only its users may call
		default:
			lacking = true
			c.lacks("plans", "GRANT pg_read_all_data TO "+c.reader.conn.Config().User+";", err)
		}
		delete(fresh, l.digest)
	}
	if !lacking {
		delete(c.missing, "plans")
	}
	if len(unplanned) > 0 && len(c.unplanned) == 0 {
		c.o.Logger.Info("some statements are not planned, by design", "source", c.o.Source.Name, "statements", len(unplanned), "why", notPlanned)
	}
	c.plans, c.unplanned, c.planned = fresh, unplanned, under
	r.evidence.plans, r.evidence.unplanned = fresh, unplanned
	return nil
}

// The words of a parse tree that ask for more than the right to read: the statements that write, wherever they stand, and
// FOR UPDATE and its like.
var writingNodes = []string{"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "lockingClause"}

// writes says whether running a statement takes more than the right to read.
func writes(tree any) bool {
	switch x := tree.(type) {
	case object:
		for _, name := range writingNodes {
			if x[name] != nil {
				return true
			}
		}
		for _, v := range x {
			if writes(v) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(x, writes)
	}
	return false
}

// rights are those that plans depend on.
type rights struct {
	readsAll bool            // of pg_read_all_data
	writable map[uint32]bool // tables that this user may write to in every way
}

// Rights are asked for rather than tried out: each refusal is an error in the log of a server that is not ours.
const queryRights = `SELECT ` + mark + ` EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, 'USAGE')),
       (SELECT coalesce(array_agg(c.oid::bigint), '{}') FROM pg_class c WHERE c.oid = ANY($1::oid[])
        AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))`

// rights asks what this user may do, and for which of the tables.
func (r *reader) rights(ctx context.Context, tables []uint32) (rights, error) {
	g := rights{writable: map[uint32]bool{}}
	var writable []int64
	if err := r.conn.QueryRow(ctx, queryRights, tables).Scan(&g.readsAll, &writable); err != nil {
		return g, err
	}
	for _, oid := range writable {
		g.writable[uint32(oid)] = true
	}
	return g, nil
}

func writesAny(tree []object) bool {
	return slices.ContainsFunc(tree, func(o object) bool { return writes(o) })
}

func allOf(have map[string]bool, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !have[name] })
}
