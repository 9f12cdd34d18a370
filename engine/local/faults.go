package local

import (
	"context"
	"database/sql"
	"sort"
	"strings"
	"time"

	"graphsnap/engine"
)

// fault is one thing that can be made to go wrong. present tells of faults that live in the database itself and so
// outlast a restart; the others are sessions or switches of this process.
type fault struct {
	name    string
	cause   string
	start   func(ctx context.Context, d *Demo) error
	clear   func(ctx context.Context, d *Demo) error
	session func(ctx context.Context, d *Demo) // runs until ctx ends
	present string                             // a query that gives true while the fault is there
}

type activeFault struct {
	since  time.Time
	cancel context.CancelFunc
	done   chan struct{}
}

func faultTable() []fault {
	return []fault{
		{
			name:  "drop-index",
			cause: "index users_category_id_idx on users(category_id) is missing, so each recommendation reads all users",
			start: func(ctx context.Context, d *Demo) error {
				return d.exec(ctx, `DROP INDEX IF EXISTS users_category_id_idx`)
			},
			clear: func(ctx context.Context, d *Demo) error {
				return d.exec(ctx, `CREATE INDEX IF NOT EXISTS users_category_id_idx ON users (category_id)`)
			},
			present: `SELECT to_regclass('public.users_category_id_idx') IS NULL`,
		},
		{
			name:  "traffic-surge",
			cause: "order_details and stock_check are sent six times as often",
			start: func(_ context.Context, d *Demo) error { d.surge.Store(true); return nil },
			clear: func(_ context.Context, d *Demo) error { d.surge.Store(false); return nil },
		},
		{
			name:    "lock-blocker",
			cause:   "a session holds row locks on the most wanted products of inventory for 4 of every 5 seconds",
			session: func(ctx context.Context, d *Demo) { d.blockRows(ctx) },
		},
		{
			name:    "deadlocks",
			cause:   "pairs of sessions update the same two warehouses in opposite order",
			session: func(ctx context.Context, d *Demo) { d.deadlock(ctx) },
		},
	}
}

// demoTimeout bounds what a fault does to the database at its start and end.
const demoTimeout = 2 * time.Minute

func (d *Demo) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if _, err := d.db.ExecContext(ctx, statement); err != nil {
		return engine.Errorf(engine.KindUnavailable, "demo fault", "the demo database refuses").WithCause(err)
	}
	return nil
}

// faults lists all faults, by name, with what is active now.
func (d *Demo) faults(ctx context.Context) ([]engine.Fault, error) {
	var list []engine.Fault
	for _, f := range faultTable() {
		out := engine.Fault{Name: f.name, Cause: f.cause}
		if f.present != "" {
			if err := d.db.QueryRowContext(ctx, f.present).Scan(&out.Active); err != nil {
				return nil, engine.Errorf(engine.KindUnavailable, "demo", "the demo database does not answer").WithCause(err)
			}
		}
		d.faultMu.Lock()
		if a, ok := d.active[f.name]; ok {
			out.Active, out.Since = true, a.since
		}
		d.faultMu.Unlock()
		list = append(list, out)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

// StartFault switches a fault on. Kinds: not_found, conflict (it is on already), unavailable.
func (d *Demo) StartFault(ctx context.Context, name string) error {
	states, err := d.faults(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(states))
	for i, f := range states {
		names[i] = f.Name
		if f.Name == name && f.Active {
			return engine.Errorf(engine.KindConflict, "demo fault", "%s is active already", name).WithHint("`graphsnap demo fault clear` ends all faults")
		}
	}
	for _, f := range faultTable() {
		if f.name != name {
			continue
		}
		if f.start != nil {
			if err := f.start(ctx, d); err != nil {
				return err
			}
		}
		a := &activeFault{since: d.clock.Now(), cancel: func() {}, done: make(chan struct{})}
		if f.session != nil {
			session, cancel := context.WithCancel(context.WithoutCancel(ctx))
			a.cancel = cancel
			go func() {
				defer close(a.done)
				f.session(session, d)
			}()
		} else {
			close(a.done)
		}
		d.faultMu.Lock()
		d.active[name] = a
		d.faultMu.Unlock()
		return nil
	}
	return engine.Errorf(engine.KindNotFound, "demo fault", "there is no fault %q", name).WithHint("faults are: %s", strings.Join(names, ", "))
}

// ClearFaults ends all faults and mends what they did. Kinds: unavailable.
func (d *Demo) ClearFaults(ctx context.Context) error {
	d.endSessions()
	for _, f := range faultTable() {
		if f.clear != nil {
			if err := f.clear(ctx, d); err != nil {
				return err
			}
		}
		d.faultMu.Lock()
		delete(d.active, f.name)
		d.faultMu.Unlock()
	}
	return nil
}

// endSessions ends the faults that are sessions of this process and waits for them.
func (d *Demo) endSessions() {
	d.faultMu.Lock()
	running := make([]*activeFault, 0, len(d.active))
	for _, a := range d.active {
		running = append(running, a)
	}
	d.faultMu.Unlock()
	for _, a := range running {
		a.cancel()
		<-a.done
	}
}

// pause waits and reports whether to go on.
func pause(ctx context.Context, t time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(t):
		return true
	}
}

func (d *Demo) blockRows(ctx context.Context) {
	for pause(ctx, time.Second) {
		err := d.inTx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `SELECT quantity FROM inventory WHERE product_id <= $1 FOR UPDATE`, hotProducts)
			if err == nil {
				pause(ctx, 4*time.Second)
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			d.log.Warn("the lock-blocker of the demo failed, it goes on", "err", err)
		}
	}
}

// deadlock lets two transactions take two rows in opposite order; PostgreSQL ends one of them after deadlock_timeout.
func (d *Demo) deadlock(ctx context.Context) {
	const touch = `UPDATE warehouses SET touched = touched + 1 WHERE id = $1`
	cross := func(first, second int, met chan<- struct{}, meet <-chan struct{}) {
		_ = d.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, touch, first); err != nil {
				close(met)
				return err
			}
			close(met)
			select {
			case <-meet:
			case <-ctx.Done():
			}
			_, err := tx.ExecContext(ctx, touch, second) // one of the two fails here: that is the point
			return err
		})
	}
	for pause(ctx, 2*time.Second) {
		a, b, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			cross(2, 1, b, a)
		}()
		cross(1, 2, a, b)
		<-done
	}
}

func (d *Demo) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
