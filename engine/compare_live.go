package engine

import (
	"context"
	"slices"
)

// liveSide reads the live graph of a source to compare it with a snapshot, through the template of that snapshot where it
// is still there. Which elements will be listed is known only
// when all were read, and a second reading would be of another moment, so all are kept, packed.
func (e *Engine) liveSide(ctx context.Context, source, template string) (*side, error) {
	scope, err := e.Template(template)
	if err != nil {
		template = ""
	}
	var kept *packer
	var d *description
	read, err := e.live.ReadLive(ctx, source, ReadOptions{AllowFuzzy: true}, func() (Sink, error) {
		kept = newPacker()
		d = describeInto(kept)
		return scope.through(d), nil
	})
	if err != nil {
		return nil, err
	}
	s := newSnapshot(CaptureRequest{Trigger: TriggerManual, Description: "the live graph, not frozen", Template: template}, source, read)
	if err := d.finish(s); err != nil {
		return nil, err
	}
	packed, err := kept.done()
	if err != nil {
		return nil, err
	}
	s.ID, s.Timestamp = Live, e.clock.Now()
	return &side{*s, d.manifest, func(_ context.Context, keys ElementKeys) (*Graph, error) { return pickPacked(packed, keys) }}, nil
}

// pickPacked gives those of the asked elements that a packed graph holds. Kinds: internal.
func pickPacked(packed []byte, keys ElementKeys) (*Graph, error) {
	rels := make(map[string]bool, len(keys.Relationships))
	for _, r := range keys.Relationships {
		rels[r.Key] = true
	}
	g := &Graph{}
	err := unpack(packed, func(n Node) {
		if slices.Contains(keys.Nodes, n.Key) {
			g.Nodes = append(g.Nodes, n)
		}
	}, func(r Relationship) {
		if rels[r.Key] {
			g.Relationships = append(g.Relationships, r)
		}
	})
	return g, err
}
