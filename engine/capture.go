package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// CaptureRequest asks for a snapshot of one source. Source may be empty where it is clear which one is meant.
type CaptureRequest struct {
	ID            string // follows the capture through events; the same ID never makes two snapshots; made up where empty
	Source        string
	Trigger       TriggerType // manual where empty
	TriggerReason string
	Rule          string
	Severity      Severity // the worst found where empty
	Description   string
	Tags          []string
	Template      string
	Retention     string // retention class; "" follows from trigger and severity
	Actor         string // who asks, for the audit trail
	AllowFuzzy    bool   // rather a reading that nothing proves than none
	SkipUnchanged bool   // freeze nothing where nothing but time has changed

	scope *Template // that Template names
	slug  string    // of the snapshot's id; follows from Description where empty
}

// The stages of a capture, in order. The store reports freeze, verify and publish.
const (
	StageRead      = "read"
	StageSummarise = "summarise"
	StageFreeze    = "freeze"
	StageVerify    = "verify"
	StagePublish   = "publish"
	StageRemove    = "remove" // of a deletion
)

// Capture freezes the live graph of one source: one consistent read that is staged as it comes, a pure summary, and a
// publish. Either the snapshot is there in full afterwards or nothing is. Where r says so and nothing but time has changed
// since the snapshot before, that one is given and unchanged is true. A capture that is asked for again under the ID of one
// that was published, here or by another replica, gives that one. Kinds: invalid, not_found, unavailable, exhausted,
// conflict (the live graph changed during every attempt).
func (e *Engine) Capture(ctx context.Context, r CaptureRequest) (s *Snapshot, unchanged bool, err error) {
	again := r.ID != ""
	if err := e.scope(&r); err != nil {
		return nil, false, err
	}
	if err := r.normalise(); err != nil {
		return nil, false, err
	}
	e.capturing.Add(1)
	defer e.capturing.Add(-1)
	if again {
		s, err = e.store.Captured(ctx, r.ID)
	}
	if s == nil && (err == nil || KindOf(err) == KindNotFound) {
		s, unchanged, err = e.capture(ctx, r)
	}
	if err != nil {
		e.Events.Publish(Event{Failed: &CaptureFailed{CaptureID: r.ID, Source: r.Source, Err: err}})
		return nil, false, err
	}
	if unchanged {
		return s, true, nil
	}
	e.annotate(ctx, s.Previous, s.ID)
	e.annotate(ctx, s.ID, s.Next)
	e.Events.Publish(Event{Created: s})
	return s, false, nil
}

func (e *Engine) capture(ctx context.Context, r CaptureRequest) (*Snapshot, bool, error) {
	start := e.clock.Now()
	source, err := e.liveSource(ctx, r.Source)
	if err == nil {
		err = r.scope.isFor(source)
	}
	if err != nil {
		return nil, false, err
	}
	var s *Snapshot
	progress := func(stage string, done, total int) {
		if stage == StagePublish {
			s.CaptureDurationMS = milliseconds(e.clock.Now().Sub(start))
		}
		e.Events.Publish(Event{Progress: &CaptureProgress{CaptureID: r.ID, Source: source, Stage: stage, Done: done, Total: total}})
	}

	progress(StageRead, 0, 0)
	var staged Staging
	var d *description
	abandon := func(reason string) {
		if staged != nil {
			staged.Abandon(ctx, reason)
			staged = nil
		}
	}
	read, err := e.live.ReadLive(ctx, source, ReadOptions{AllowFuzzy: r.AllowFuzzy}, func() (sink Sink, err error) {
		abandon("")
		if staged, err = e.store.Stage(ctx, StageRequest{CaptureID: r.ID, Source: source, Actor: r.Actor}, progress); err != nil {
			return nil, err
		}
		d = describeInto(staged)
		return r.scope.through(d), nil
	})
	if err != nil {
		abandon(err.Error())
		return nil, false, err
	}

	progress(StageSummarise, 0, 0)
	s = newSnapshot(r, source, read)
	s.Timestamp = e.clock.Now()
	s.ID = SnapshotID(s.Timestamp, cmp.Or(r.slug, s.Description), s.TriggerType)
	if err := d.finish(s); err != nil {
		abandon(err.Error())
		return nil, false, err
	}
	if r.scope != nil && s.NodeCount == 0 {
		s.Warnings = append(s.Warnings, "template "+r.scope.Name+" selects nothing of the live graph")
	}
	if err := e.compareStates(ctx, s); err != nil {
		abandon(err.Error())
		return nil, false, err
	}
	if r.SkipUnchanged && s.SameAs != "" {
		abandon("")
		same, err := e.store.Get(ctx, s.SameAs)
		return same, true, err
	}
	if err := staged.Publish(ctx, s, d.manifest, PublishOptions{Actor: r.Actor}); err != nil {
		abandon(err.Error())
		return nil, false, err
	}
	e.log.Info("snapshot published", "id", s.ID, "source", source, "nodes", s.NodeCount, "relationships", s.RelationshipCount,
		"consistency", s.Consistency.Mode, "ms", e.clock.Now().Sub(start).Milliseconds())
	return s, false, nil
}

