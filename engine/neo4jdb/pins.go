package neo4jdb

import (
	"context"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// pinOf reads a :Pin node; nil where there is none.
func pinOf(p engine.Properties) *engine.Pin {
	if p == nil {
		return nil
	}
	pin := &engine.Pin{}
	pin.Actor, _ = p["actor"].(string)
	pin.Note, _ = p["note"].(string)
	if at, ok := p["at"].(time.Time); ok {
		pin.At = at.UTC()
	}
	return pin
}

// guarded reads what keeps a snapshot from being removed, under the chain's lock. Kinds: not_found.
func guarded(ctx context.Context, tx *tx, id string) (source string, p engine.Protection, err error) {
	row, err := tx.one(ctx, cypher.PinsProtection, map[string]any{"id": id})
	if err != nil {
		return "", p, err
	}
	if row == nil {
		return "", p, engine.Errorf(engine.KindNotFound, "pin", "there is no snapshot %q", id).WithHint("`graphsnap list` shows what there is")
	}
	tags, _ := row.Get("tags")
	cases, _ := row.Get("cases")
	return text(row, "source"), engine.Protection{Pin: pinOf(properties(row, "pin")), Cases: texts(cases), Baseline: engine.BaselineOf(texts(tags))}, nil
}

// guard refuses a deletion that something is in the way of. Kinds: conflict, not_found.
func guard(ctx context.Context, tx *tx, id string, o engine.DeleteOptions) error {
	_, p, err := guarded(ctx, tx, id)
	if err != nil {
		return err
	}
	return o.Refuse(id, p)
}

// orNothing is nil where there is no pin, as event wants it.
func orNothing(p *engine.Pin) any {
	if p == nil {
		return nil
	}
	return p
}

// Pin puts a pin beside a snapshot.
func (s *Snapshots) Pin(ctx context.Context, id string, p engine.Pin) error {
	return s.write(ctx, func(tx *tx) error {
		chain, err := lockChain(ctx, tx)
		if err != nil {
			return err
		}
		source, was, err := guarded(ctx, tx, id)
		if err != nil {
			return err
		}
		p.At = chain.now
		// An earlier attempt whose answer was lost set this very pin; saying so twice would be one event too many.
		if was.Pin != nil && was.Pin.Actor == p.Actor && was.Pin.Note == p.Note {
			return nil
		}
		if err := tx.exec(ctx, cypher.PinsSet, map[string]any{"id": id, "actor": p.Actor, "note": p.Note, "at": p.At}); err != nil {
			return err
		}
		_, err = chain.record(ctx, tx, event(p.Actor, engine.ActionPinned, id, source, orNothing(was.Pin), p))
		return err
	})
}

// Unpin takes the pin of a snapshot away.
func (s *Snapshots) Unpin(ctx context.Context, id, actor string) error {
	return s.write(ctx, func(tx *tx) error {
		chain, err := lockChain(ctx, tx)
		if err != nil {
			return err
		}
		source, was, err := guarded(ctx, tx, id)
		if err != nil || was.Pin == nil {
			return err
		}
		if err := tx.exec(ctx, cypher.PinsClear, map[string]any{"id": id}); err != nil {
			return err
		}
		_, err = chain.record(ctx, tx, event(actor, engine.ActionUnpinned, id, source, was.Pin, nil))
		return err
	})
}

// RetentionRows gives what retention knows of all snapshots.
func (s *Snapshots) RetentionRows(ctx context.Context) ([]engine.RetentionRow, error) {
	var rows []engine.RetentionRow
	var pins map[string]*engine.Pin
	var cases map[string][]string
	err := s.read(ctx, func(tx *tx) error {
		rows, pins, cases = nil, map[string]*engine.Pin{}, map[string][]string{}
		return tx.each(ctx, cypher.PinsRetention, nil, func(r *neo4j.Record) error {
			v, _ := r.Get("row")
			list, _ := v.([]any)
			row := retentionRow(list)
			switch pin, caseID := pinOf(properties(r, "pin")), text(r, "case_id"); {
			case pin != nil:
				pins[row.ID] = pin
			case caseID != "":
				cases[row.ID] = append(cases[row.ID], caseID)
			default:
				rows = append(rows, row)
			}
			return nil
		})
	})
	for i := range rows {
		rows[i].Pin, rows[i].Cases = pins[rows[i].ID], cases[rows[i].ID]
	}
	return rows, err
}

// retentionRow reads a row of pins/retention, which may have the id alone.
func retentionRow(list []any) (r engine.RetentionRow) {
	word := func(i int) string {
		if i >= len(list) {
			return ""
		}
		s, _ := list[i].(string)
		return s
	}
	r = engine.RetentionRow{
		ID: word(0), Source: word(2), Trigger: engine.TriggerType(word(4)), Severity: engine.Severity(word(5)), Class: word(6), Template: word(7),
	}
	if len(list) > 8 {
		r.Seq, _ = list[1].(int64)
		at, _ := list[3].(time.Time)
		r.Timestamp, r.Baseline = at.UTC(), engine.BaselineOf(texts(list[8]))
	}
	return r
}
