package collect

import (
	"context"

	"graphsnap/engine"
)

// readStructure reads the structure where it changed, and what hangs on it.
func (c *Collector) readStructure(ctx context.Context) error {
	structure, settings, err := c.reader.fingerprint(ctx)
	if err != nil {
		return err
	}
	changed := c.catalog == nil || structure != c.memory.structure
	if changed || c.o.Clock.Now().Sub(c.catalogAt) >= catalogEvery {
		fresh, err := c.reader.catalog(ctx, c.id.searchPath)
		if err != nil {
			return err
		}
		if c.known.indexes, err = c.reader.indexes(ctx, fresh.byOID); err != nil {
			return err
		}
		if c.catalog != nil && changed {
			// A statement that named an unknown table may be understood now.
			c.usages, c.utility = map[int64]*usage{}, map[int64]bool{}
			c.reader.known = nil
		}
		c.catalog, c.catalogAt = fresh, c.o.Clock.Now()
	}
	if changed || c.sizes == nil || c.rounds%sizesRounds == 0 {
		if c.sizes, err = c.reader.sizes(ctx); err != nil {
			return err
		}
	}
	if settings != c.memory.settings || c.rounds%settingsRounds == 0 {
		err := c.optional(ctx, "settings", "GRANT pg_monitor TO "+c.reader.conn.Config().User+";", func(ctx context.Context) (err error) {
			c.known.settings, err = c.reader.settings(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if c.known.extensions, err = c.reader.extensions(ctx); err != nil {
			return err
		}
	}
	// A session keeps the settings it began with, and plans by them; a new one is opened for the next round.
	c.stale = c.memory.settings != "" && settings != c.memory.settings
	c.memory.structure, c.memory.settings = structure, settings
	c.rounds++
	return nil
}

// readEvidence reads what is sampled each round.
func (c *Collector) readEvidence(ctx context.Context, now *reading) (err error) {
	if err := c.reader.indexScans(ctx, now); err != nil {
		return err
	}
	c.written = c.written.add(now.at, now.database.walBytes)
	if c.known.gauges, c.received, err = c.reader.gauges(ctx, now.at, c.received); err != nil {
		return err
	}
	grant := "GRANT pg_monitor TO " + c.reader.conn.Config().User + ";"
	if err := c.optional(ctx, "sessions", grant, func(ctx context.Context) (err error) {
		c.known.sessions, err = c.reader.sessions(ctx)
		return err
	}); err != nil {
		return err
	}
	c.samples = c.samples.add(newSample(now.at, c.known.sessions, c.catalog.byOID), c.o.Window)
	if err := c.readQuals(ctx, now.at); err != nil {
		return err
	}
	return c.optional(ctx, "replication", grant, func(ctx context.Context) (err error) {
		c.known.replicas, err = c.reader.replicas(ctx, now.at, c.written)
		return err
	})
}

// cost gives what the collector's own statements took inside the server since the round before, ms; ok is false where
// that is not known.
func (c *Collector) cost() (ms float64, ok bool) {
	if len(c.window.deltas) == 0 {
		return 0, false
	}
	for id, s := range c.window.deltas[len(c.window.deltas)-1].statements {
		if c.own[id.query] {
			ms, ok = ms+s.execMS, true
		}
	}
	return ms, ok
}

// writeDown says in the live graph that the database does not answer: structure and evidence as last seen, but no rate,
// because nothing is known of now. It is written once for each time that the database is down.
func (c *Collector) writeDown(ctx context.Context, cause error) {
	if c.last == nil || c.down {
		return
	}
	state := c.State().Live
	state.Status, state.Message, state.Totals = "down", cause.Error(), engine.Totals{}
	silent := *c.last
	silent.sum, silent.samples, silent.activity, silent.evidence.sessions = nil, nil, nil, nil
	if _, err := c.o.Writer.WriteTick(ctx, silent.tick(state)); err != nil {
		c.o.Logger.Debug("that the database is down could not be written", "source", c.o.Source.Name, "err", err)
		return
	}
	c.down, c.gapFrom = true, c.last.at
}
