package neo4jdb

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(childMain())
	}
	// Each random graph costs a dozen transactions; more of them: go test ./engine/neo4jdb -rapid.checks=1000
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	flag.Parse()
	code := m.Run()
	enginetest.Stop()
	stopFaultServers()
	os.Exit(code)
}

func configOf(s *enginetest.Server) Config {
	return Config{URI: s.URI, User: s.User, Password: s.Password}
}

// openBoth gives both databases on the shared test servers.
func openBoth(t testing.TB) (*Live, *Snapshots) {
	t.Helper()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	live, err := OpenLive(configOf(enginetest.LiveNeo4j(t)), "default", engine.SystemClock{}, log)
	if err != nil {
		t.Fatal(err)
	}
	snaps, err := OpenSnapshots(configOf(enginetest.SnapshotNeo4j(t)), log)
	if err != nil {
		t.Fatal(err)
	}
	for _, ready := range []func(context.Context) (string, error){live.Ready, snaps.Ready} {
		if _, err := ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = live.Close(ctx), snaps.Close(ctx) })
	return live, snaps
}

var sources atomic.Int64

// sourceOf gives a source that no other test uses; on shared servers that is what keeps tests apart.
func sourceOf(*testing.T) string { return fmt.Sprintf("s%d", sources.Add(1)) }

// openSnapshots gives the store on its shared test server, for tests that need no live graph.
func openSnapshots(t *testing.T) *Snapshots {
	t.Helper()
	ctx := context.Background()
	snaps := must[*Snapshots](t)(OpenSnapshots(configOf(enginetest.SnapshotNeo4j(t)), slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = snaps.Close(ctx) })
	must[string](t)(snaps.Ready(ctx))
	return snaps
}

func TestStoreExam(t *testing.T) {
	snaps := openSnapshots(t)
	enginetest.Exam(t, func(t *testing.T) enginetest.Store {
		return enginetest.Store{SnapshotStore: snaps, Source: sourceOf(t)}
	})
}

func TestStoreAgreesWithTheReferenceOnRandomGraphs(t *testing.T) {
	snaps := openSnapshots(t)
	enginetest.ExamRandom(t, enginetest.Store{SnapshotStore: snaps, Source: sourceOf(t)})
}

func captured(t *testing.T, e *engine.Engine, source string) *engine.Snapshot {
	t.Helper()
	return capturedAs(t, e, engine.CaptureRequest{Source: source})
}

func capturedAs(t *testing.T, e *engine.Engine, r engine.CaptureRequest) *engine.Snapshot {
	t.Helper()
	s, _, err := e.Capture(context.Background(), r)
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, engine.HintOf(err))
	}
	return s
}

