package neo4jdb

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Sources lists the sources that have snapshots.
func (s *Snapshots) Sources(ctx context.Context) ([]string, error) {
	var names []string
	err := s.read(ctx, func(tx *tx) error {
		names = nil
		return tx.each(ctx, cypher.QuerySources, nil, func(r *neo4j.Record) error {
			names = append(names, text(r, "source"))
			return nil
		})
	})
	return names, err
}

// farFuture stands for "no upper limit": a range with an end lets the server walk the index of times.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// farPast stands for "no lower limit".
var farPast = time.Time{}

// List gives one page, newest first.
func (s *Snapshots) List(ctx context.Context, f engine.Filter) ([]engine.Snapshot, string, error) {
	before, beforeSeq, err := decodeCursor(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	if !f.Until.IsZero() && !f.Until.After(before) {
		before, beforeSeq = f.Until.UTC(), math.MinInt64
	}
	since := farPast
	if !f.Since.IsZero() {
		since = f.Since.UTC()
	}
	list := cypher.QueryListAll
	params := map[string]any{
		"trigger": orNull(string(f.Trigger)), "severity": orNull(string(f.Severity)),
		"tag": orNull(f.Tag), "prefix": orNull(f.Prefix), "text": orNull(strings.ToLower(f.Query)),
		"since": since, "before": before, "before_seq": beforeSeq, "limit": limit + 1,
	}
	if f.Source != "" {
		list, params["source"] = cypher.QueryList, f.Source
	}
	var rows []engine.Snapshot
	err = s.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, list, params)
		if err != nil {
			return err
		}
		page := lists(row, "page", 2)
		rows = make([]engine.Snapshot, len(page))
		for i, parts := range page {
			if rows[i], err = snapshotOf(asProperties(parts[0])); err != nil {
				return err
			}
			rows[i].Pin = pinOf(asProperties(parts[1]))
		}
		return nil
	})
	if err != nil || len(rows) <= limit {
		return rows, "", err
	}
	rows = rows[:limit]
	last := rows[limit-1]
	return rows, encodeCursor(last.Timestamp, last.Seq), nil
}

// encodeCursor names the last row of a page; the next page begins after it, whatever was added meanwhile.
func encodeCursor(at time.Time, seq int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1 %d %d", at.UnixNano(), seq))
}

func decodeCursor(cursor string) (time.Time, int64, error) {
	if cursor == "" {
		return farFuture, math.MaxInt64, nil
	}
	var nanos, seq int64
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "1 %d %d", &nanos, &seq)
	}
	if err != nil {
		return time.Time{}, 0, engine.Errorf(engine.KindInvalid, "list", "the cursor is not one of ours").
			WithHint("pass next_cursor of the page before unchanged, or leave it out to begin again")
	}
	return time.Unix(0, nanos).UTC(), seq, nil
}

