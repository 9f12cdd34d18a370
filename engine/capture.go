package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// CaptureRequest asks for a snapshot of one source. Source may be empty where it is clear which one is meant.
type CaptureRequest struct {
	ID            string // follows the capture through events; made up where empty
	Source        string
	Trigger       TriggerType // manual where empty
	TriggerReason string
	Rule          string
	Severity      Severity // the worst found where empty
	Description   string
	Tags          []string
	Template      string
}

// The stages of a capture, in order. The store reports freeze, verify and publish.
const (
	StageRead      = "read"
	StageSummarise = "summarise"
	StageFreeze    = "freeze"
	StageVerify    = "verify"
	StagePublish   = "publish"
)

// Capture freezes the live graph of one source: one consistent read, a pure summary, a staged freeze and a publish.
// Either the snapshot is there in full afterwards or nothing is. Kinds: invalid, not_found, unavailable, exhausted.
func (e *Engine) Capture(ctx context.Context, r CaptureRequest) (*Snapshot, error) {
	if err := r.normalise(); err != nil {
		return nil, err
	}
	s, err := e.capture(ctx, r)
	if err != nil {
		e.Events.Publish(Event{Failed: &CaptureFailed{CaptureID: r.ID, Source: r.Source, Err: err}})
		return nil, err
	}
	e.annotate(ctx, s.Previous, s.ID)
	e.annotate(ctx, s.ID, s.Next)
	e.Events.Publish(Event{Created: s})
	return s, nil
}

func (e *Engine) capture(ctx context.Context, r CaptureRequest) (*Snapshot, error) {
	start := e.clock.Now()
	source, err := e.liveSource(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	var s *Snapshot
	progress := func(stage string, done, total int) {
		if stage == StagePublish {
			s.CaptureDurationMS = milliseconds(e.clock.Now().Sub(start))
		}
		e.Events.Publish(Event{Progress: &CaptureProgress{CaptureID: r.ID, Source: source, Stage: stage, Done: done, Total: total}})
	}

	progress(StageRead, 0, 0)
	live, err := e.live.ReadLive(ctx, source)
	if err != nil {
		return nil, err
	}
	if err := live.Graph.Check(); err != nil {
		return nil, err
	}

	progress(StageSummarise, 0, 0)
	if s, err = Describe(r, source, live, e.clock.Now()); err != nil {
		return nil, err
	}

	if err := e.store.Freeze(ctx, s, &live.Graph, progress); err != nil {
		return nil, err
	}
	e.log.Info("snapshot published", "id", s.ID, "source", source, "nodes", s.NodeCount, "relationships", s.RelationshipCount,
		"consistency", s.Consistency.Mode, "ms", e.clock.Now().Sub(start).Milliseconds())
	return s, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Describe gives the snapshot of a read at a moment: all that can be said before it is frozen. Pure.
func Describe(r CaptureRequest, source string, live *LiveRead, at time.Time) (*Snapshot, error) {
	s, err := newSnapshot(r, source, live)
	if err != nil {
		return nil, err
	}
	s.Timestamp = at
	s.ID = SnapshotID(at, s.Description, s.TriggerType)
	return s, nil
}

// newSnapshot derives everything but time, id and place on the timeline. Pure.
func newSnapshot(r CaptureRequest, source string, live *LiveRead) (*Snapshot, error) {
	digests, err := DigestGraph(&live.Graph)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		Source:            source,
		TriggerType:       r.Trigger,
		TriggerReason:     r.TriggerReason,
		Rule:              r.Rule,
		Severity:          r.Severity,
		Description:       r.Description,
		Tags:              r.Tags,
		Template:          r.Template,
		Summary:           Summarise(&live.Graph, live.State.Totals),
		Live:              live.State,
		Labels:            map[string]int{},
		RelationshipTypes: map[string]int{},
		NodeCount:         len(live.Graph.Nodes),
		RelationshipCount: len(live.Graph.Relationships),
		Consistency:       live.Consistency,
		Warnings:          live.Warnings,
		RootHash:          digests.Root,
		SchemaVersion:     SchemaVersion,
	}
	if s.Severity == "" {
		s.Severity = WorstSeverity(&live.Graph)
	}
	for _, n := range live.Graph.Nodes {
		s.Labels[n.Type()]++
	}
	for _, rel := range live.Graph.Relationships {
		s.RelationshipTypes[rel.Type]++
	}
	return s, nil
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
	if r.Template != "" {
		return Errorf(KindNotFound, op, "there is no template %q", r.Template).WithHint("no template is configured; leave the template out to capture everything")
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
	return nil
}