// rows runs a statement as a person would in Neo4j Browser.
func rows(t *testing.T, s *server, text string, params map[string]any) []*neo4j.Record {
	t.Helper()
	ctx := context.Background()
	session := s.session(ctx, neo4j.AccessModeWrite)
	defer closeSession(ctx, session)
	result, err := session.Run(ctx, text, params)
	if err != nil {
		t.Fatal(err)
	}
	list, err := result.Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSnapshotsAreOrdinaryGraphs is what a person sees in Neo4j Browser.
func TestSnapshotsAreOrdinaryGraphs(t *testing.T) {
	live, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	e := engineOver(live, snaps)
	var ids []string
	for i := range 10 {
		must[int64](t)(live.WriteTick(ctx, tickOf(source, float64(i+1))))
		ids = append(ids, captured(t, e, source).ID)
	}
	for _, i := range []int{0, 4, 9} {
		if err := e.Delete(ctx, ids[i], "test"); err != nil {
			t.Fatal(err)
		}
	}
	p := map[string]any{"source": source}
	own := rows(t, snaps.server, `MATCH (s:Snapshot {source: $source})-[:CONTAINS]->(n:Frozen) RETURN DISTINCT labels(n) AS labels`, p)
	if len(own) != 1 || !strings.Contains(fmt.Sprint(own[0].Values), "Table") {
		t.Errorf("frozen nodes have labels %v, want their own", own)
	}
	strays := rows(t, snaps.server, `MATCH (s:Snapshot {source: $source})-[:CONTAINS]->(n:Frozen)-[r]-(m) WHERE NOT m:Snapshot AND m.seq <> n.seq RETURN r`, p)
	if len(strays) != 0 {
		t.Errorf("%d relationships lead out of their snapshot", len(strays))
	}
	line := rows(t, snaps.server, `MATCH p=(a:Snapshot {source: $source})-[:NEXT*]->(b:Snapshot) WHERE NOT (:Snapshot)-[:NEXT]->(a) AND NOT (b)-[:NEXT]->() RETURN [n IN nodes(p) | n.timestamp] AS times, length(p) AS length`, p)
	if len(line) != 1 || line[0].Values[1] != int64(6) {
		t.Fatalf("ten captures and three deletions leave %d lines: %v", len(line), line)
	}
	head := rows(t, snaps.server, `MATCH (:Timeline {source: $source})-[:HEAD]->(s) RETURN s.snapshot_id`, p)
	if len(head) != 1 || head[0].Values[0] != ids[8] {
		t.Errorf("the head is %v, want %s", head, ids[8])
	}
	summaries := rows(t, snaps.server, `MATCH (:Snapshot {source: $source})-[r:NEXT]->() WHERE r.changed IS NULL RETURN r`, p)
	if len(summaries) != 0 {
		t.Errorf("%d links lack their summary", len(summaries))
	}
}

// TestSweep plays two crashes: a writer that died while staging, and a deletion that was interrupted.
func TestSweep(t *testing.T) {
	_, snaps := openBoth(t)
	ctx := context.Background()
	rows(t, snaps.server, `CREATE (s:StagedSnapshot {seq: -1, owner: 'dead', expires_at: datetime() - duration('PT1S')})-[:CONTAINS]->(:Frozen {seq: -1, key: 'a'})
		CREATE (:StagedSnapshot {seq: -2, owner: 'alive', expires_at: datetime() + duration('PT1H')})-[:CONTAINS]->(:Frozen {seq: -2, key: 'a'})
		CREATE (:DeletingSnapshot {seq: -3})-[:CONTAINS]->(:Frozen {seq: -3, key: 'a'})`, nil)
	t.Cleanup(func() { rows(t, snaps.server, `MATCH (n) WHERE n.seq < 0 DETACH DELETE n`, nil) })
	if err := snaps.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	left := rows(t, snaps.server, `MATCH (n) WHERE n.seq < 0 AND NOT n:FailedCapture RETURN DISTINCT n.seq`, nil)
	if len(left) != 1 || left[0].Values[0] != int64(-2) {
		t.Errorf("left are %v, want only what is alive", left)
	}
	kept := rows(t, snaps.server, `MATCH (n:FailedCapture {seq: -1}) RETURN n.reason`, nil)
	if len(kept) != 1 || kept[0].Values[0] == "" {
		t.Errorf("why the dead writer's capture failed is not kept: %v", kept)
	}
}

// TestRepeatedPublishIsOnePublish plays a commit whose answer was lost: the driver sends the publish again, and it must be
// the same snapshot, once.
func TestRepeatedPublishIsOnePublish(t *testing.T) {
	live, snaps := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	e := engineOver(live, snaps)
	must[int64](t)(live.WriteTick(ctx, tickOf(source, 1)))
	first := captured(t, e, source)
	second := captured(t, e, source)
	again := *second
	if err := snaps.publish(ctx, &again, engine.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	if again.ID != second.ID || again.ChainHash != second.ChainHash || again.Previous != first.ID || again.Next != "" {
		t.Errorf("the repeated publish gives %s after %q, want %s after %s", again.ID, again.Previous, second.ID, first.ID)
	}
	list, _, err := snaps.List(ctx, engine.Filter{Source: source})
	if err != nil || len(list) != 2 {
		t.Errorf("there are %d snapshots, want 2; %v", len(list), err)
	}
	stranger := *second
	stranger.Seq, stranger.CaptureID = -7, ""
	if err := snaps.publish(ctx, &stranger, engine.PublishOptions{}); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("a publish of what was swept gives %v, want a conflict", err)
	}
}

// TestServerDiesDuringCapture stops the snapshot server in the middle of a capture: the error is clear, and nothing of
// the capture is visible when the server is back.
func TestServerDiesDuringCapture(t *testing.T) {
	live, _ := openBoth(t)
	ctx, source := context.Background(), sourceOf(t)
	server, err := enginetest.StartNeo4j(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Terminate(ctx) })
	snaps := must[*Snapshots](t)(OpenSnapshots(configOf(server), slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = snaps.Close(ctx) })
	must[string](t)(snaps.Ready(ctx))
	must[int64](t)(live.WriteTick(ctx, tickOf(source, 1)))
	e := engineOver(live, snaps)
	stop := e.Events.Subscribe(func(ev engine.Event) {
		if ev.Progress != nil && ev.Progress.Stage == engine.StageVerify {
			if err := server.Stop(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	defer stop()
	_, _, err = e.Capture(ctx, engine.CaptureRequest{Source: source})
	if engine.KindOf(err) != engine.KindUnavailable || engine.HintOf(err) == "" {
		t.Errorf("got kind %s, hint %q: %v", engine.KindOf(err), engine.HintOf(err), err)
	}
}