// Get gives one snapshot with its neighbours.
func (s *Snapshots) Get(ctx context.Context, id string) (*engine.Snapshot, error) {
	var snap engine.Snapshot
	err := s.read(ctx, func(tx *tx) (err error) {
		snap, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &snap, nil
}

func get(ctx context.Context, tx *tx, id string) (engine.Snapshot, error) {
	row, err := tx.one(ctx, cypher.QueryGet, map[string]any{"id": id})
	if err != nil {
		return engine.Snapshot{}, err
	}
	if row == nil {
		return engine.Snapshot{}, engine.Errorf(engine.KindNotFound, "get", "there is no snapshot %q", id).
			WithHint("`graphsnap list` shows what there is")
	}
	snap, err := snapshotOf(properties(row, "properties"))
	snap.Previous, snap.Next, snap.Pin = text(row, "previous"), text(row, "next"), pinOf(properties(row, "pin"))
	return snap, err
}

// Captured gives the snapshot that a capture made.
func (s *Snapshots) Captured(ctx context.Context, captureID string) (*engine.Snapshot, error) {
	var snap engine.Snapshot
	err := s.read(ctx, func(tx *tx) (err error) {
		snap, err = capturedBy(ctx, tx, captureID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &snap, nil
}

func capturedBy(ctx context.Context, tx *tx, captureID string) (engine.Snapshot, error) {
	row, err := tx.one(ctx, cypher.QueryCaptured, map[string]any{"capture_id": captureID})
	if err != nil {
		return engine.Snapshot{}, err
	}
	if row == nil {
		return engine.Snapshot{}, engine.Errorf(engine.KindNotFound, "get", "no snapshot was made by the capture %q", captureID)
	}
	return get(ctx, tx, text(row, "snapshot_id"))
}

// walkBatch is how many elements are handed to a sink at once.
const walkBatch = 2000

// Walk hands a frozen graph to a sink, in one transaction.
func (s *Snapshots) Walk(ctx context.Context, id string, sink engine.Sink) error {
	return s.stream(ctx, func(tx *tx) error {
		snap, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		seq := map[string]any{"seq": snap.Seq}
		nodes := batcher[engine.Node]{to: sink.Nodes}
		if err := tx.each(ctx, cypher.QueryNodes, seq, func(r *neo4j.Record) error {
			p := properties(r, "properties")
			return nodes.add(ctx, thawNode(labels(r, "labels"), p), digestIn(p))
		}); err != nil {
			return err
		}
		if err := nodes.flush(ctx); err != nil {
			return err
		}
		rels := batcher[engine.Relationship]{to: sink.Relationships}
		if err := tx.each(ctx, cypher.QueryRelationships, seq, func(r *neo4j.Record) error {
			from := text(r, "from")
			for _, parts := range lists(r, "relationships", 3) {
				relType, _ := parts[0].(string)
				to, _ := parts[1].(string)
				p := asProperties(parts[2])
				if err := rels.add(ctx, thawRelationship(relType, from, to, p), digestIn(p)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		return rels.flush(ctx)
	})
}

// digestIn reads the digest that stands on a stored element. The mark of a bottleneck follows from the severity and is no
// part of the digest, so where it is wrong the digest is given as wrong.
func digestIn(p engine.Properties) int64 {
	h, _ := p["h"].(int64)
	if _, hot := p["hot"]; hot != engine.SeverityOf(p).IsBottleneck() {
		return ^h
	}
	return h
}

// batcher gathers elements for a sink.
type batcher[T any] struct {
	to      func(context.Context, []T, []int64) error
	list    []T
	digests []int64
}

func (b *batcher[T]) add(ctx context.Context, e T, digest int64) error {
	if b.list == nil {
		b.list, b.digests = make([]T, 0, walkBatch), make([]int64, 0, walkBatch)
	}
	b.list, b.digests = append(b.list, e), append(b.digests, digest)
	if len(b.list) == walkBatch {
		return b.flush(ctx)
	}
	return nil
}

func (b *batcher[T]) flush(ctx context.Context) error {
	list, digests := b.list, b.digests
	b.list, b.digests = nil, nil // the sink may keep them
	if len(list) == 0 {
		return nil
	}
	return b.to(ctx, list, digests)
}

// Manifest gives the index of a snapshot as it was published.
func (s *Snapshots) Manifest(ctx context.Context, id string) (*engine.Manifest, error) {
	var encoded []byte
	err := s.read(ctx, func(tx *tx) error {
		snap, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		encoded, err = manifestBytes(ctx, tx, snap.Seq)
		return err
	})
	if err != nil {
		return nil, err
	}
	return engine.DecodeManifest(encoded)
}

func manifestBytes(ctx context.Context, tx *tx, seq int64) ([]byte, error) {
	var encoded []byte
	err := tx.each(ctx, cypher.QueryManifest, map[string]any{"seq": seq}, func(r *neo4j.Record) error {
		v, _ := r.Get("content")
		part, _ := v.([]byte)
		encoded = append(encoded, part...)
		return nil
	})
	return encoded, err
}

// someAtOnce is how many keys are looked up by one statement.
const someAtOnce = 5000

// Elements gives those of the asked elements that a snapshot holds.
func (s *Snapshots) Elements(ctx context.Context, id string, keys engine.ElementKeys) (*engine.Graph, error) {
	var g *engine.Graph
	err := s.read(ctx, func(tx *tx) error {
		g = &engine.Graph{}
		snap, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(keys.Nodes, someAtOnce) {
			if err := tx.each(ctx, cypher.QuerySomeNodes, map[string]any{"seq": snap.Seq, "keys": part}, func(r *neo4j.Record) error {
				g.Nodes = append(g.Nodes, thawNode(labels(r, "labels"), properties(r, "properties")))
				return nil
			}); err != nil {
				return err
			}
		}
		for part := range slices.Chunk(keys.Relationships, someAtOnce) {
			if err := tx.each(ctx, cypher.QuerySomeRels, map[string]any{"seq": snap.Seq, "starts": starts(part)}, func(r *neo4j.Record) error {
				g.Relationships = append(g.Relationships, thawRelationship(text(r, "type"), text(r, "from"), text(r, "to"), properties(r, "properties")))
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return g, err
}

// starts groups relationships by the node that they leave: [key of the node, keys of the relationships].
func starts(refs []engine.RelationshipRef) []any {
	at := map[string]int{}
	var out []any
	for _, r := range refs {
		i, known := at[r.From]
		if !known {
			i = len(out)
			at[r.From] = i
			out = append(out, []any{r.From, []string(nil)})
		}
		start := out[i].([]any)
		start[1] = append(start[1].([]string), r.Key)
	}
	return out
}

// Captures lists what is being staged, failed or being deleted.
func (s *Snapshots) Captures(ctx context.Context, limit int) ([]engine.CaptureState, error) {
	var states []engine.CaptureState
	err := s.read(ctx, func(tx *tx) error {
		states = nil
		return tx.each(ctx, cypher.QueryCaptures, map[string]any{"limit": limit}, func(r *neo4j.Record) error {
			p := properties(r, "properties")
			w := stored(p)
			c := engine.CaptureState{
				CaptureID: w.word("capture_id"), Source: w.word("source"), State: text(r, "state"), SnapshotID: w.word("snapshot_id"), Reason: w.word("reason"),
			}
			c.Seq, _ = p["seq"].(int64)
			for _, name := range []string{"staged_at", "failed_at", "deleting_since"} {
				if at, ok := p[name].(time.Time); ok {
					c.Since = at.UTC()
				}
			}
			if at, ok := p["expires_at"].(time.Time); ok && c.State == engine.StateCapturing {
				c.ExpiresAt = at.UTC()
			}
			states = append(states, c)
			return nil
		})
	})
	return states, err
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func momentOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}
