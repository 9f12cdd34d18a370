package neo4jdb

import (
	"context"
	"fmt"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// mostStrays bounds what one verification lists of one kind; nobody reads further.
const mostStrays = 100

// Seals reads what seals a snapshot, as it stands in the database now.
func (s *Snapshots) Seals(ctx context.Context, id string) (*engine.Seals, error) {
	seals := &engine.Seals{}
	err := s.read(ctx, func(tx *tx) error {
		*seals = engine.Seals{}
		snap, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		row, err := tx.one(ctx, cypher.VerifyHeader, map[string]any{"id": id})
		if err != nil {
			return err
		}
		if seals.HeaderHash, err = headerHash(properties(row, "properties")); err != nil {
			return err
		}
		for _, label := range labels(row, "labels") {
			if label != "Snapshot" {
				seals.Strays = append(seals.Strays, "label "+label)
			}
		}
		encoded, err := manifestBytes(ctx, tx, snap.Seq)
		if err != nil {
			return err
		}
		seals.ManifestHash = engine.HashBytes(encoded)
		list := func(into *[]string) func(*neo4j.Record) error {
			return func(r *neo4j.Record) error {
				*into = append(*into, text(r, "key"))
				return nil
			}
		}
		if err := tx.each(ctx, cypher.VerifyUncontained, map[string]any{"id": id, "seq": snap.Seq, "limit": mostStrays}, list(&seals.Uncontained)); err != nil {
			return err
		}
		if err := tx.each(ctx, cypher.VerifyStrays, map[string]any{"id": id, "seq": snap.Seq, "limit": mostStrays}, list(&seals.Strays)); err != nil {
			return err
		}
		return tx.each(ctx, cypher.VerifyForeign, map[string]any{"seq": snap.Seq, "limit": mostStrays}, list(&seals.Foreign))
	})
	return seals, err
}

// Chain reads the heads of the chains and all timelines, in one transaction under the chain's lock, so that no publishing
// comes in between.
func (s *Snapshots) Chain(ctx context.Context) (*engine.ChainState, error) {
	var state *engine.ChainState
	err := s.write(ctx, func(tx *tx) error {
		state = &engine.ChainState{}
		locked, err := lockChain(ctx, tx)
		if err != nil {
			return err
		}
		state.ChainHash, state.AuditNo, state.AuditHash = locked.hash, locked.auditNo, locked.auditHash
		row, err := tx.one(ctx, cypher.VerifyTrail, map[string]any{"limit": mostStrays})
		if err != nil {
			return err
		}
		state.AuditEvents, state.LastSeq = integer(row, "count"), integer(row, "last_seq")
		if odd, _ := row.Get("odd"); odd != nil {
			for _, no := range odd.([]any) {
				state.OddEvents = append(state.OddEvents, fmt.Sprint(no))
			}
		}
		lines := map[string]*engine.TimelineState{}
		line := func(source string) *engine.TimelineState {
			if lines[source] == nil {
				lines[source] = &engine.TimelineState{Source: source}
			}
			return lines[source]
		}
		if err := tx.each(ctx, cypher.VerifyOrder, nil, func(r *neo4j.Record) error {
			t := line(text(r, "source"))
			t.Order = append(t.Order, text(r, "snapshot_id"))
			return nil
		}); err != nil {
			return err
		}
		if err := tx.each(ctx, cypher.VerifyLinks, nil, func(r *neo4j.Record) error {
			t := line(text(r, "source"))
			t.Links = append(t.Links, [2]string{text(r, "from"), text(r, "to")})
			return nil
		}); err != nil {
			return err
		}
		if err := tx.each(ctx, cypher.VerifyTimelines, nil, func(r *neo4j.Record) error {
			t := line(text(r, "source"))
			t.Heads = append(t.Heads, text(r, "snapshot_id"))
			return nil
		}); err != nil {
			return err
		}
		for _, t := range lines {
			state.Timelines = append(state.Timelines, *t)
		}
		return nil
	})
	return state, err
}
