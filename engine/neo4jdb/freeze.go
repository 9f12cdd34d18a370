package neo4jdb

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

const (
	// batchSize is the number of elements written in one transaction; larger ones stop the server for garbage collection.
	batchSize = 2_500
	// lanes is how many batches are written at once. More gain nothing on two cores.
	lanes = 2
	// leaseTime is how long a staged snapshot lives without a sign of its writer.
	leaseTime = 120 * time.Second
	// digestModulus keeps sums of digests within 64 bits; the same number stands in freeze/verify_*.cypher.
	digestModulus = 1_000_000_007
)

// staging is one snapshot being written: batches go out on two lanes while the next ones are put together. Nodes are
// settled before the first relationship goes out.
type staging struct {
	*Snapshots
	seq int64

	mu   sync.Mutex // guards tell, done and ids
	tell func(stage string, done, total int)
	done int
	ids  map[string]string // element ids of the staged nodes by key

	batch       int64
	nodes, rels tally
	ended       bool

	flow    *lane
	renewed context.CancelFunc
	renewal sync.WaitGroup
}

// tally is what was sent: the number of elements and the sum of their digests modulo a prime.
type tally struct{ count, digests int64 }

func (t *tally) add(digests []int64) {
	t.count += int64(len(digests))
	for _, d := range digests {
		t.digests += d % digestModulus
	}
}

// Stage opens a staged snapshot on a lease. What a failure leaves staged no reader sees; it is removed by Abandon, or by
// the sweep if this process dies.
func (s *Snapshots) Stage(ctx context.Context, r engine.StageRequest, progress func(stage string, done, total int)) (engine.Staging, error) {
	if progress == nil {
		progress = func(string, int, int) {}
	}
	w := &staging{Snapshots: s, tell: progress, ids: map[string]string{}, flow: newLane(lanes)}
	token := uuid.NewString() // tells a repeated attempt from another staging of this process
	if err := s.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.FreezeBegin, map[string]any{"source": r.Source, "owner": s.owner, "token": token, "lease_s": w.leaseSeconds(), "capture_id": r.CaptureID})
		if err == nil {
			w.seq = integer(row, "seq")
		}
		return err
	}); err != nil {
		return nil, errors.Join(err, w.flow.end())
	}
	w.mayCrash("begun")
	w.keepAlive(ctx)
	progress(engine.StageFreeze, 0, 0)
	return w, nil
}

// keepAlive renews the lease while nothing is written, such as during a slow read.
func (w *staging) keepAlive(ctx context.Context) {
	ctx, w.renewed = context.WithCancel(ctx)
	w.renewal.Go(func() {
		ticker := time.NewTicker(w.lease / 4)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			// A failure shows at the next batch, which renews the lease as well.
			_ = w.write(ctx, func(tx *tx) error {
				return tx.exec(ctx, cypher.FreezeRenew, map[string]any{"seq": w.seq, "owner": w.owner, "lease_s": w.leaseSeconds()})
			})
		}
	})
}

// Nodes sends a batch of nodes.
func (w *staging) Nodes(ctx context.Context, nodes []engine.Node, digests []int64) error {
	for len(nodes) > 0 {
		n := min(batchSize, len(nodes))
		part, hashes := nodes[:n], digests[:n]
		w.batch++
		no := w.batch
		w.nodes.add(hashes)
		if err := w.flow.send(func() error { return w.nodeBatch(ctx, no, part, hashes) }); err != nil {
			return err
		}
		nodes, digests = nodes[n:], digests[n:]
	}
	return nil
}

// Relationships sends a batch of relationships.
func (w *staging) Relationships(ctx context.Context, rels []engine.Relationship, digests []int64) error {
	if w.rels.count == 0 {
		if err := w.settle(); err != nil { // the ids of all nodes are needed
			return err
		}
	}
	for len(rels) > 0 {
		n := min(batchSize, len(rels))
		part, hashes := rels[:n], digests[:n]
		w.batch++
		no := w.batch
		w.rels.add(hashes)
		if err := w.flow.send(func() error { return w.relationshipBatch(ctx, no, part, hashes) }); err != nil {
			return err
		}
		rels, digests = rels[n:], digests[n:]
	}
	return nil
}

