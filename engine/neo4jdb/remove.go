package neo4jdb

import (
	"context"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// removeBatch is the number of nodes deleted in one transaction, small enough not to hold up captures.
const removeBatch = 2_000

// Delete takes a snapshot off its timeline in one transaction with its audit event; from then on nobody sees it. What it
// contains is removed in batches; if that is interrupted, the sweep finishes it. What is in the way is looked for under the
// lock that pinning takes as well, so a pin that was set before is never overlooked.
func (s *Snapshots) Delete(ctx context.Context, id string, o engine.DeleteOptions, progress func(stage string, done, total int)) error {
	var snap engine.Snapshot
	err := s.audited(ctx, nil, func(tx *tx, record func(engine.AuditEvent) error) error {
		found, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		snap = found
		if err := guard(ctx, tx, id, o); err != nil {
			return err
		}
		if err := tx.exec(ctx, cypher.FreezeLockTimeline, map[string]any{"source": snap.Source}); err != nil {
			return err
		}
		row, err := tx.one(ctx, cypher.RemoveDetach, map[string]any{"id": id, "owner": s.owner})
		if err != nil {
			return err
		}
		if row == nil {
			return engine.Errorf(engine.KindNotFound, "delete", "there is no snapshot %q", id).WithHint("someone else deleted it just now")
		}
		seal := sealOf(&snap, "")
		seal.Reason, seal.Pin = o.Reason, snap.Pin
		if err := record(event(o.Actor, engine.ActionDeleted, id, snap.Source, seal, nil)); err != nil {
			return err
		}
		if err := tx.exec(ctx, cypher.PinsClear, map[string]any{"id": id}); err != nil {
			return err
		}
		return closeGap(ctx, tx, snap.Source, text(row, "previous"), text(row, "next"))
	})
	if err != nil {
		return err
	}
	s.mayCrash("detached")
	tell := func(done int) {
		if progress != nil {
			progress(engine.StageRemove, done, snap.NodeCount)
		}
	}
	// The snapshot is gone for everyone already, so an interruption from here on is no failure of the deletion.
	if err := s.clear(ctx, snap.Seq, tell); err != nil {
		s.log.Warn("what a deleted snapshot contained will be removed by the sweep", "id", id, "err", err)
	}
	return nil
}

// closeGap links the neighbours of a snapshot that was taken out, or moves the head back.
func closeGap(ctx context.Context, tx *tx, source, previous, next string) error {
	switch {
	case previous != "" && next != "":
		return tx.exec(ctx, cypher.FreezeLink, map[string]any{"from": previous, "to": next})
	case previous != "":
		return tx.exec(ctx, cypher.FreezeMoveHead, map[string]any{"source": source, "id": previous})
	case next == "":
		return tx.exec(ctx, cypher.RemoveDropHead, map[string]any{"source": source})
	}
	return nil
}

// clear removes what a snapshot that is being deleted contains, then its root; tell hears of the nodes that are gone.
func (s *Snapshots) clear(ctx context.Context, seq int64, tell func(done int)) error {
	for done := 0; ; {
		var deleted int64
		if err := s.write(ctx, func(tx *tx) error {
			row, err := tx.one(ctx, cypher.RemoveElements, map[string]any{"seq": seq, "limit": s.removal})
			if err == nil {
				deleted = integer(row, "count")
			}
			return err
		}); err != nil {
			return err
		}
		s.mayCrash("partly removed")
		if done += int(deleted); tell != nil {
			tell(done)
		}
		if deleted < int64(s.removal) {
			break
		}
	}
	return s.write(ctx, func(tx *tx) error {
		return tx.exec(ctx, cypher.RemoveRoot, map[string]any{"seq": seq})
	})
}

// Sweep removes what crashed writers left: staged snapshots whose lease ran out, and deletions that were not finished.
// A capture that is alive renews its lease and is never touched.
func (s *Snapshots) Sweep(ctx context.Context) error {
	for _, mark := range []cypher.Statement{cypher.RemoveExpired, cypher.RemoveOld, cypher.RulesOldFirings} {
		if err := s.write(ctx, func(tx *tx) error { return tx.exec(ctx, mark, nil) }); err != nil {
			return err
		}
	}
	var pending []int64
	if err := s.read(ctx, func(tx *tx) error {
		pending = nil
		return tx.each(ctx, cypher.RemovePending, nil, func(r *neo4j.Record) error {
			pending = append(pending, integer(r, "seq"))
			return nil
		})
	}); err != nil {
		return err
	}
	s.mayCrash("sweep marked")
	for _, seq := range pending {
		if err := s.clear(ctx, seq, nil); err != nil {
			return err
		}
	}
	return nil
}
