package engine

import (
	"context"
	"strings"
	"time"
)

// maxHistory bounds the snapshots that one history or stretch of a timeline holds.
const maxHistory = 10000

// HistoryPoint is one snapshot's values of the asked keys; a key that the snapshot does not hold is absent.
type HistoryPoint struct {
	SnapshotID string
	Timestamp  time.Time
	Values     map[string]float64
}

// HistoryQuery asks for one element over time. From is the node that a relationship leaves; "" for a node.
type HistoryQuery struct {
	Source, Key, From string
	Since, Until      time.Time // zero: no limit; Until exclusive
	Limit             int       // the newest so many
}

// ElementPoint is one element in one snapshot.
type ElementPoint struct {
	SnapshotID string
	Timestamp  time.Time
	Properties Properties
}

// TimelineQuery asks for a stretch of a timeline.
type TimelineQuery struct {
	Source       string
	Since, Until time.Time // zero: no limit; Until exclusive
	Limit        int       // the newest so many
}

// TimelineRow is what a drawing of a timeline needs of one snapshot. Figures are nil where they are unknown.
type TimelineRow struct {
	ID               string
	Timestamp        time.Time
	TriggerType      TriggerType
	Severity         Severity
	TotalQPS         *float64 // statements per second
	AvgLatencyMS     *float64
	BottlenecksCount int
}

// Timeline gives a stretch of the timeline of a source as light rows, oldest first. Kinds: invalid, not_found (no such
// source), unavailable.
func (e *Engine) Timeline(ctx context.Context, q TimelineQuery) ([]TimelineRow, error) {
	var err error
	if q.Source, q.Limit, err = e.stretch(ctx, "timeline", q.Source, q.Limit); err != nil {
		return nil, err
	}
	return e.store.Timeline(ctx, q)
}

// stretch checks which part of a timeline is asked for: the only or default source where none is named, all that is allowed
// where no limit is.
func (e *Engine) stretch(ctx context.Context, op, source string, limit int) (string, int, error) {
	if limit == 0 {
		limit = maxHistory
	}
	if limit < 1 || limit > maxHistory {
		return "", 0, Errorf(KindInvalid, op, "limit %d is out of range", limit).WithHint("ask for 1 to %d snapshots", maxHistory)
	}
	source, err := e.historySource(ctx, source)
	return source, limit, err
}

// ElementHistory gives one element over time, oldest first. Key is that of a node or, with ]-> in it, a relationship.
// Kinds: invalid, not_found (no such source), unavailable.
func (e *Engine) ElementHistory(ctx context.Context, q HistoryQuery) ([]ElementPoint, error) {
	const op = "history"
	if q.Key == "" {
		return nil, Errorf(KindInvalid, op, "no element is named").WithHint("name one by its key, such as users:Table or users:Table-[AVG_LATENCY_MS]->products:Table; `graphsnap show latest` lists them")
	}
	var err error
	if q.Source, q.Limit, err = e.stretch(ctx, op, q.Source, q.Limit); err != nil {
		return nil, err
	}
	if from, _, found := strings.Cut(q.Key, "-["); found && q.From == "" {
		q.From = from
	}
	return e.store.ElementHistory(ctx, q)
}

// History gives the values of relationships in the snapshots before one of them, newest first. Kinds: not_found.
func (e *Engine) History(ctx context.Context, id string, keys []string, limit int) ([]HistoryPoint, error) {
	return e.store.History(ctx, id, keys, limit)
}
