package neo4jdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

const (
	// batchSize is the number of elements written in one transaction.
	batchSize = 10_000
	// leaseSeconds is how long a staged snapshot lives without a sign of its writer.
	leaseSeconds = 120
	// digestModulus keeps sums of digests within 64 bits; the same number stands in freeze/verify_*.cypher.
	digestModulus = 1_000_000_007
)

// Freeze stages the graph batch by batch, verifies counts and digests, and publishes in one transaction. What a failure
// leaves staged no reader sees; it is removed at once, or by the sweep if this process dies.
func (s *Snapshots) Freeze(ctx context.Context, snap *engine.Snapshot, g *engine.Graph, progress func(stage string, done, total int)) error {
	if progress == nil {
		progress = func(string, int, int) {}
	}
	digests, err := engine.DigestGraph(g)
	if err != nil {
		return err
	}
	if digests.Root != snap.RootHash || len(g.Nodes) != snap.NodeCount || len(g.Relationships) != snap.RelationshipCount {
		return engine.Errorf(engine.KindConflict, "freeze", "the graph is not the one that the snapshot describes")
	}
	w := &freezing{Snapshots: s, progress: progress, total: len(g.Nodes) + len(g.Relationships)}
	if err := w.begin(ctx, snap.Source); err != nil {
		return err
	}
	snap.Seq = w.seq
	if err = w.stage(ctx, g, digests); err == nil {
		progress(engine.StagePublish, 0, 0)
		err = s.publish(ctx, snap)
	}
	if err != nil {
		s.abandon(ctx, w.seq)
	}
	return err
}

// freezing is one snapshot being staged.
type freezing struct {
	*Snapshots
	progress    func(stage string, done, total int)
	seq         int64
	batch       int64
	done, total int
}

func (w *freezing) begin(ctx context.Context, source string) error {
	return w.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.FreezeBegin, map[string]any{"source": source, "owner": w.owner, "lease_s": leaseSeconds})
		if err == nil {
			w.seq = integer(row, "seq")
		}
		return err
	})
}

func (w *freezing) stage(ctx context.Context, g *engine.Graph, digests *engine.Digests) error {
	w.progress(engine.StageFreeze, 0, w.total)
	ids := make(map[string]string, len(g.Nodes))
	for start := 0; start < len(g.Nodes); start += batchSize {
		end := min(start+batchSize, len(g.Nodes))
		if err := w.nodes(ctx, g.Nodes[start:end], digests.Nodes[start:end], ids); err != nil {
			return err
		}
	}
	for start := 0; start < len(g.Relationships); start += batchSize {
		end := min(start+batchSize, len(g.Relationships))
		if err := w.relationships(ctx, g.Relationships[start:end], digests.Relationships[start:end], ids); err != nil {
			return err
		}
	}
	w.progress(engine.StageVerify, 0, 0)
	return w.verify(ctx, digests)
}

// step writes one batch in one transaction together with its entry in the ledger. already is true where an earlier
// attempt was committed although its answer was lost.
func (w *freezing) step(ctx context.Context, size int, write func(*tx) error) (already bool, err error) {
	w.batch++
	err = w.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.FreezeBatch, map[string]any{"seq": w.seq, "owner": w.owner, "no": w.batch, "lease_s": leaseSeconds})
		if err != nil {
			return err
		}
		if row == nil {
			return engine.Errorf(engine.KindConflict, "freeze", "the staged snapshot was swept because its writer was silent for %d s", leaseSeconds).
				WithHint("capture again; if it repeats, the snapshot database is too slow or this machine sleeps")
		}
		return write(tx)
	})
	if isConstraint(err) {
		already, err = true, nil
	}
	if err == nil {
		w.done += size
		w.progress(engine.StageFreeze, w.done, w.total)
	}
	return already, err
}

func (w *freezing) nodes(ctx context.Context, nodes []engine.Node, digests []int64, ids map[string]string) error {
	rows := make([]any, len(nodes))
	keys := make([]string, len(nodes))
	for i, n := range nodes {
		p := freezeProperties(n.Properties)
		p["seq"], p["key"], p["h"] = w.seq, n.Key, digests[i]
		if engine.SeverityOf(n.Properties).IsBottleneck() {
			p["hot"] = true
		}
		rows[i], keys[i] = []any{freezeLabels(n.Labels), p}, n.Key
	}
	collect := func(tx *tx, s cypher.Statement, params map[string]any) error {
		i := 0
		err := tx.each(ctx, s, params, func(r *neo4j.Record) error {
			if i < len(keys) {
				ids[keys[i]] = text(r, "id")
			}
			i++
			return nil
		})
		if err == nil && i != len(keys) {
			err = engine.Errorf(engine.KindInternal, "freeze", "%d nodes were written instead of %d", i, len(keys))
		}
		return err
	}
	already, err := w.step(ctx, len(nodes), func(tx *tx) error {
		return collect(tx, cypher.FreezeNodes, map[string]any{"seq": w.seq, "rows": rows})
	})
	if already {
		err = w.read(ctx, func(tx *tx) error {
			return collect(tx, cypher.FreezeNodeIDs, map[string]any{"seq": w.seq, "keys": keys})
		})
	}
	return err
}

func (w *freezing) relationships(ctx context.Context, rels []engine.Relationship, digests []int64, ids map[string]string) error {
	rows := make([]any, len(rels))
	for i, r := range rels {
		p := freezeProperties(r.Properties)
		p["rk"], p["h"] = r.Key, digests[i]
		if engine.SeverityOf(r.Properties).IsBottleneck() {
			p["hot"] = true
		}
		rows[i] = []any{r.Type, ids[r.From], ids[r.To], p}
	}
	_, err := w.step(ctx, len(rels), func(tx *tx) error {
		return tx.exec(ctx, cypher.FreezeRelationships, map[string]any{"rows": rows})
	})
	return err
}

