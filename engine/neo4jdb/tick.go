package neo4jdb

import (
	"context"
	"sort"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// WriteTick replaces what a source holds by a tick, in one transaction that takes the source's lock first. Elements
// keep their place in the store while their key, labels and ends stay the same.
func (l *Live) WriteTick(ctx context.Context, t *engine.Tick) (int64, error) {
	if t.State.Source == "" {
		return 0, engine.Errorf(engine.KindInvalid, "write tick", "the tick names no source")
	}
	if err := t.Graph.Check(); err != nil {
		return 0, err
	}
	var tick int64
	err := l.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.LiveNextTick, map[string]any{"source": t.State.Source})
		if err != nil {
			return err
		}
		tick = integer(row, "tick")
		ids, err := writeNodes(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := writeRelationships(ctx, tx, t, ids); err != nil {
			return err
		}
		state := t.State
		state.Tick = tick
		return tx.exec(ctx, cypher.LiveSetState, map[string]any{"source": state.Source, "properties": stateProperties(state)})
	})
	return tick, err
}

// Forget takes a source out of the live graph, in one transaction. Snapshots of it stay. A source that is not there is
// none to forget.
func (l *Live) Forget(ctx context.Context, source string) error {
	return l.write(ctx, func(tx *tx) error {
		// The same lock that ticks take: one that is under way is written first, and removed.
		if _, err := tx.one(ctx, cypher.LiveNextTick, map[string]any{"source": source}); err != nil {
			return err
		}
		if _, err := writeNodes(ctx, tx, &engine.Tick{State: engine.LiveState{Source: source}}); err != nil {
			return err
		}
		return tx.exec(ctx, cypher.LiveForget, map[string]any{"source": source})
	})
}

// writeNodes brings the nodes of the source in line with the tick and gives the element id of each key.
func writeNodes(ctx context.Context, tx *tx, t *engine.Tick) (map[string]string, error) {
	type existing struct {
		id     string
		labels []string
	}
	have := map[string]existing{}
	var gone []string
	if err := tx.each(ctx, cypher.LiveOwnNodes, map[string]any{"source": t.State.Source}, func(r *neo4j.Record) error {
		key := text(r, "key")
		if _, twice := have[key]; twice || key == "" {
			gone = append(gone, text(r, "id"))
			return nil
		}
		have[key] = existing{text(r, "id"), labels(r, "labels")}
		return nil
	}); err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(t.Graph.Nodes))
	var create, update []map[string]any
	var created []string
	for _, n := range t.Graph.Nodes {
		p := make(map[string]any, len(n.Properties)+2)
		for name, v := range n.Properties {
			p[name] = v
		}
		p["key"], p["source"] = n.Key, t.State.Source
		own := append([]string(nil), n.Labels...)
		sort.Strings(own)
		if old, ok := have[n.Key]; ok && equal(old.labels, own) {
			ids[n.Key] = old.id
			delete(have, n.Key)
			update = append(update, map[string]any{"id": old.id, "properties": p})
			continue
		}
		create = append(create, map[string]any{"labels": own, "properties": p})
		created = append(created, n.Key)
	}
	for _, old := range have {
		gone = append(gone, old.id)
	}
	if err := some(ctx, tx, cypher.LiveDeleteNodes, "ids", gone); err != nil {
		return nil, err
	}
	if err := some(ctx, tx, cypher.LiveUpdateNodes, "rows", update); err != nil {
		return nil, err
	}
	if len(create) > 0 {
		i := 0
		if err := tx.each(ctx, cypher.LiveCreateNodes, map[string]any{"rows": create}, func(r *neo4j.Record) error {
			ids[created[i]] = text(r, "id")
			i++
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func writeRelationships(ctx context.Context, tx *tx, t *engine.Tick, ids map[string]string) error {
	type identity struct{ relType, from, to, key string }
	have := map[identity]string{}
	var gone []string
	if err := tx.each(ctx, cypher.LiveOwnRelationships, map[string]any{"source": t.State.Source}, func(r *neo4j.Record) error {
		id := identity{text(r, "type"), text(r, "from"), text(r, "to"), text(r, "key")}
		if _, twice := have[id]; twice {
			gone = append(gone, text(r, "id"))
			return nil
		}
		have[id] = text(r, "id")
		return nil
	}); err != nil {
		return err
	}
	var create, update []map[string]any
	for _, rel := range t.Graph.Relationships {
		p := map[string]any(rel.Properties)
		key, _ := p["key"].(string)
		id := identity{rel.Type, ids[rel.From], ids[rel.To], key}
		if old, ok := have[id]; ok {
			delete(have, id)
			update = append(update, map[string]any{"id": old, "properties": p})
			continue
		}
		create = append(create, map[string]any{"type": rel.Type, "from": id.from, "to": id.to, "properties": p})
	}
	for _, old := range have {
		gone = append(gone, old)
	}
	if err := some(ctx, tx, cypher.LiveDeleteRelationships, "ids", gone); err != nil {
		return err
	}
	if err := some(ctx, tx, cypher.LiveUpdateRelationships, "rows", update); err != nil {
		return err
	}
	return some(ctx, tx, cypher.LiveCreateRelationships, "rows", create)
}

// some runs a statement over a list, unless the list is empty.
func some[T any](ctx context.Context, tx *tx, s cypher.Statement, param string, list []T) error {
	if len(list) == 0 {
		return nil
	}
	return tx.exec(ctx, s, map[string]any{param: list})
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
