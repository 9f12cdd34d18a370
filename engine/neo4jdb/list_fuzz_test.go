package neo4jdb

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// FuzzListFilter holds the list in Neo4j to the reference store: any filter selects the same snapshots in the same order,
// page by page.
func FuzzListFilter(f *testing.F) {
	if testing.Short() {
		f.Skip("needs Neo4j")
	}
	_, snaps := openBoth(f)
	ctx, reference := context.Background(), &enginetest.MemoryStore{}
	source := fmt.Sprintf("fuzz%d", time.Now().UnixNano())
	start := time.Date(2026, 1, 31, 9, 5, 0, 0, time.UTC)
	for i, description := range []string{"first", "Second one", "third, with `ticks`", "fourth %_' \"", "fifth {a: 1}"} {
		for _, store := range []engine.SnapshotStore{snaps, reference} {
			s := &engine.Snapshot{
				Source: source, Timestamp: start.Add(time.Duration(i) * time.Minute), Description: description, Tags: []string{"all", description},
				TriggerType: engine.TriggerTypes[i%4], Severity: []engine.Severity{"low", "medium", "high", "critical"}[i%4],
			}
			s.ID = engine.SnapshotID(s.Timestamp, source+description, s.TriggerType)
			g := tickOf(source, 1).Graph
			if err := engine.FreezeGraph(ctx, store, s, &g, engine.PublishOptions{KeepID: true}, nil); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Add("", "", int64(0), int64(0), "", "", "", 50)
	f.Add("manual", "low", int64(-60), int64(600), "SEC", "all", "snap_2026", 1)
	f.Add("incident", "critical", int64(120), int64(60), "`", "fourth %_' \"", "snap_\x00", 2)
	f.Add("x' OR 1=1 //", "}) DETACH DELETE n //", int64(1<<33), int64(-1<<33), "\xff", "\U0001f600", "%", 3)
	f.Fuzz(func(t *testing.T, trigger, severity string, since, until int64, text, tag, prefix string, limit int) {
		for _, c := range text {
			if c > 127 {
				text = "" // Go and Java differ in the lower case of a few characters
			}
		}
		filter := engine.Filter{
			Source: source, Trigger: engine.TriggerType(trigger), Severity: engine.Severity(severity), Query: text, Tag: tag, Prefix: prefix, Limit: 1 + abs(limit)%10,
		}
		const span = 1 << 33 // seconds, what fits a time.Duration
		if since != 0 {
			filter.Since = start.Add(time.Duration(since%span) * time.Second)
		}
		if until != 0 {
			filter.Until = start.Add(time.Duration(until%span) * time.Second)
		}
		got, want := allPages(t, snaps, filter), allPages(t, reference, filter)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\nNeo4j     %v\nreference %v", filter, got, want)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// allPages follows the pages to the end.
func allPages(t *testing.T, store engine.SnapshotStore, f engine.Filter) (ids []string) {
	for range 10 {
		rows, cursor, err := store.List(context.Background(), f)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		for _, s := range rows {
			ids = append(ids, s.ID)
		}
		if cursor == "" {
			return ids
		}
		f.Cursor = cursor
	}
	t.Fatalf("the pages of %+v do not end", f)
	return nil
}
