package neo4jdb

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// benchSizes are nodes and relationships.
var benchSizes = [][2]int{{1_000, 5_000}, {10_000, 50_000}}

// BenchmarkStore times the work on snapshots, each size beside its raw limits in the same run: writing the same rows by
// plain UNWIND CREATE, and scanning the same elements in the server.
func BenchmarkStore(b *testing.B) {
	ctx := context.Background()
	snaps, err := OpenSnapshots(configOf(enginetest.SnapshotNeo4j(b)), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = snaps.Close(ctx) })
	e := engine.New(engine.Options{Store: snaps})
	for _, size := range benchSizes {
		name := fmt.Sprintf("%dk_%dk", size[0]/1000, size[1]/1000)
		graphs := [2]*engine.Graph{enginetest.SizedGraph(size[0], size[1], 0), enginetest.SizedGraph(size[0], size[1], 5)}
		var pair [2]*engine.Snapshot
		for i, g := range graphs {
			pair[i] = freezeForBench(b, snaps, g)
		}
		b.Run("raw_write/"+name, func(b *testing.B) {
			for b.Loop() {
				rawWrite(b, snaps, graphs[0])
			}
		})
		b.Run("freeze/"+name, func(b *testing.B) {
			for b.Loop() {
				freezeForBench(b, snaps, graphs[0])
			}
		})
		b.Run("raw_scan_of_two/"+name, func(b *testing.B) {
			for b.Loop() {
				rawScan(b, snaps, pair[0].Seq)
				rawScan(b, snaps, pair[1].Seq)
			}
		})
		b.Run("compare/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Compare(ctx, pair[0].ID, pair[1].ID, engine.CompareOptions{Limit: 500}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read_graph/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Graph(ctx, pair[0].ID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func freezeForBench(b *testing.B, snaps *Snapshots, g *engine.Graph) *engine.Snapshot {
	b.Helper()
	at := engine.SystemClock{}.Now()
	s := &engine.Snapshot{ID: engine.SnapshotID(at, "bench", engine.TriggerManual), Source: "bench", Timestamp: at, TriggerType: engine.TriggerManual}
	if err := engine.FreezeGraph(context.Background(), snaps, s, g, engine.PublishOptions{}, nil); err != nil {
		b.Fatal(err)
	}
	return s
}

// rawWrite creates the same rows as a freeze, in the same transactions, with nothing else around them.
func rawWrite(b *testing.B, snaps *Snapshots, g *engine.Graph) {
	b.Helper()
	ctx := context.Background()
	run := func(text string, params map[string]any) (ids []any) {
		session := snaps.session(ctx, neo4j.AccessModeWrite)
		defer closeSession(ctx, session)
		result, err := session.Run(ctx, text, params)
		if err != nil {
			b.Fatal(err)
		}
		rows, err := result.Collect(ctx)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.Values[0])
		}
		return ids
	}
	at := map[string]any{}
	for start := 0; start < len(g.Nodes); start += batchSize {
		part := g.Nodes[start:min(start+batchSize, len(g.Nodes))]
		rows := make([]any, len(part))
		for i, n := range part {
			rows[i] = map[string]any(n.Properties)
		}
		for i, id := range run(`UNWIND $rows AS row CREATE (n:Raw:Table) SET n = row RETURN elementId(n)`, map[string]any{"rows": rows}) {
			at[part[i].Key] = id
		}
	}
	for start := 0; start < len(g.Relationships); start += batchSize {
		part := g.Relationships[start:min(start+batchSize, len(g.Relationships))]
		rows := make([]any, len(part))
		for i, r := range part {
			rows[i] = []any{at[r.From], at[r.To], map[string]any(r.Properties)}
		}
		run(`UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row[0] MATCH (b) WHERE elementId(b) = row[1] CREATE (a)-[r:RAW]->(b) SET r = row[2]`, map[string]any{"rows": rows})
	}
}

func rawScan(b *testing.B, snaps *Snapshots, seq int64) {
	b.Helper()
	if err := snaps.read(context.Background(), func(tx *tx) error {
		result, err := tx.tx.Run(context.Background(), `MATCH (n:Frozen) WHERE n.seq = $seq AND n.key IS NOT NULL OPTIONAL MATCH (n)-[r]->(:Frozen) RETURN count(r), sum(n.h % 97), sum(r.h % 97)`, map[string]any{"seq": seq})
		if err != nil {
			return err
		}
		_, err = result.Consume(context.Background())
		return err
	}); err != nil {
		b.Fatal(err)
	}
}
