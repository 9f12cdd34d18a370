package neo4jdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// The fault tests break what can break and then ask the same questions of the database: sound. `make test` runs their short
// forms, `make faults` their long ones.

// long gives a size from the environment, as `make faults` sets it, else the short form.
func long(variable string, short int) int {
	if n, err := strconv.Atoi(os.Getenv("FAULT_" + variable)); err == nil && n > 0 {
		return n
	}
	return short
}

// faultServers are a live and a snapshot server that nobody but the fault tests uses, so that all they hold can be checked
// and they can be killed.
var faultServers struct {
	once            sync.Once
	live, snapshots *enginetest.Server
	err             error
}

func stopFaultServers() {
	for _, s := range []*enginetest.Server{faultServers.live, faultServers.snapshots} {
		if s != nil && s.Killable() {
			_ = s.Terminate(context.Background())
		}
	}
}

// ground is where a fault test stands.
type ground struct {
	live                    *Live
	snaps                   *Snapshots
	engine                  *engine.Engine
	liveServer, snapsServer *enginetest.Server
	source                  string
}

func openGround(t *testing.T) *ground {
	t.Helper()
	if testing.Short() {
		t.Skip("needs containers")
	}
	ctx := context.Background()
	faultServers.once.Do(func() {
		if os.Getenv("GRAPHSNAP_TEST_LIVE") != "" && os.Getenv("GRAPHSNAP_TEST_SNAPSHOTS") != "" {
			faultServers.live, faultServers.snapshots = enginetest.LiveNeo4j(t), enginetest.SnapshotNeo4j(t)
			return
		}
		var both sync.WaitGroup
		var errs [2]error
		for i, s := range []**enginetest.Server{&faultServers.live, &faultServers.snapshots} {
			both.Go(func() { *s, errs[i] = enginetest.StartNeo4jAs(ctx, enginetest.Setup{KeepAddress: true}) })
		}
		both.Wait()
		faultServers.err = errors.Join(errs[:]...)
	})
	if faultServers.err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Neo4j containers: %v", faultServers.err)
		}
		t.Skipf("no Neo4j containers: %v", faultServers.err)
	}
	g := &ground{liveServer: faultServers.live, snapsServer: faultServers.snapshots, source: fmt.Sprintf("%s-%d", sourceOf(t), os.Getpid())}
	g.live = openLiveAt(t, configOf(g.liveServer))
	g.snaps = openSnapshotsAt(t, configOf(g.snapsServer))
	g.engine = engineOver(g.live, g.snaps)
	return g
}

func openLiveAt(t *testing.T, c Config) *Live {
	t.Helper()
	live := must[*Live](t)(OpenLive(c, "default", engine.SystemClock{}, slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = live.Close(context.Background()) })
	return live
}

func openSnapshotsAt(t *testing.T, c Config) *Snapshots {
	t.Helper()
	snaps := must[*Snapshots](t)(OpenSnapshots(c, slog.New(slog.DiscardHandler)))
	snaps.removal = smallRemoval
	t.Cleanup(func() { _ = snaps.Close(context.Background()) })
	return snaps
}

// smallRemoval makes the removal of a small graph take several transactions.
const smallRemoval = 20

// sizedTick gives a tick of a few batches of removal.
func sizedTick(source string, step int) *engine.Tick {
	return &engine.Tick{State: engine.LiveState{Source: source, Status: "ok"}, Graph: *enginetest.SizedGraph(70, 200, step)}
}

// recover lets the leases of the dead run out and sweeps what they left.
func (g *ground) recover(t *testing.T) {
	t.Helper()
	rows(t, g.snaps.server, `MATCH (s:StagedSnapshot) SET s.expires_at = datetime() - duration('PT1S')`, nil)
	start := time.Now()
	if err := g.snaps.Sweep(context.Background()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("recovery took %s", took)
	}
}