// verify compares counts and sums of digests in the database with what was meant to be written.
func (w *freezing) verify(ctx context.Context, digests *engine.Digests) error {
	return w.read(ctx, func(tx *tx) error {
		for _, side := range []struct {
			what      string
			statement cypher.Statement
			digests   []int64
		}{
			{"nodes", cypher.FreezeVerifyNodes, digests.Nodes},
			{"relationships", cypher.FreezeVerifyRels, digests.Relationships},
		} {
			row, err := tx.one(ctx, side.statement, map[string]any{"seq": w.seq})
			if err != nil {
				return err
			}
			var sum int64
			for _, d := range side.digests {
				sum += d % digestModulus
			}
			if row == nil || integer(row, "count") != int64(len(side.digests)) || integer(row, "digest") != sum {
				return engine.Errorf(engine.KindInternal, "freeze", "the %s that the database holds are not those that were sent", side.what).
					WithHint("nothing was published; capture again and report this if it repeats")
			}
		}
		return nil
	})
}

// publish makes a staged snapshot visible: label, id, chain, timeline and head in one transaction under two locks, the
// chain's (order of publishing) and the timeline's.
func (s *Snapshots) publish(ctx context.Context, snap *engine.Snapshot) error {
	wanted := snap.ID
	return s.write(ctx, func(tx *tx) error {
		chain, err := tx.one(ctx, cypher.FreezeLockChain, nil)
		if err != nil {
			return err
		}
		if snap.ID, err = freeID(ctx, tx, wanted); err != nil {
			return err
		}
		snap.ChainHash = engine.ChainHash(text(chain, "chain_hash"), snap.ID, snap.RootHash)
		if err := tx.exec(ctx, cypher.FreezeLockTimeline, map[string]any{"source": snap.Source}); err != nil {
			return err
		}
		place, err := tx.one(ctx, cypher.FreezeNeighbours, map[string]any{"source": snap.Source, "timestamp": snap.Timestamp.UTC(), "seq": snap.Seq})
		if err != nil {
			return err
		}
		snap.Previous, snap.Next = text(place, "previous"), text(place, "next")
		header, err := headerProperties(snap)
		if err != nil {
			return err
		}
		row, err := tx.one(ctx, cypher.FreezePublish, map[string]any{"seq": snap.Seq, "owner": s.owner, "properties": header, "chain_hash": snap.ChainHash})
		if err != nil {
			return err
		}
		if row == nil {
			done, err := published(ctx, tx, snap)
			if done || err != nil {
				return err
			}
			return engine.Errorf(engine.KindConflict, "publish", "the staged snapshot is gone: its lease ran out").
				WithHint("nothing was published; capture again")
		}
		return relink(ctx, tx, snap)
	})
}

// published recognises that an earlier attempt of the same publish was committed although its answer was lost, and fills
// in what that attempt decided.
func published(ctx context.Context, tx *tx, snap *engine.Snapshot) (bool, error) {
	row, err := tx.one(ctx, cypher.FreezePublished, map[string]any{"source": snap.Source, "timestamp": snap.Timestamp.UTC(), "seq": snap.Seq})
	if err != nil || row == nil {
		return false, err
	}
	stored, err := get(ctx, tx, text(row, "snapshot_id"))
	if err != nil {
		return false, err
	}
	snap.ID, snap.ChainHash, snap.Previous, snap.Next = stored.ID, stored.ChainHash, stored.Previous, stored.Next
	return true, nil
}

// relink puts a published snapshot between its neighbours.
func relink(ctx context.Context, tx *tx, snap *engine.Snapshot) error {
	if snap.Previous != "" && snap.Next != "" {
		if err := tx.exec(ctx, cypher.FreezeUnlink, map[string]any{"from": snap.Previous, "to": snap.Next}); err != nil {
			return err
		}
	}
	if snap.Previous != "" {
		if err := tx.exec(ctx, cypher.FreezeLink, map[string]any{"from": snap.Previous, "to": snap.ID}); err != nil {
			return err
		}
	}
	if snap.Next != "" {
		return tx.exec(ctx, cypher.FreezeLink, map[string]any{"from": snap.ID, "to": snap.Next})
	}
	return tx.exec(ctx, cypher.FreezeMoveHead, map[string]any{"source": snap.Source, "id": snap.ID})
}

// freeID gives the wanted id, or the first of id_2, id_3 ... that no snapshot has. The chain's lock is held.
func freeID(ctx context.Context, tx *tx, wanted string) (string, error) {
	var taken []string
	if err := tx.each(ctx, cypher.FreezeTakenIDs, map[string]any{"id": wanted}, func(r *neo4j.Record) error {
		taken = append(taken, text(r, "snapshot_id"))
		return nil
	}); err != nil {
		return "", err
	}
	id := wanted
	for n := 2; slices.Contains(taken, id); n++ {
		id = fmt.Sprintf("%s_%d", strings.TrimSuffix(wanted, "_"), n)
	}
	return id, nil
}

// Annotate writes the summary of a diff onto a link of the timeline.
func (s *Snapshots) Annotate(ctx context.Context, from, to string, n engine.NextSummary) error {
	return s.write(ctx, func(tx *tx) error {
		return tx.exec(ctx, cypher.FreezeAnnotate, map[string]any{"from": from, "to": to, "properties": map[string]any{
			"added": n.Added, "removed": n.Removed, "changed": n.Changed, "worse": n.Worse, "better": n.Better,
		}})
	})
}
