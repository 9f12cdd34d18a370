package local

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"
)

// The sessions of faults: each runs until its context ends, and goes on where the database refuses for a while.

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

// repeat runs a piece of work again and again with a pause between, until ctx ends.
func (d *Demo) repeat(ctx context.Context, fault string, every time.Duration, work func() error) {
	for pause(ctx, every) {
		if err := work(); err != nil && ctx.Err() == nil {
			d.log.Warn("a fault of the demo failed for once, it goes on", "fault", fault, "err", err)
		}
	}
}

// replaceProducts puts products in and takes them out again, as a supplier's import does.
func (d *Demo) replaceProducts(ctx context.Context) {
	const first, count = 900_000, 4
	d.repeat(ctx, "fk-without-index", 500*time.Millisecond, func() error {
		for id := first; id < first+count; id++ {
			if _, err := d.db.ExecContext(ctx, `INSERT INTO products VALUES ($1, 1, 1, 'Sample', 1, false) ON CONFLICT DO NOTHING`, id); err != nil {
				return err
			}
			if _, err := d.db.ExecContext(ctx, `DELETE FROM products WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Demo) onePerRow(ctx context.Context) {
	d.repeat(ctx, "n-plus-one", 100*time.Millisecond, func() error {
		for range 40 {
			var name string
			var price float64
			err := d.db.QueryRowContext(ctx, `SELECT name, price FROM products WHERE id = $1 AND active IS NOT NULL`, 1+rand.IntN(products)).Scan(&name, &price)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Demo) readArchive(ctx context.Context) {
	d.repeat(ctx, "cache-squeeze", 10*time.Millisecond, func() error {
		_, err := d.db.ExecContext(ctx, `SELECT sum(length(body)) FROM archive WHERE id BETWEEN $1 AND $1 + 300`, rand.IntN(80_000))
		return err
	})
}

func (d *Demo) sortAll(ctx context.Context) {
	d.repeat(ctx, "temp-spill", time.Second, func() error {
		_, err := d.db.ExecContext(ctx, `SELECT count(*) FROM (SELECT id, price FROM order_items ORDER BY price, product_id, id OFFSET 0) sorted`)
		return err
	})
}

// storm holds connections and opens more, each for one statement.
func (d *Demo) storm(ctx context.Context) {
	const held, fresh = 30, 10
	crowd, err := d.open(d.dsn)
	if err != nil {
		d.log.Warn("the connection-storm of the demo cannot begin", "err", err)
		return
	}
	defer func() { _ = crowd.Close() }()
	crowd.SetMaxIdleConns(0)
	for range held {
		if c, err := crowd.Conn(ctx); err == nil {
			defer func() { _ = c.Close() }()
		}
	}
	d.repeat(ctx, "connection-storm", time.Second, func() error {
		for range fresh {
			if err := crowd.PingContext(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}
