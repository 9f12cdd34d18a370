package neo4jdb

import (
	"context"
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

// stateProperties gives the :LiveGraph node of a state; unknown figures are absent.
func stateProperties(s engine.LiveState) map[string]any {
	p := map[string]any(s.Totals.Properties())
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

func totals(p engine.Properties) engine.Totals {
	float := stored(p).float
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
