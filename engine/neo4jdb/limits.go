package neo4jdb

import (
	"context"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Limits does by plain statements what the product does, so that a benchmark can say how far the product is from what the
// servers allow. It needs servers that hold nothing else. It implements engine.BenchLimits.
type Limits struct {
	live  *Live
	snaps *Snapshots
}

var _ engine.BenchLimits = (*Limits)(nil)

// NewLimits measures on the same servers as the product.
func NewLimits(live *Live, snaps *Snapshots) *Limits { return &Limits{live, snaps} }

// plainBatch is the number of rows of one plain transaction.
const plainBatch = 10_000

// plain writes a graph by two statements, a batch a transaction, one behind the other.
func plain(ctx context.Context, s *server, nodeText, relText cypher.Statement, g engine.BenchGraph, properties func(engine.Properties, string) map[string]any) error {
	ids := make([]string, 0, g.Nodes)
	for start := 0; start < g.Nodes; start += plainBatch {
		var rows []any
		for i := start; i < min(start+plainBatch, g.Nodes); i++ {
			n := g.Node(i)
			rows = append(rows, properties(n.Properties, n.Key))
		}
		before := len(ids)
		if err := s.write(ctx, func(tx *tx) error {
			ids = ids[:before]
			return tx.each(ctx, nodeText, map[string]any{"rows": rows}, func(r *neo4j.Record) error {
				ids = append(ids, text(r, "id"))
				return nil
			})
		}); err != nil {
			return err
		}
	}
	for start := 0; start < g.Relationships; start += plainBatch {
		var rows []any
		for i := start; i < min(start+plainBatch, g.Relationships); i++ {
			r, from, to := g.Relationship(i)
			rows = append(rows, []any{r.Type, ids[from], ids[to], properties(r.Properties, r.Key)})
		}
		if err := s.write(ctx, func(tx *tx) error { return tx.exec(ctx, relText, map[string]any{"rows": rows}) }); err != nil {
			return err
		}
	}
	return nil
}

// Fill writes a graph into the live database under a source.
func (l *Limits) Fill(ctx context.Context, source string, g engine.BenchGraph) error {
	return plain(ctx, l.live.server, cypher.BenchLiveNodes, cypher.BenchLiveRels, g, func(p engine.Properties, key string) map[string]any {
		p["key"], p["source"] = key, source
		return p
	})
}

// Change moves a tenth of the relationships.
func (l *Limits) Change(ctx context.Context, source string) error {
	return l.live.write(ctx, func(tx *tx) error { return tx.exec(ctx, cypher.BenchLiveChange, map[string]any{"source": source}) })
}

// ClearLive removes a source from the live database.
func (l *Limits) ClearLive(ctx context.Context, source string) error {
	return untilNone(ctx, l.live.server, cypher.BenchLiveClear, map[string]any{"source": source, "limit": removeBatch})
}

func untilNone(ctx context.Context, s *server, statement cypher.Statement, params map[string]any) error {
	for {
		var n int64
		if err := s.write(ctx, func(tx *tx) error {
			row, err := tx.one(ctx, statement, params)
			if err == nil {
				n = integer(row, "count")
			}
			return err
		}); err != nil || n == 0 {
			return err
		}
	}
}

// RawRead reads a source plainly, a row an element, and keeps it as the driver gives it.
func (l *Limits) RawRead(ctx context.Context, source string) error {
	return l.live.read(ctx, func(tx *tx) error {
		for _, statement := range []cypher.Statement{cypher.BenchReadNodes, cypher.BenchReadRels} {
			if err := tx.exec(ctx, statement, map[string]any{"source": source}); err != nil {
				return err
			}
		}
		return nil
	})
}

// RawWrite creates the rows of a frozen graph plainly.
func (l *Limits) RawWrite(ctx context.Context, g engine.BenchGraph) error {
	return plain(ctx, l.snaps.server, cypher.BenchRawNodes, cypher.BenchRawRels, g, func(p engine.Properties, key string) map[string]any {
		p["seq"], p["key"], p["h"] = 1, key, int64(len(key))
		return p
	})
}

// ClearRaw removes what RawWrite created.
func (l *Limits) ClearRaw(ctx context.Context) error {
	return untilNone(ctx, l.snaps.server, cypher.BenchRawClear, map[string]any{"limit": removeBatch})
}

// RawScan looks at every element of a snapshot inside the server.
func (l *Limits) RawScan(ctx context.Context, seq int64) error {
	return l.snaps.read(ctx, func(tx *tx) error { return tx.exec(ctx, cypher.BenchScan, map[string]any{"seq": seq}) })
}

// Timeline makes a timeline of n small snapshots.
func (l *Limits) Timeline(ctx context.Context, source string, n int) error {
	header, err := engine.HeaderProperties(&engine.Snapshot{TriggerType: engine.TriggerScheduled, Severity: engine.SeverityLow, SchemaVersion: engine.SchemaVersion, NodeCount: 2, RelationshipCount: 1})
	if err != nil {
		return err
	}
	const batch = 1000
	for first := 1; first <= n; first += batch {
		if err := l.snaps.write(ctx, func(tx *tx) error {
			return tx.exec(ctx, cypher.BenchTimeline, map[string]any{"source": source, "first": first, "last": min(first+batch-1, n), "properties": map[string]any(header)})
		}); err != nil {
			return err
		}
	}
	return nil
}

// ClearTimeline removes what Timeline made.
func (l *Limits) ClearTimeline(ctx context.Context, source string) error {
	return untilNone(ctx, l.snaps.server, cypher.BenchTimelineClear, map[string]any{"source": source, "limit": removeBatch})
}

// PeerExport lets APOC export a snapshot as JSON; ok is false where the server has no APOC.
func (l *Limits) PeerExport(ctx context.Context, seq int64) (bytes int64, ok bool, err error) {
	err = l.snaps.stream(ctx, func(tx *tx) error {
		return tx.each(ctx, cypher.BenchPeerExport, map[string]any{"seq": seq}, func(r *neo4j.Record) error {
			bytes += int64(len(text(r, "data")))
			return nil
		})
	})
	if isUnknownProcedure(err) {
		return 0, false, nil
	}
	return bytes, err == nil, err
}

// Writer commits small transactions into the live database for a while and gives how many a second.
func (l *Limits) Writer(ctx context.Context, during time.Duration) (perSecond float64, err error) {
	start, n := l.live.clock.Now(), 0
	for l.live.clock.Now().Sub(start) < during {
		n++
		if err := l.live.write(ctx, func(tx *tx) error {
			return tx.exec(ctx, cypher.BenchLiveTouch, map[string]any{"source": engine.BenchWriterSource, "no": n})
		}); err != nil {
			return 0, err
		}
	}
	return float64(n) / l.live.clock.Now().Sub(start).Seconds(), nil
}

// Empty reports whether both databases hold nothing, so that a benchmark may write and remove what it likes.
func (l *Limits) Empty(ctx context.Context) error {
	states, err := l.live.Sources(ctx)
	if err != nil {
		return err
	}
	names, err := l.snaps.Sources(ctx)
	if err != nil {
		return err
	}
	if len(states)+len(names) > 0 {
		return engine.Errorf(engine.KindConflict, "bench", "the servers are in use: %d sources in the live graph, %d timelines", len(states), len(names)).
			WithHint("name two servers that hold nothing, or leave --live and --snapshots out to have two started")
	}
	return nil
}

// isUnknownProcedure recognises a procedure that the server does not have.
func isUnknownProcedure(err error) bool {
	return hasCode(err, "ProcedureNotFound")
}
