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

// publish makes a staged snapshot visible: label, id, chain, audit event, timeline and head in one transaction under two
// locks, the chain's (order of publishing) and the timeline's.
func (s *Snapshots) publish(ctx context.Context, snap *engine.Snapshot, o engine.PublishOptions) error {
	wanted := snap.ID
	return s.write(ctx, func(tx *tx) error {
		chain, err := lockChain(ctx, tx)
		if err != nil {
			return err
		}
		if done, err := published(ctx, tx, snap); done || err != nil {
			return err
		}
		if snap.CaptureID != "" {
			switch done, err := capturedBy(ctx, tx, snap.CaptureID); {
			case err == nil:
				*snap = done
				return nil
			case engine.KindOf(err) != engine.KindNotFound:
				return err
			}
		}
		if snap.ID, err = freeID(ctx, tx, wanted, o.KeepID); err != nil {
			return err
		}
		if err := tx.exec(ctx, cypher.FreezeLockTimeline, map[string]any{"source": snap.Source}); err != nil {
			return err
		}
		place, err := tx.one(ctx, cypher.FreezeNeighbours, map[string]any{"source": snap.Source, "timestamp": snap.Timestamp.UTC(), "seq": snap.Seq})
		if err != nil {
			return err
		}
		snap.Previous, snap.Next = text(place, "previous"), text(place, "next")
		header, err := sealHeader(snap, chain.hash)
		if err != nil {
			return err
		}
		row, err := tx.one(ctx, cypher.FreezePublish, map[string]any{"seq": snap.Seq, "owner": s.owner, "properties": header, "chain_hash": snap.ChainHash})
		if err != nil {
			return err
		}
		if row == nil {
			return engine.Errorf(engine.KindConflict, "publish", "the staged snapshot is gone: its lease ran out").
				WithHint("nothing was published; capture again")
		}
		action := engine.ActionPublished
		if snap.Imported {
			action = engine.ActionImported
		}
		if _, err := chain.record(ctx, tx, event(o.Actor, action, snap.ID, snap.Source, nil, sealOf(snap, chain.hash))); err != nil {
			return err
		}
		return relink(ctx, tx, snap)
	})
}

// published recognises that an earlier attempt of the same publish was committed although its answer was lost, and fills
// in what that attempt decided. A seq is given out once, so it tells.
func published(ctx context.Context, tx *tx, snap *engine.Snapshot) (bool, error) {
	row, err := tx.one(ctx, cypher.FreezePublished, map[string]any{"source": snap.Source, "timestamp": snap.Timestamp.UTC(), "seq": snap.Seq})
	if err != nil || row == nil {
		return false, err
	}
	stored, err := get(ctx, tx, text(row, "snapshot_id"))
	if err != nil {
		return false, err
	}
	snap.ID, snap.HeaderHash, snap.ChainHash, snap.Previous, snap.Next = stored.ID, stored.HeaderHash, stored.ChainHash, stored.Previous, stored.Next
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
func freeID(ctx context.Context, tx *tx, wanted string, keep bool) (string, error) {
	var taken []string
	if err := tx.each(ctx, cypher.FreezeTakenIDs, map[string]any{"id": wanted}, func(r *neo4j.Record) error {
		taken = append(taken, text(r, "snapshot_id"))
		return nil
	}); err != nil {
		return "", err
	}
	id := wanted
	for n := 2; slices.Contains(taken, id); n++ {
		if keep {
			return "", engine.Errorf(engine.KindConflict, "publish", "there is a snapshot %q already", wanted).
				WithHint("delete that one first, or leave this one out: a snapshot is never overwritten")
		}
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

// Between reads the summary of a diff from a link of the timeline.
func (s *Snapshots) Between(ctx context.Context, from, to string) (*engine.NextSummary, error) {
	var n *engine.NextSummary
	err := s.read(ctx, func(tx *tx) error {
		n = nil
		row, err := tx.one(ctx, cypher.QueryBetween, map[string]any{"from": from, "to": to})
		if err != nil || row == nil {
			return err
		}
		p := stored(properties(row, "properties"))
		if p["changed"] == nil {
			return nil
		}
		n = &engine.NextSummary{Added: p.whole("added"), Removed: p.whole("removed"), Changed: p.whole("changed"), Worse: p.whole("worse"), Better: p.whole("better")}
		return nil
	})
	return n, err
}
