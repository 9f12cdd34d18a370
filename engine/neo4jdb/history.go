package neo4jdb

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Timeline gives the newest snapshots of a source within a span as light rows, oldest first.
func (s *Snapshots) Timeline(ctx context.Context, q engine.TimelineQuery) ([]engine.TimelineRow, error) {
	var rows []engine.TimelineRow
	err := s.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.QueryTimeline, stretch(q.Source, q.Since, q.Until, q.Limit))
		if err != nil {
			return err
		}
		list := lists(row, "rows", 7)
		rows = make([]engine.TimelineRow, len(list))
		for i, parts := range list {
			r := &rows[len(list)-1-i]
			r.ID, _ = parts[0].(string)
			at, _ := parts[1].(time.Time)
			r.Timestamp = at.UTC()
			trigger, _ := parts[2].(string)
			severity, _ := parts[3].(string)
			r.TriggerType, r.Severity = engine.TriggerType(trigger), engine.Severity(severity)
			r.TotalQPS, r.AvgLatencyMS = number(parts[4]), number(parts[5])
			bottlenecks, _ := parts[6].(int64)
			r.BottlenecksCount = int(bottlenecks)
		}
		return nil
	})
	return rows, err
}

// stretch gives the parameters that select a part of a timeline; zero moments are no limit.
func stretch(source string, since, until time.Time, limit int) map[string]any {
	if until.IsZero() {
		until = farFuture
	}
	return map[string]any{"source": source, "since": since.UTC(), "until": until.UTC(), "limit": limit}
}

// ElementHistory gives one element over time, oldest first.
func (s *Snapshots) ElementHistory(ctx context.Context, q engine.HistoryQuery) ([]engine.ElementPoint, error) {
	statement, params := cypher.QueryNodeHistory, stretch(q.Source, q.Since, q.Until, q.Limit)
	params["key"] = q.Key
	if q.From != "" {
		statement, params["from"] = cypher.QueryRelHistory, q.From
	}
	var points []engine.ElementPoint
	err := s.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, statement, params)
		if err != nil {
			return err
		}
		list := lists(row, "points", 3)
		points = make([]engine.ElementPoint, len(list))
		for i, parts := range list {
			p := &points[i]
			p.SnapshotID, _ = parts[0].(string)
			at, _ := parts[1].(time.Time)
			p.Timestamp = at.UTC()
			if stored := asProperties(parts[2]); stored != nil {
				p.Properties = thawProperties(stored)
			}
		}
		return nil
	})
	slices.SortStableFunc(points, func(a, b engine.ElementPoint) int { return a.Timestamp.Compare(b.Timestamp) })
	return points, err
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
			"source": snap.Source, "timestamp": snap.Timestamp, "seq": snap.Seq, "starts": startsOf(keys), "keys": keys, "limit": limit,
		}, func(r *neo4j.Record) error {
			p := engine.HistoryPoint{SnapshotID: text(r, "snapshot_id"), Timestamp: moment(r, "timestamp").UTC(), Values: map[string]float64{}}
			for _, pair := range lists(r, "values", 2) {
				key, _ := pair[0].(string)
				if v := number(pair[1]); v != nil {
					p.Values[key] = *v
				}
			}
			points = append(points, p)
			return nil
		})
	})
	return points, err
}

// startsOf gives the keys of the nodes that relationships leave, as RelationshipKey builds them.
func startsOf(keys []string) []string {
	var from []string
	for _, key := range keys {
		if start, _, found := strings.Cut(key, "-["); found && !slices.Contains(from, start) {
			from = append(from, start)
		}
	}
	return from
}
