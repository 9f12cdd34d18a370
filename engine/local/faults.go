package local

import (
	"context"
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
	start   []string                           // statements that bring it about
	clear   []string                           // and those that mend it
	session func(ctx context.Context, d *Demo) // runs until ctx ends
	toggle  func(d *Demo, on bool)             // a switch of the workload
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
			name:    "drop-index",
			cause:   "index users_category_id_idx on users(category_id) is missing, so each recommendation reads all users",
			start:   []string{`DROP INDEX IF EXISTS users_category_id_idx`},
			clear:   []string{`CREATE INDEX IF NOT EXISTS users_category_id_idx ON users (category_id)`},
			present: `SELECT to_regclass('public.users_category_id_idx') IS NULL`,
		},
		{
			name:    "fk-without-index",
			cause:   "no index leads with order_items.product_id, so each deleted product makes its foreign key read all order items",
			start:   []string{`DROP INDEX IF EXISTS order_items_product_id_idx`},
			clear:   []string{`CREATE INDEX IF NOT EXISTS order_items_product_id_idx ON order_items (product_id)`},
			session: func(ctx context.Context, d *Demo) { d.replaceProducts(ctx) },
			present: `SELECT to_regclass('public.order_items_product_id_idx') IS NULL`,
		},
		{
			name:  "stale-statistics",
			cause: "reviews grew to three times its rows with autovacuum off for it, so the planner knows a table that is no more",
			start: []string{
				`ALTER TABLE reviews SET (autovacuum_enabled = false)`, `ALTER TABLE reviews DISABLE TRIGGER ALL`,
				`INSERT INTO reviews (product_id, user_id, rating, body) SELECT 1 + i % 20000, 1 + (i * 7867) % 250000, 1 + i % 5, 'Imported review' FROM generate_series(1, 240000) i`,
				`ALTER TABLE reviews ENABLE TRIGGER ALL`,
			},
			clear:   []string{`DELETE FROM reviews WHERE body = 'Imported review'`, `ALTER TABLE reviews RESET (autovacuum_enabled)`, `VACUUM FULL reviews`, `ANALYZE reviews`},
			present: `SELECT reloptions IS NOT NULL FROM pg_class WHERE oid = 'reviews'::regclass`,
		},
		{
			name:    "plan-flip",
			cause:   "orders.user_id is declared to have one distinct value (n_distinct = 1), so payment_status is planned to read all orders",
			start:   []string{`ALTER TABLE orders ALTER COLUMN user_id SET (n_distinct = 1)`, `ANALYZE orders`},
			clear:   []string{`ALTER TABLE orders ALTER COLUMN user_id RESET (n_distinct)`, `ANALYZE orders`},
			present: `SELECT attoptions IS NOT NULL FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'user_id'`,
		},
		{
			name:  "table-bloat",
			cause: "autovacuum is off for inventory and a job rewrote all its rows four times, so it is mostly dead rows",
			start: []string{
				`ALTER TABLE inventory SET (autovacuum_enabled = false)`, `UPDATE inventory SET quantity = quantity`,
				`UPDATE inventory SET quantity = quantity`, `UPDATE inventory SET quantity = quantity`, `UPDATE inventory SET quantity = quantity`,
			},
			clear:   []string{`ALTER TABLE inventory RESET (autovacuum_enabled)`, `VACUUM FULL inventory`, `ANALYZE inventory`},
			present: `SELECT reloptions IS NOT NULL FROM pg_class WHERE oid = 'inventory'::regclass`,
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
		{
			name:    "n-plus-one",
			cause:   "a page asks for its products one by one, forty statements where one join would do",
			session: func(ctx context.Context, d *Demo) { d.onePerRow(ctx) },
		},
		{
			name:   "traffic-surge",
			cause:  "order_details and stock_check are sent six times as often",
			toggle: func(d *Demo, on bool) { d.surge.Store(on) },
		},
		{
			name:  "cache-squeeze",
			cause: "a job reads the table archive, larger than shared buffers, at random, and pushes the shop's tables out of the cache",
			start: []string{
				`CREATE TABLE archive (id int PRIMARY KEY, body text NOT NULL)`, `ALTER TABLE archive ALTER COLUMN body SET STORAGE PLAIN`,
				`INSERT INTO archive SELECT i, repeat(md5(i::text), 90) FROM generate_series(1, 80000) i`, `ANALYZE archive`,
			},
			clear:   []string{`DROP TABLE IF EXISTS archive`},
			session: func(ctx context.Context, d *Demo) { d.readArchive(ctx) },
			present: `SELECT to_regclass('public.archive') IS NOT NULL`,
		},
		{
			name:    "setting-change",
			cause:   "random_page_cost was raised from 4 to 400, so the planner shuns indexes",
			start:   []string{`ALTER SYSTEM SET random_page_cost = 400`, `SELECT pg_reload_conf()`},
			clear:   []string{`ALTER SYSTEM RESET random_page_cost`, `SELECT pg_reload_conf()`},
			present: `SELECT setting = '400' FROM pg_settings WHERE name = 'random_page_cost'`,
		},
		{
			name:    "temp-spill",
			cause:   "a new report sorts all order items, more than work_mem holds, and spills to temporary files",
			session: func(ctx context.Context, d *Demo) { d.sortAll(ctx) },
		},
		{
			name:    "connection-storm",
			cause:   "a client without a pool holds thirty connections and opens ten more each second",
			session: func(ctx context.Context, d *Demo) { d.storm(ctx) },
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
		for _, statement := range f.start {
			if err := d.exec(ctx, statement); err != nil {
				return err
			}
		}
		if f.toggle != nil {
			f.toggle(d, true)
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
	states, err := d.faults(ctx)
	if err != nil {
		return err
	}
	active := map[string]bool{}
	for _, s := range states {
		active[s.Name] = s.Active
	}
	for _, f := range faultTable() {
		if !active[f.name] {
			continue
		}
		for _, statement := range f.clear {
			if err := d.exec(ctx, statement); err != nil {
				return err
			}
		}
		if f.toggle != nil {
			f.toggle(d, false)
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