// compareStates notes the snapshot before, where the state is still the same. Kinds: unavailable.
func (e *Engine) compareStates(ctx context.Context, s *Snapshot) error {
	before, _, err := e.store.List(ctx, Filter{Source: s.Source, Until: s.Timestamp, Limit: 1})
	if err == nil && len(before) == 1 && before[0].StateHash == s.StateHash {
		s.SameAs = before[0].ID
	}
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// newSnapshot gives what a request and a reading say; what follows from the graph is filled in by description.finish. Pure.
func newSnapshot(r CaptureRequest, source string, live *LiveRead) *Snapshot {
	return &Snapshot{
		CaptureID: r.ID, Source: source, TriggerType: r.Trigger, TriggerReason: r.TriggerReason, Rule: r.Rule, Severity: r.Severity,
		Description: r.Description, Tags: r.Tags, Template: r.Template, Retention: r.Retention,
		Live: live.State, Consistency: live.Consistency, Warnings: live.Warnings,
	}
}

// FreezeGraph stages and publishes a graph that is in memory already; s says all that does not follow from the graph. What
// fails leaves nothing. Where the CaptureID of s was published already, s becomes that one. Kinds: invalid, conflict, exhausted,
// unavailable.
func FreezeGraph(ctx context.Context, store SnapshotStore, s *Snapshot, g *Graph, o PublishOptions, progress func(stage string, done, total int)) error {
	if s.CaptureID != "" {
		done, err := store.Captured(ctx, s.CaptureID)
		if err == nil {
			*s = *done
		}
		if err == nil || KindOf(err) != KindNotFound {
			return err
		}
	}
	staged, err := store.Stage(ctx, StageRequest{CaptureID: s.CaptureID, Source: s.Source, Actor: o.Actor}, progress)
	if err != nil {
		return err
	}
	d := describeInto(staged)
	if err = Feed(ctx, g, d); err == nil {
		if err = d.finish(s); err == nil {
			err = staged.Publish(ctx, s, d.manifest, o)
		}
	}
	if err != nil {
		staged.Abandon(ctx, "")
	}
	return err
}

// FreezeFrame makes a snapshot of a frame, at the frame's place on the timeline. s says why; source, moment and what follows
// from the frame are filled in. Where the CaptureID of s was published already, s becomes that one. Kinds: as FreezeGraph.
func (e *Engine) FreezeFrame(ctx context.Context, f *Frame, s *Snapshot, actor string) error {
	s.Source, s.Timestamp, s.Live, s.Consistency = f.Source, f.At.UTC(), f.State, f.Consistency
	if s.ID == "" {
		s.ID = SnapshotID(s.Timestamp, s.Description, s.TriggerType)
	}
	if err := FreezeGraph(ctx, e.store, s, f.Graph, PublishOptions{Actor: actor}, nil); err != nil {
		return err
	}
	e.annotate(ctx, s.Previous, s.ID)
	e.annotate(ctx, s.ID, s.Next)
	e.Events.Publish(Event{Created: s})
	return nil
}

// The sizes of what a person may say of a snapshot.
const (
	maxDescription = 2000 // bytes
	maxTags        = 50
	maxTag         = 100 // bytes
)

func (r *CaptureRequest) normalise() error {
	const op = "capture"
	if r.Trigger == "" {
		r.Trigger = TriggerManual
	}
	if !slices.Contains(TriggerTypes, r.Trigger) {
		return Errorf(KindInvalid, op, "there is no trigger %q", r.Trigger).WithHint("triggers are manual, scheduled, threshold and incident")
	}
	if r.Severity != "" && r.Severity.Rank() == 0 {
		return Errorf(KindInvalid, op, "there is no severity %q", r.Severity).WithHint("severities are low, medium, high and critical")
	}
	if r.Retention != "" && !classForm.MatchString(r.Retention) {
		return Errorf(KindInvalid, op, "%q is no name of a retention class", r.Retention).WithHint("name a class of the retention policy; `graphsnap retain --dry-run` shows those in use")
	}
	if r.Description = strings.TrimSpace(r.Description); len(r.Description) > maxDescription {
		return Errorf(KindInvalid, op, "the description has %d bytes", len(r.Description)).WithHint("keep it under %d", maxDescription)
	}
	tags := make([]string, 0, len(r.Tags))
	for _, t := range r.Tags {
		t = strings.TrimSpace(t)
		if t == "" || len(t) > maxTag {
			return Errorf(KindInvalid, op, "tag %.20q is empty or longer than %d bytes", t, maxTag)
		}
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	if len(tags) > maxTags {
		return Errorf(KindInvalid, op, "%d tags are too many", len(tags)).WithHint("keep it under %d", maxTags)
	}
	slices.Sort(tags)
	r.Tags = tags
	if r.ID == "" {
		r.ID = uuid.NewString()
	}
	if len(r.ID) > maxTag {
		return Errorf(KindInvalid, op, "the id of the capture has %d bytes", len(r.ID)).WithHint("keep it under %d", maxTag)
	}
	return nil
}
