package engine

import (
	"context"
	"strings"
	"time"
)

// Pin keeps a snapshot from retention and from being deleted by accident. It stands beside the snapshot, which never changes.
type Pin struct {
	Actor string    `json:"actor"` // who pinned it
	Note  string    `json:"note"`  // why; may be empty
	At    time.Time `json:"at"`
}

// words names who pinned it and why.
func (p *Pin) words() string {
	text := "pinned"
	if p.Actor != "" {
		text += " by " + p.Actor
	}
	if p.Note != "" {
		text += ": " + p.Note
	}
	return text
}

// maxNote bounds the note of a pin, bytes.
const maxNote = 2000

// Pin keeps a snapshot from retention; one that is pinned already gets the new note. Kinds: not_found, invalid, unavailable.
func (e *Engine) Pin(ctx context.Context, id, actor, note string) (*Snapshot, error) {
	if note = strings.TrimSpace(note); len(note) > maxNote {
		return nil, Errorf(KindInvalid, "pin", "the note has %d bytes", len(note)).WithHint("keep it under %d", maxNote)
	}
	return e.pinned(ctx, id, e.store.Pin(ctx, id, Pin{Actor: actor, Note: note}))
}

// Unpin gives a snapshot back to retention; one that is not pinned stays as it is. Kinds: not_found, unavailable.
func (e *Engine) Unpin(ctx context.Context, id, actor string) (*Snapshot, error) {
	return e.pinned(ctx, id, e.store.Unpin(ctx, id, actor))
}

func (e *Engine) pinned(ctx context.Context, id string, err error) (*Snapshot, error) {
	if err != nil {
		return nil, err
	}
	s, err := e.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	e.Events.Publish(Event{Pinned: &SnapshotPinned{ID: s.ID, Source: s.Source, Pin: s.Pin}})
	return s, nil
}

// DeleteOptions say who deletes a snapshot, and what may not be in the way.
type DeleteOptions struct {
	Actor  string
	Reason string // for the audit trail; may be empty
	Force  bool   // also where it is pinned
	Spare  bool   // of retention: not where it belongs to a case or is a baseline either
}

// Protection is what keeps a snapshot from being deleted.
type Protection struct {
	Pin      *Pin
	Cases    []string
	Baseline string
}

// Refuse gives the error with which a store refuses a deletion, nil where nothing is in the way. Kinds: conflict.
func (o *DeleteOptions) Refuse(id string, p Protection) error {
	switch {
	case p.Pin != nil && !o.Force:
		return Errorf(KindConflict, "delete", "%s is %s", id, p.Pin.words()).WithHint("`graphsnap unpin %s` first, or delete with --force", id)
	case o.Spare && len(p.Cases) > 0:
		return Errorf(KindConflict, "delete", "%s belongs to case %s", id, strings.Join(p.Cases, ", ")).WithHint("retention never removes it; delete it by hand")
	case o.Spare && p.Baseline != "":
		return Errorf(KindConflict, "delete", "%s is baseline %s", id, p.Baseline).WithHint("retention never removes it; delete it by hand")
	}
	return nil
}

// tagBaseline marks a snapshot as a baseline: the tag itself, or baseline:NAME.
const tagBaseline = "baseline"

// BaselineOf gives what a snapshot is the baseline of by its tags; "" where it is none.
func BaselineOf(tags []string) string {
	for _, tag := range tags {
		if tag == tagBaseline {
			return "by its tag"
		}
		if name, ok := strings.CutPrefix(tag, tagBaseline+":"); ok && name != "" {
			return name
		}
	}
	return ""
}