// settle waits until nothing is on its way.
func (w *staging) settle() error {
	if err := w.flow.end(); err != nil {
		return err
	}
	w.flow = newLane(lanes)
	return nil
}

// step writes one batch in one transaction together with its entry in the ledger. already is true where an earlier
// attempt was committed although its answer was lost. The entry comes last, because it takes the lock of the staged
// snapshot, which the other lane needs too.
func (w *staging) step(ctx context.Context, no int64, size int, write func(*tx) error) (already bool, err error) {
	err = w.write(ctx, func(tx *tx) error {
		if err := write(tx); err != nil {
			return err
		}
		row, err := tx.one(ctx, cypher.FreezeBatch, map[string]any{"seq": w.seq, "owner": w.owner, "no": no, "lease_s": w.leaseSeconds()})
		if err != nil {
			return err
		}
		if row == nil {
			return engine.Errorf(engine.KindConflict, "freeze", "the staged snapshot was given up because its writer was silent for %s", w.lease).
				WithHint("capture again; if it repeats, the snapshot database is too slow or this machine sleeps")
		}
		return nil
	})
	if isConstraint(err) {
		already, err = w.entered(ctx, no, err)
	}
	if err == nil {
		w.mayCrash("batch written")
	}
	if err == nil && size > 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done += size
		w.tell(engine.StageFreeze, w.done, 0)
	}
	return already, err
}

// entered tells whether a batch that a constraint refused was written by an earlier attempt; if not, the refusal stands.
func (w *staging) entered(ctx context.Context, batch int64, refusal error) (already bool, err error) {
	err = w.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.FreezeEntered, map[string]any{"seq": w.seq, "no": batch})
		already = row != nil
		return err
	})
	if err == nil && !already {
		err = refusal
	}
	return already, err
}

