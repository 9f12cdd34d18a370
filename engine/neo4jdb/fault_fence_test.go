package neo4jdb

import (
	"context"
	"testing"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
)

// TestFaultFencesLookBehindTheLock lets each statement that a lease fences wait for the lock of the staged snapshot while
// another transaction changes it. Reads are of what is committed, so a statement that had looked before it waited would go
// on with a lease that is over, or mark a renewed one as dead. Shown to fail with the locks taken out: the sweep marks
// the renewed and the published one, and the publish brings back the swept one.
func TestFaultFencesLookBehindTheLock(t *testing.T) {
	_, snaps := openBoth(t)
	ctx := context.Background()
	own := map[string]any{"seq": -10, "owner": "fence", "no": 1, "lease_s": 60, "reason": "", "properties": map[string]any{"seq": -10}, "chain_hash": ""}
	for name, c := range map[string]struct {
		lease     string // at first
		meanwhile string // what the other transaction does
		then      cypher.Statement
		label     string // in the end
	}{
		"a sweep leaves a renewed lease alone":      {"-PT1S", `SET s.expires_at = datetime() + duration('PT1H')`, cypher.RemoveExpired, "StagedSnapshot"},
		"a sweep leaves a published one alone":      {"-PT1S", `REMOVE s:StagedSnapshot SET s:Snapshot SET s = {seq: -10}`, cypher.RemoveExpired, "Snapshot"},
		"a publish finds that it was swept":         {"PT1H", `REMOVE s:StagedSnapshot, s.expires_at SET s:DeletingSnapshot`, cypher.FreezePublish, "DeletingSnapshot"},
		"a batch finds that it was swept":           {"PT1H", `REMOVE s:StagedSnapshot, s.expires_at SET s:DeletingSnapshot`, cypher.FreezeBatch, "DeletingSnapshot"},
		"a renewal finds that it was swept":         {"PT1H", `REMOVE s:StagedSnapshot, s.expires_at SET s:DeletingSnapshot`, cypher.FreezeRenew, "DeletingSnapshot"},
		"an abandoning finds that it was published": {"PT1H", `REMOVE s:StagedSnapshot SET s:Snapshot SET s = {seq: -10}`, cypher.RemoveStaged, "Snapshot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { rows(t, snaps.server, `MATCH (n) WHERE n.seq = -10 DETACH DELETE n`, nil) })
			rows(t, snaps.server, `CREATE (:StagedSnapshot {seq: -10, owner: 'fence', expires_at: datetime() + duration($lease)})`, map[string]any{"lease": c.lease})
			session := snaps.session(ctx, neo4j.AccessModeWrite)
			defer closeSession(ctx, session)
			other, err := session.BeginTransaction(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Run(ctx, `MATCH (s:StagedSnapshot {seq: -10}) `+c.meanwhile, nil); err != nil {
				t.Fatal(err)
			}
			waiting := make(chan error)
			params := map[string]any{}
			for _, p := range c.then.Params {
				params[p] = own[p]
			}
			go func() { waiting <- snaps.write(ctx, func(tx *tx) error { return tx.exec(ctx, c.then, params) }) }()
			select {
			case err := <-waiting:
				t.Fatalf("it did not wait: %v", err)
			case <-time.After(time.Second):
			}
			if err := other.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-waiting; err != nil {
				t.Fatal(err)
			}
			left := rows(t, snaps.server, `MATCH (s) WHERE s.seq = -10 AND NOT s:FailedCapture AND NOT s:CaptureBatch RETURN labels(s) AS labels, s.lock AS lock`, nil)
			if len(left) != 1 || labels(left[0], "labels")[0] != c.label || len(labels(left[0], "labels")) != 1 {
				t.Errorf("it is %v, want %s", left, c.label)
			}
			if batches := rows(t, snaps.server, `MATCH (b:CaptureBatch {seq: -10}) RETURN b`, nil); len(batches) != 0 {
				t.Error("a batch was entered")
			}
		})
	}
}
