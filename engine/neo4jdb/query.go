package neo4jdb

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Sources lists the sources that have snapshots.
func (s *Snapshots) Sources(ctx context.Context) ([]string, error) {
	var names []string
	err := s.read(ctx, func(tx *tx) error {
		names = nil
		return tx.each(ctx, cypher.QuerySources, nil, func(r *neo4j.Record) error {
			names = append(names, text(r, "source"))
			return nil
		})
	})
	return names, err
}

// farFuture stands for "no upper limit": a range with an end lets the server walk the index of times.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// List gives one page, newest first.
func (s *Snapshots) List(ctx context.Context, f engine.Filter) ([]engine.Snapshot, string, error) {
	before, beforeSeq, err := decodeCursor(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	params := map[string]any{
		"source": orNull(f.Source), "trigger": orNull(string(f.Trigger)), "severity": orNull(string(f.Severity)),
		"tag": orNull(f.Tag), "prefix": orNull(f.Prefix), "text": orNull(strings.ToLower(f.Query)),
		"since": momentOrNull(f.Since), "until": momentOrNull(f.Until),
		"before": before, "before_seq": beforeSeq, "limit": limit + 1,
	}
	var rows []engine.Snapshot
	err = s.read(ctx, func(tx *tx) error {
		rows = nil
		return tx.each(ctx, cypher.QueryList, params, func(r *neo4j.Record) error {
			snap, err := snapshotOf(properties(r, "properties"))
			rows = append(rows, snap)
			return err
		})
	})
	if err != nil || len(rows) <= limit {
		return rows, "", err
	}
	rows = rows[:limit]
	last := rows[limit-1]
	return rows, encodeCursor(last.Timestamp, last.Seq), nil
}

// encodeCursor names the last row of a page; the next page begins after it, whatever was added meanwhile.
func encodeCursor(at time.Time, seq int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1 %d %d", at.UnixNano(), seq))
}

func decodeCursor(cursor string) (time.Time, int64, error) {
	if cursor == "" {
		return farFuture, math.MaxInt64, nil
	}
	var nanos, seq int64
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "1 %d %d", &nanos, &seq)
	}
	if err != nil {
		return time.Time{}, 0, engine.Errorf(engine.KindInvalid, "list", "the cursor is not one of ours").
			WithHint("pass next_cursor of the page before unchanged, or leave it out to begin again")
	}
	return time.Unix(0, nanos).UTC(), seq, nil
}

// Get gives one snapshot with its neighbours.
func (s *Snapshots) Get(ctx context.Context, id string) (*engine.Snapshot, error) {
	var snap engine.Snapshot
	err := s.read(ctx, func(tx *tx) (err error) {
		snap, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &snap, nil
}

func get(ctx context.Context, tx *tx, id string) (engine.Snapshot, error) {
	row, err := tx.one(ctx, cypher.QueryGet, map[string]any{"id": id})
	if err != nil {
		return engine.Snapshot{}, err
	}
	if row == nil {
		return engine.Snapshot{}, engine.Errorf(engine.KindNotFound, "get", "there is no snapshot %q", id).
			WithHint("`graphsnap list` shows what there is")
	}
	snap, err := snapshotOf(properties(row, "properties"))
	snap.Previous, snap.Next = text(row, "previous"), text(row, "next")
	return snap, err
}

// Graph gives a frozen graph as it was captured.
func (s *Snapshots) Graph(ctx context.Context, id string) (*engine.Graph, error) {
	var g *engine.Graph
	err := s.read(ctx, func(tx *tx) error {
		snap, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		g = &engine.Graph{Nodes: make([]engine.Node, 0, snap.NodeCount), Relationships: make([]engine.Relationship, 0, snap.RelationshipCount)}
		seq := map[string]any{"seq": snap.Seq}
		if err := tx.each(ctx, cypher.QueryNodes, seq, func(r *neo4j.Record) error {
			g.Nodes = append(g.Nodes, thawNode(labels(r, "labels"), properties(r, "properties")))
			return nil
		}); err != nil {
			return err
		}
		return tx.each(ctx, cypher.QueryRelationships, seq, func(r *neo4j.Record) error {
			g.Relationships = append(g.Relationships, thawRelationship(text(r, "type"), text(r, "from"), text(r, "to"), properties(r, "properties")))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	g.Sort()
	return g, nil
}

// History gives earlier values of relationships.
func (s *Snapshots) History(ctx context.Context, id string, keys []string, limit int) ([]engine.HistoryPoint, error) {
	var points []engine.HistoryPoint
	err := s.read(ctx, func(tx *tx) error {
		points = nil
		snap, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		return tx.each(ctx, cypher.QueryHistory, map[string]any{
			"source": snap.Source, "timestamp": snap.Timestamp, "seq": snap.Seq, "starts": starts(keys), "keys": keys, "limit": limit,
		}, func(r *neo4j.Record) error {
			p := engine.HistoryPoint{SnapshotID: text(r, "snapshot_id"), Timestamp: moment(r, "timestamp").UTC(), Values: map[string]float64{}}
			pairs, _ := r.Get("values")
			list, _ := pairs.([]any)
			for _, item := range list {
				pair, _ := item.([]any)
				if len(pair) != 2 {
					continue
				}
				key, _ := pair[0].(string)
				if v, ok := (engine.Properties{"v": pair[1]}).Number("v"); ok {
					p.Values[key] = v
				}
			}
			points = append(points, p)
			return nil
		})
	})
	return points, err
}

// Values gives values of relationships in one snapshot.
func (s *Snapshots) Values(ctx context.Context, id string, keys []string) (map[string]float64, error) {
	var values map[string]float64
	err := s.read(ctx, func(tx *tx) error {
		values = map[string]float64{}
		if _, err := get(ctx, tx, id); err != nil {
			return err
		}
		return tx.each(ctx, cypher.QueryValues, map[string]any{"id": id, "starts": starts(keys), "keys": keys}, func(r *neo4j.Record) error {
			v, _ := r.Get("value")
			if number, ok := (engine.Properties{"v": v}).Number("v"); ok {
				values[text(r, "key")] = number
			}
			return nil
		})
	})
	return values, err
}

// starts gives the keys of the nodes that relationships leave, as RelationshipKey builds them.
func starts(keys []string) []string {
	var from []string
	for _, key := range keys {
		if start, _, found := strings.Cut(key, "-["); found && !slices.Contains(from, start) {
			from = append(from, start)
		}
	}
	return from
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func momentOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}