// orphans are what a database must not hold when nobody captures or deletes.
var orphans = map[string]string{
	"staged snapshots":                   `MATCH (s:StagedSnapshot) RETURN count(s) AS n`,
	"unfinished deletions":               `MATCH (s:DeletingSnapshot) RETURN count(s) AS n`,
	"entries of the ledger":              `MATCH (b:CaptureBatch) RETURN count(b) AS n`,
	"frozen nodes without a snapshot":    `MATCH (n:Frozen) WHERE COUNT { (:Snapshot)-[:CONTAINS]->(n) } <> 1 RETURN count(n) AS n`,
	"manifest parts without a snapshot":  `MATCH (m:Manifest) WHERE COUNT { (:Snapshot)-[:HAS_MANIFEST]->(m) } <> 1 RETURN count(m) AS n`,
	"nodes that nobody knows":            `MATCH (n) WHERE NOT (n:Frozen OR n:Snapshot OR n:Manifest OR n:Timeline OR n:Counter OR n:AuditEvent OR n:FailedCapture OR n:Migration OR n:Lease OR n:Firing OR n:RuleMemory OR n:Case OR n:Deployment) RETURN count(n) AS n`,
	"seqs that were given twice":         `MATCH (s:Snapshot) WITH s.seq AS seq, count(*) AS times WHERE times > 1 RETURN count(seq) AS n`,
	"captures that were published twice": `MATCH (e:AuditEvent {action: 'snapshot.published'}) WITH e.after AS after, count(*) AS times WHERE times > 1 RETURN count(after) AS n`,
}

// sound asks everything of the snapshot database that must hold when nothing is under way.
func (g *ground) sound(t *testing.T) {
	t.Helper()
	g.noOrphans(t)
	g.verified(t)
}

func (g *ground) noOrphans(t *testing.T) {
	t.Helper()
	for what, query := range orphans {
		if n := rows(t, g.snaps.server, query, nil)[0].Values[0].(int64); n != 0 {
			t.Errorf("the database holds %d %s", n, what)
		}
	}
}

// trim deletes all but the newest snapshots of the source, so that a long run does not verify more and more.
func (g *ground) trim(t *testing.T, keep int) {
	t.Helper()
	list := g.list(t)
	for _, s := range list[min(keep, len(list)):] {
		if err := g.engine.Delete(context.Background(), s.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
}

func (g *ground) list(t *testing.T) []engine.Snapshot {
	t.Helper()
	list, _, err := g.snaps.List(context.Background(), engine.Filter{Source: g.source, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// verified holds the whole database to its seals.
func (g *ground) verified(t *testing.T) {
	t.Helper()
	report := must[*engine.VerifyReport](t)(g.engine.Verify(context.Background(), engine.VerifyOptions{}, nil))
	for _, f := range report.Findings {
		t.Errorf("verify finds %+v", f)
	}
}

// seals gives what must never change: the hashes of every snapshot that is there, by id.
func (g *ground) seals(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range rows(t, g.snaps.server, `MATCH (s:Snapshot) RETURN s.snapshot_id, s.root_hash + s.header_hash + s.chain_hash`, nil) {
		out[fmt.Sprint(r.Values[0])] = fmt.Sprint(r.Values[1])
	}
	return out
}

// unchanged holds the snapshots that are still there to earlier seals.
func (g *ground) unchanged(t *testing.T, before map[string]string) {
	t.Helper()
	for id, now := range g.seals(t) {
		if was, there := before[id]; there && was != now {
			t.Errorf("%s was published with the hashes %s and has %s", id, was, now)
		}
	}
}

// liveDigest gives the digest of all that the live database holds.
func (g *ground) liveDigest(t *testing.T) string {
	t.Helper()
	all := ""
	for _, query := range []string{
		`MATCH (n) RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS p ORDER BY id`,
		`MATCH (a)-[r]->(b) RETURN elementId(r) AS id, type(r), elementId(a), elementId(b), properties(r) AS p ORDER BY id`,
	} {
		for _, r := range rows(t, g.live.server, query, nil) {
			all = engine.HashTexts(all, fmt.Sprint(r.Values...))
		}
	}
	return all
}

// statement makes a statement of the test's own.
func statement(text string) cypher.Statement { return cypher.Statement{Text: text} }

func ignore(*neo4j.Record) error { return nil }
