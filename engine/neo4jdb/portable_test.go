package neo4jdb

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"
	"pgregory.net/rapid"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// portable gives a snapshot of a graph in a store in memory, and its engine.
func portable(t *rapid.T, id, source string, g *engine.Graph) (*engine.Engine, *engine.Snapshot) {
	store := &enginetest.MemoryStore{}
	at := time.Date(2026, 1, 31, 9, 5, 0, 5, time.UTC)
	s := &engine.Snapshot{
		ID: id, Source: source, Timestamp: at, TriggerType: engine.TriggerManual, Description: "back`tick 'quote' \\u0027 \\ \"x\"\nline; two",
		Tags: []string{"a", "b"}, Live: engine.LiveState{Source: source, CollectedAt: at, DatabaseName: "shop"},
	}
	if err := engine.FreezeGraph(context.Background(), store, s, g, engine.PublishOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	return engine.New(engine.Options{Store: store}), s
}

// withoutBytes drops the one type that Cypher has no form for.
func withoutBytes(g *engine.Graph) *engine.Graph {
	drop := func(p engine.Properties) {
		for name, v := range p {
			if _, is := v.([]byte); is {
				delete(p, name)
			}
		}
	}
	for _, n := range g.Nodes {
		drop(n.Properties)
	}
	for _, r := range g.Relationships {
		drop(r.Properties)
	}
	return g
}

// replay runs a Cypher export as a person does: statement by statement, and in the shell's form each in its transaction.
func replay(ctx context.Context, s *server, script string) error {
	session := s.session(ctx, neo4j.AccessModeWrite)
	defer closeSession(ctx, session)
	for _, line := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		if strings.HasPrefix(line, "//") || line == ":begin" || line == ":commit" {
			continue
		}
		statement, ends := strings.CutSuffix(line, ";")
		if !ends {
			return fmt.Errorf("the line has no end of a statement: %.200s", line)
		}
		result, err := session.Run(ctx, statement, nil)
		if err == nil {
			_, err = result.Consume(ctx)
		}
		if err != nil {
			return fmt.Errorf("%w in\n%.3000s", err, statement)
		}
	}
	return nil
}

// TestReplayedCypherIsTheSnapshot runs Cypher exports of random graphs in an empty Neo4j: what stands there has the same
// header and, computed anew, the same root hash.
func TestReplayedCypherIsTheSnapshot(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a container")
	}
	ctx := context.Background()
	server, err := enginetest.StartNeo4j(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Terminate(ctx) })
	snaps := must[*Snapshots](t)(OpenSnapshots(configOf(server), slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = snaps.Close(ctx) })
	n := 0
	onRandomGraphs(t, func(rt *rapid.T) {
		n++
		e, s := portable(rt, "snap_20260131_090500_replay", "shop", withoutBytes(enginetest.RandomGraph(rt)))
		var b bytes.Buffer
		form := rapid.SampledFrom([]engine.CypherForm{engine.CypherPlain, engine.CypherShell}).Draw(rt, "form")
		if err := e.Export(ctx, s.ID, engine.ExportOptions{Format: engine.ExportCypher, Form: form}, &b); err != nil {
			rt.Fatal(err)
		}
		script := b.String()
		if n > 1 { // the constraints are there, and no row can tell whether they are asked for again
			_, data, _ := strings.Cut(script, "CALL db.awaitIndexes(300);\n")
			script = strings.TrimPrefix(data, ":commit\n")
		}
		if err := replay(ctx, snaps.server, script); err != nil {
			rt.Fatal(err)
		}
		got, err := snaps.Get(ctx, s.ID)
		if err != nil {
			rt.Fatal(err)
		}
		seals, err := snaps.Seals(ctx, s.ID)
		if err != nil {
			rt.Fatal(err)
		}
		if seals.HeaderHash != got.HeaderHash || got.RootHash != s.RootHash || got.Description != s.Description || len(seals.Uncontained)+len(seals.Foreign) > 0 {
			rt.Fatalf("the header is %+v, its seals %+v", got, seals)
		}
		g, err := engine.Collect(func(sink engine.Sink) error { return snaps.Walk(ctx, s.ID, sink) })
		if err != nil {
			rt.Fatal(err)
		}
		if m, err := engine.ManifestOf(g); err != nil || m.Root() != s.RootHash {
			rt.Fatalf("the replayed graph has another root: %v\n%+v\n%s", err, g, b.String())
		}
		rows(t, snaps.server, "MATCH (n) WHERE NOT n:Migration DETACH DELETE n", nil)
	})
	t.Logf("%d graphs were replayed", n)
}

// TestImportsIntoNeo4j brings random graphs with all types of value into Neo4j and out again.
func TestImportsIntoNeo4j(t *testing.T) {
	_, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	there := engine.New(engine.Options{Store: snaps})
	n := 0
	onRandomGraphs(t, func(rt *rapid.T) {
		n++
		id := fmt.Sprintf("snap_20260131_090500_%s_%d", source, n)
		e, s := portable(rt, id, source, enginetest.RandomGraph(rt))
		var out, back bytes.Buffer
		if err := e.Export(ctx, id, engine.ExportOptions{NoMetadata: true}, &out); err != nil {
			rt.Fatal(err)
		}
		r, err := there.Import(ctx, bytes.NewReader(out.Bytes()), engine.ImportOptions{}, nil)
		if err != nil || r.Snapshots[0].Status != engine.ImportImported {
			rt.Fatalf("%v %+v\n%s", err, r, out.String())
		}
		if err := there.Export(ctx, id, engine.ExportOptions{NoMetadata: true}, &back); err != nil {
			rt.Fatal(err)
		}
		third := engine.New(engine.Options{Store: &enginetest.MemoryStore{}})
		if _, err := third.Import(ctx, &back, engine.ImportOptions{}, nil); err != nil {
			rt.Fatalf("what comes out of Neo4j is refused: %v", err)
		}
		if got, err := third.Resolve(ctx, "", id); err != nil || got.RootHash != s.RootHash {
			rt.Fatalf("it comes back as %+v, %v", got, err)
		}
		report, err := there.Verify(ctx, engine.VerifyOptions{IDs: []string{id}}, nil)
		if err != nil {
			rt.Fatal(err)
		}
		for _, f := range report.Findings {
			if f.SnapshotID == id {
				rt.Fatalf("verify finds %+v", f)
			}
		}
	})
}

// onRandomGraphs checks a law on as many random graphs as GRAPHSNAP_RANDOM says, else on the few that TestMain asks for.
func onRandomGraphs(t *testing.T, law func(*rapid.T)) {
	t.Helper()
	if n := os.Getenv("GRAPHSNAP_RANDOM"); n != "" {
		before := flag.Lookup("rapid.checks").Value.String()
		if err := flag.Set("rapid.checks", n); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = flag.Set("rapid.checks", before) }()
	}
	rapid.Check(t, law)
}