func (w *staging) nodeBatch(ctx context.Context, no int64, nodes []engine.Node, digests []int64) error {
	rows := make([]any, len(nodes))
	keys := make([]string, len(nodes))
	for i, n := range nodes {
		p, err := freezeProperties(n.Properties)
		if err != nil {
			return err
		}
		p["seq"], p["key"], p["h"] = w.seq, n.Key, digests[i]
		if engine.SeverityOf(n.Properties).IsBottleneck() {
			p["hot"] = true
		}
		rows[i], keys[i] = []any{freezeLabels(n.Labels), p}, n.Key
	}
	ids := make([]string, 0, len(nodes))
	collect := func(tx *tx, s cypher.Statement, params map[string]any) error {
		ids = ids[:0]
		if err := tx.each(ctx, s, params, func(r *neo4j.Record) error {
			ids = append(ids, text(r, "id"))
			return nil
		}); err != nil {
			return err
		}
		if len(ids) != len(keys) {
			return engine.Errorf(engine.KindInternal, "freeze", "%d nodes were written instead of %d", len(ids), len(keys))
		}
		return nil
	}
	already, err := w.step(ctx, no, len(nodes), func(tx *tx) error {
		return collect(tx, cypher.FreezeNodes, map[string]any{"seq": w.seq, "rows": rows})
	})
	if already {
		err = w.read(ctx, func(tx *tx) error {
			return collect(tx, cypher.FreezeNodeIDs, map[string]any{"seq": w.seq, "keys": keys})
		})
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, key := range keys {
		w.ids[key] = ids[i]
	}
	return nil
}

func (w *staging) relationshipBatch(ctx context.Context, no int64, rels []engine.Relationship, digests []int64) error {
	rows := make([]any, len(rels))
	for i, r := range rels {
		p, err := freezeProperties(r.Properties)
		if err != nil {
			return err
		}
		p["rk"], p["h"] = r.Key, digests[i]
		if engine.SeverityOf(r.Properties).IsBottleneck() {
			p["hot"] = true
		}
		rows[i] = []any{r.Type, w.ids[r.From], w.ids[r.To], p} // settled: nobody writes ids any more
	}
	_, err := w.step(ctx, no, len(rels), func(tx *tx) error {
		return tx.exec(ctx, cypher.FreezeRelationships, map[string]any{"rows": rows})
	})
	return err
}

// manifestPart is the size of one stored part of a manifest, bytes.
const manifestPart = 4 << 20

func (w *staging) manifest(ctx context.Context, content []byte) error {
	for no := 1; len(content) > 0; no++ {
		part := content[:min(manifestPart, len(content))]
		content = content[len(part):]
		w.batch++
		if _, err := w.step(ctx, w.batch, 0, func(tx *tx) error {
			return tx.exec(ctx, cypher.FreezeManifest, map[string]any{"seq": w.seq, "no": no, "content": part})
		}); err != nil {
			return err
		}
	}
	return nil
}

// verify compares counts and sums of digests in the database with what was sent.
func (w *staging) verify(ctx context.Context) error {
	return w.read(ctx, func(tx *tx) error {
		for _, side := range []struct {
			what      string
			statement cypher.Statement
			sent      tally
		}{{"nodes", cypher.FreezeVerifyNodes, w.nodes}, {"relationships", cypher.FreezeVerifyRels, w.rels}} {
			row, err := tx.one(ctx, side.statement, map[string]any{"seq": w.seq})
			if err != nil {
				return err
			}
			if row == nil || (tally{integer(row, "count"), integer(row, "digest")}) != side.sent {
				return engine.Errorf(engine.KindInternal, "freeze", "the %s that the database holds are not those that were sent", side.what).
					WithHint("nothing was published; capture again and report this if it repeats")
			}
		}
		return nil
	})
}

// Publish verifies what was staged and makes it visible.
func (w *staging) Publish(ctx context.Context, snap *engine.Snapshot, m *engine.Manifest, o engine.PublishOptions) error {
	if err := w.settle(); err != nil {
		return err
	}
	if m.Root() != snap.RootHash || !w.describedBy(snap, m) {
		return engine.Errorf(engine.KindConflict, "freeze", "the graph is not the one that the snapshot describes")
	}
	encoded := m.Encode()
	snap.Seq, snap.ManifestHash = w.seq, engine.HashBytes(encoded)
	w.mayCrash("before the manifest")
	if err := w.manifest(ctx, encoded); err != nil {
		return err
	}
	w.mayCrash("before verifying")
	w.tell(engine.StageVerify, 0, 0)
	if err := w.verify(ctx); err != nil {
		return err
	}
	w.tell(engine.StagePublish, 0, 0)
	w.mayCrash("before publishing")
	if err := w.publish(ctx, snap, o); err != nil {
		return err
	}
	if snap.Seq != w.seq {
		w.Abandon(ctx, "") // this capture was published before, by an attempt that nobody heard of or by another replica
		return nil
	}
	w.mayCrash("published")
	w.end()
	return nil
}

// describedBy reports whether a snapshot and its manifest are about what was sent.
func (w *staging) describedBy(snap *engine.Snapshot, m *engine.Manifest) bool {
	var nodes, rels tally
	for i := range m.Nodes {
		nodes.add([]int64{m.Nodes[i].Digest.Full})
	}
	for i := range m.Relationships {
		rels.add([]int64{m.Relationships[i].Digest.Full})
	}
	return nodes == w.nodes && rels == w.rels && int64(snap.NodeCount) == nodes.count && int64(snap.RelationshipCount) == rels.count
}

// end stops what runs beside the staging.
func (w *staging) end() {
	w.ended = true
	_ = w.flow.end() // a failure was given to the caller already
	w.renewed()
	w.renewal.Wait()
}

// Abandon removes what was staged. It goes on where the caller was cancelled; if the database is away, the sweep does it
// later.
func (w *staging) Abandon(ctx context.Context, reason string) {
	if w.ended {
		return
	}
	w.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryFor)
	defer cancel()
	marked := false
	err := w.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.RemoveStaged, map[string]any{"seq": w.seq, "owner": w.owner, "reason": reason})
		marked = row != nil
		return err
	})
	w.mayCrash("abandoned")
	// What is not marked may be published, by a commit whose answer was lost: it is not ours to clear.
	if err == nil && marked {
		err = w.clear(ctx, w.seq, nil)
	}
	if err != nil {
		w.log.Warn("what a failed capture staged will be removed by the sweep", "seq", w.seq, "err", err)
	}
}
