package enginetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"graphsnap/engine"
)

// MemoryStore is the reference that the real stores are compared with: as simple as it can be.
type MemoryStore struct {
	mu      sync.Mutex
	seq     int64
	chain   string
	entries []*entry
	audit   []engine.AuditEvent
	failed  []engine.CaptureState
	between map[[2]string]engine.NextSummary
	pins    map[string]engine.Pin
	cases   map[string][]string // ids of cases by snapshot
	Clock   engine.Clock        // of the audit trail; the machine's where nil
}

type entry struct {
	snapshot engine.Snapshot
	graph    *engine.Graph
	manifest []byte
}

var _ engine.SnapshotStore = (*MemoryStore)(nil)

// less orders a timeline.
func less(a, b *engine.Snapshot) bool {
	if !a.Timestamp.Equal(b.Timestamp) {
		return a.Timestamp.Before(b.Timestamp)
	}
	return a.Seq < b.Seq
}

// timeline gives the entries of a source in time order; all sources where it is "".
func (m *MemoryStore) timeline(source string) []*entry {
	var out []*entry
	for _, e := range m.entries {
		if source == "" || e.snapshot.Source == source {
			out = append(out, e)
		}
	}
	sort.Slice(out, func(i, j int) bool { return less(&out[i].snapshot, &out[j].snapshot) })
	return out
}

// Sources lists the sources that have snapshots.
func (m *MemoryStore) Sources(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	var names []string
	for _, e := range m.entries {
		if !seen[e.snapshot.Source] {
			seen[e.snapshot.Source] = true
			names = append(names, e.snapshot.Source)
		}
	}
	sort.Strings(names)
	return names, nil
}

// memoryStaging is a snapshot being put together.
type memoryStaging struct {
	store *MemoryStore
	r     engine.StageRequest
	graph engine.Graph
	tell  func(string, int, int)
	done  bool
}

// Stage begins a snapshot.
func (m *MemoryStore) Stage(ctx context.Context, r engine.StageRequest, progress func(string, int, int)) (engine.Staging, error) {
	if progress == nil {
		progress = func(string, int, int) {}
	}
	return &memoryStaging{store: m, r: r, tell: progress}, ctx.Err()
}

func (s *memoryStaging) Nodes(ctx context.Context, nodes []engine.Node, digests []int64) error {
	if len(digests) != len(nodes) {
		return engine.Errorf(engine.KindInternal, "stage", "%d digests for %d nodes", len(digests), len(nodes))
	}
	s.graph.Nodes = append(s.graph.Nodes, nodes...)
	return ctx.Err()
}

func (s *memoryStaging) Relationships(ctx context.Context, rels []engine.Relationship, digests []int64) error {
	if len(digests) != len(rels) {
		return engine.Errorf(engine.KindInternal, "stage", "%d digests for %d relationships", len(digests), len(rels))
	}
	s.graph.Relationships = append(s.graph.Relationships, rels...)
	return ctx.Err()
}

func (s *memoryStaging) Abandon(_ context.Context, reason string) {
	if s.done || reason == "" {
		s.done = true
		return
	}
	s.done = true
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.failed = append(s.store.failed, engine.CaptureState{CaptureID: s.r.CaptureID, Source: s.r.Source, State: engine.StateFailed, Reason: reason})
}

// Publish keeps the snapshot.
func (s *memoryStaging) Publish(ctx context.Context, snap *engine.Snapshot, manifest *engine.Manifest, o engine.PublishOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := s.store
	found, err := engine.ManifestOf(&s.graph)
	if err != nil {
		return err
	}
	if found.Root() != snap.RootHash || manifest.Root() != snap.RootHash || len(found.Nodes) != snap.NodeCount || len(found.Relationships) != snap.RelationshipCount {
		return engine.Errorf(engine.KindConflict, "publish", "the graph is not the one that the snapshot describes")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if snap.CaptureID != "" && e.snapshot.CaptureID == snap.CaptureID {
			*snap = e.snapshot
			snap.Previous, snap.Next = m.neighbours(snap)
			s.done = true
			return nil
		}
	}
	wanted := snap.ID
	for n := 2; m.find(snap.ID) != nil; n++ {
		if o.KeepID {
			return engine.Errorf(engine.KindConflict, "publish", "there is a snapshot %q already", wanted)
		}
		snap.ID = fmt.Sprintf("%s_%d", wanted, n)
	}
	m.seq++
	snap.Seq = m.seq
	s.tell(engine.StagePublish, 0, 0)
	encoded := manifest.Encode()
	snap.ManifestHash = engine.HashBytes(encoded)
	snap.HeaderHash = headerHash(snap)
	before := m.chain
	snap.ChainHash = engine.ChainHash(before, snap.ID, snap.RootHash, snap.HeaderHash)
	m.chain = snap.ChainHash
	m.entries = append(m.entries, &entry{*snap, &s.graph, encoded})
	snap.Previous, snap.Next = m.neighbours(snap)
	action := engine.ActionPublished
	if snap.Imported {
		action = engine.ActionImported
	}
	seal := engine.SealedSnapshot{Timestamp: snap.Timestamp, Seq: snap.Seq, RootHash: snap.RootHash, HeaderHash: snap.HeaderHash, ChainHash: snap.ChainHash, PreviousHash: before}
	m.record(o.Actor, action, snap, "", seal)
	s.done = true
	return nil
}

// headerHash seals what the reference keeps of a snapshot.
func headerHash(s *engine.Snapshot) string {
	c := *s
	c.HeaderHash, c.ChainHash, c.Previous, c.Next, c.Pin = "", "", "", "", nil
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // nothing in it cannot be written
	}
	return engine.HashBytes(raw)
}

func (m *MemoryStore) record(actor, action string, s *engine.Snapshot, before string, after any) {
	e := engine.AuditEvent{No: int64(len(m.audit)) + 1, At: m.now(), Actor: actor, Action: action, SnapshotID: s.ID, Source: s.Source, Before: before}
	if after != nil {
		raw, err := json.Marshal(after)
		if err != nil {
			panic(err)
		}
		e.After = string(raw)
	}
	if n := len(m.audit); n > 0 {
		e.PreviousHash = m.audit[n-1].Hash
	}
	e.Hash = e.Sign()
	m.audit = append(m.audit, e)
}

func (m *MemoryStore) now() time.Time {
	if m.Clock != nil {
		return m.Clock.Now()
	}
	return engine.SystemClock{}.Now()
}

func (m *MemoryStore) find(id string) *entry {
	for _, e := range m.entries {
		if e.snapshot.ID == id {
			return e
		}
	}
	return nil
}

func (m *MemoryStore) neighbours(s *engine.Snapshot) (previous, next string) {
	line := m.timeline(s.Source)
	for i, e := range line {
		if e.snapshot.ID != s.ID {
			continue
		}
		if i > 0 {
			previous = line[i-1].snapshot.ID
		}
		if i+1 < len(line) {
			next = line[i+1].snapshot.ID
		}
	}
	return previous, next
}

func missing(id string) error {
	return engine.Errorf(engine.KindNotFound, "get", "there is no snapshot %q", id)
}

// List gives one page; the cursor is the position of the last row.
func (m *MemoryStore) List(_ context.Context, f engine.Filter) ([]engine.Snapshot, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	var after *engine.Snapshot
	if f.Cursor != "" {
		seq, err := strconv.ParseInt(f.Cursor, 10, 64)
		if err != nil {
			return nil, "", engine.Errorf(engine.KindInvalid, "list", "the cursor is not one of ours")
		}
		for _, e := range m.entries {
			if e.snapshot.Seq == seq {
				after = &e.snapshot
			}
		}
	}
	line := m.timeline(f.Source)
	var rows []engine.Snapshot
	for i := len(line) - 1; i >= 0; i-- {
		s := line[i].snapshot
		s.Pin = m.pin(s.ID)
		if fits(&s, f) && (after == nil || less(&s, after)) {
			rows = append(rows, s)
		}
	}
	if len(rows) <= limit {
		return rows, "", nil
	}
	return rows[:limit], strconv.FormatInt(rows[limit-1].Seq, 10), nil
}

func fits(s *engine.Snapshot, f engine.Filter) bool {
	text := strings.ToLower(f.Query)
	tagged := f.Tag == ""
	for _, t := range s.Tags {
		tagged = tagged || t == f.Tag
	}
	return tagged && (f.Trigger == "" || s.TriggerType == f.Trigger) && (f.Severity == "" || s.Severity == f.Severity) &&
		(f.Since.IsZero() || !s.Timestamp.Before(f.Since)) && (f.Until.IsZero() || s.Timestamp.Before(f.Until)) &&
		strings.HasPrefix(s.ID, f.Prefix) &&
		(text == "" || strings.Contains(strings.ToLower(s.ID), text) || strings.Contains(strings.ToLower(s.Description), text))
}

// Get gives one snapshot.
func (m *MemoryStore) Get(_ context.Context, id string) (*engine.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	s := e.snapshot
	s.Previous, s.Next = m.neighbours(&s)
	s.Pin = m.pin(id)
	return &s, nil
}

// Captured gives the snapshot of a capture.
func (m *MemoryStore) Captured(_ context.Context, captureID string) (*engine.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if captureID != "" && e.snapshot.CaptureID == captureID {
			s := e.snapshot
			s.Previous, s.Next = m.neighbours(&s)
			return &s, nil
		}
	}
	return nil, engine.Errorf(engine.KindNotFound, "get", "no snapshot was made by the capture %q", captureID)
}

// Walk hands the kept graph over, in key order.
func (m *MemoryStore) Walk(ctx context.Context, id string, sink engine.Sink) error {
	m.mu.Lock()
	e := m.find(id)
	m.mu.Unlock()
	if e == nil {
		return missing(id)
	}
	g := engine.Graph{Nodes: slices.Clone(e.graph.Nodes), Relationships: slices.Clone(e.graph.Relationships)}
	g.Sort()
	nodes, rels := make([]int64, len(g.Nodes)), make([]int64, len(g.Relationships))
	for i, n := range g.Nodes {
		d, err := engine.NodeDigest(n)
		if err != nil {
			return err
		}
		nodes[i] = d.Full
	}
	for i, r := range g.Relationships {
		d, err := engine.RelationshipDigest(r)
		if err != nil {
			return err
		}
		rels[i] = d.Full
	}
	if err := sink.Nodes(ctx, g.Nodes, nodes); err != nil {
		return err
	}
	return sink.Relationships(ctx, g.Relationships, rels)
}

// Manifest gives the kept index.
func (m *MemoryStore) Manifest(_ context.Context, id string) (*engine.Manifest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	return engine.DecodeManifest(e.manifest)
}

// Elements picks elements.
func (m *MemoryStore) Elements(_ context.Context, id string, keys engine.ElementKeys) (*engine.Graph, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	out := &engine.Graph{}
	for _, n := range e.graph.Nodes {
		if slices.Contains(keys.Nodes, n.Key) {
			out.Nodes = append(out.Nodes, n)
		}
	}
	for _, r := range e.graph.Relationships {
		if slices.Contains(keys.Relationships, engine.RelationshipRef{From: r.From, Key: r.Key}) {
			out.Relationships = append(out.Relationships, r)
		}
	}
	return out, nil
}

// Delete forgets a snapshot.
func (m *MemoryStore) Delete(_ context.Context, id string, o engine.DeleteOptions, _ func(string, int, int)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range m.entries {
		if e.snapshot.ID == id {
			pin := m.pin(id)
			if err := o.Refuse(id, engine.Protection{Pin: pin, Cases: m.cases[id], Baseline: engine.BaselineOf(e.snapshot.Tags)}); err != nil {
				return err
			}
			m.entries = slices.Delete(m.entries, i, i+1)
			delete(m.pins, id)
			raw, err := json.Marshal(engine.SealedSnapshot{
				Timestamp: e.snapshot.Timestamp, Seq: e.snapshot.Seq, RootHash: e.snapshot.RootHash, HeaderHash: e.snapshot.HeaderHash, ChainHash: e.snapshot.ChainHash,
				Reason: o.Reason, Pin: pin,
			})
			if err != nil {
				return err
			}
			m.record(o.Actor, engine.ActionDeleted, &e.snapshot, string(raw), nil)
			return nil
		}
	}
	return missing(id)
}

func (m *MemoryStore) pin(id string) *engine.Pin {
	if p, pinned := m.pins[id]; pinned {
		return &p
	}
	return nil
}

// Pin keeps a pin.
func (m *MemoryStore) Pin(_ context.Context, id string, p engine.Pin) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return missing(id)
	}
	if was := m.pin(id); was != nil && was.Actor == p.Actor && was.Note == p.Note {
		return nil
	}
	p.At = m.now()
	m.recordPin(p.Actor, engine.ActionPinned, e, m.pin(id), &p)
	if m.pins == nil {
		m.pins = map[string]engine.Pin{}
	}
	m.pins[id] = p
	return nil
}

// Unpin forgets a pin.
func (m *MemoryStore) Unpin(_ context.Context, id, actor string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return missing(id)
	}
	if pin := m.pin(id); pin != nil {
		m.recordPin(actor, engine.ActionUnpinned, e, pin, nil)
		delete(m.pins, id)
	}
	return nil
}

func (m *MemoryStore) recordPin(actor, action string, e *entry, before, after *engine.Pin) {
	was := ""
	if before != nil {
		raw, err := json.Marshal(before)
		if err != nil {
			panic(err)
		}
		was = string(raw)
	}
	if after == nil {
		m.record(actor, action, &e.snapshot, was, nil)
		return
	}
	m.record(actor, action, &e.snapshot, was, after)
}

// JoinCase makes a snapshot one of a case.
func (m *MemoryStore) JoinCase(id, caseID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cases == nil {
		m.cases = map[string][]string{}
	}
	m.cases[id] = append(m.cases[id], caseID)
}

// RetentionRows gives what retention knows.
func (m *MemoryStore) RetentionRows(context.Context) ([]engine.RetentionRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []engine.RetentionRow
	for _, e := range m.entries {
		s := &e.snapshot
		rows = append(rows, engine.RetentionRow{
			ID: s.ID, Seq: s.Seq, Source: s.Source, Timestamp: s.Timestamp, Trigger: s.TriggerType, Severity: s.Severity, Class: s.Retention,
			Template: s.Template, Pin: m.pin(s.ID), Cases: slices.Clone(m.cases[s.ID]), Baseline: engine.BaselineOf(s.Tags),
		})
	}
	return rows, nil
}

// Annotate keeps a summary.
func (m *MemoryStore) Annotate(_ context.Context, from, to string, n engine.NextSummary) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.between == nil {
		m.between = map[[2]string]engine.NextSummary{}
	}
	m.between[[2]string{from, to}] = n
	return nil
}

// Between gives a kept summary of two that are neighbours still.
func (m *MemoryStore) Between(_ context.Context, from, to string) (*engine.NextSummary, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(from)
	n, kept := m.between[[2]string{from, to}]
	if e == nil || !kept {
		return nil, nil
	}
	if _, next := m.neighbours(&e.snapshot); next != to {
		return nil, nil
	}
	return &n, nil
}

// Timeline gives light rows.
func (m *MemoryStore) Timeline(_ context.Context, q engine.TimelineQuery) ([]engine.TimelineRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []engine.TimelineRow
	for _, e := range m.timeline(q.Source) {
		s := &e.snapshot
		if s.Timestamp.Before(q.Since) || (!q.Until.IsZero() && !s.Timestamp.Before(q.Until)) {
			continue
		}
		rows = append(rows, engine.TimelineRow{
			ID: s.ID, Timestamp: s.Timestamp, TriggerType: s.TriggerType, Severity: s.Severity,
			TotalQPS: s.Summary.TotalQPS, AvgLatencyMS: s.Summary.AvgLatencyMS, BottlenecksCount: s.Summary.BottlenecksCount,
		})
	}
	return rows[max(0, len(rows)-q.Limit):], nil
}

// ElementHistory walks a timeline.
func (m *MemoryStore) ElementHistory(_ context.Context, q engine.HistoryQuery) ([]engine.ElementPoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var points []engine.ElementPoint
	for _, e := range m.timeline(q.Source) {
		at := e.snapshot.Timestamp
		if at.Before(q.Since) || (!q.Until.IsZero() && !at.Before(q.Until)) {
			continue
		}
		p := engine.ElementPoint{SnapshotID: e.snapshot.ID, Timestamp: at}
		for _, n := range e.graph.Nodes {
			if q.From == "" && n.Key == q.Key {
				p.Properties = n.Properties
			}
		}
		for _, r := range e.graph.Relationships {
			if q.From == r.From && r.Key == q.Key {
				p.Properties = r.Properties
			}
		}
		points = append(points, p)
	}
	return points[max(0, len(points)-q.Limit):], nil
}

// Audit gives events.
func (m *MemoryStore) Audit(_ context.Context, f engine.AuditFilter) ([]engine.AuditEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []engine.AuditEvent
	for _, e := range m.audit {
		if e.No >= f.From && (f.SnapshotID == "" || f.SnapshotID == e.SnapshotID) && (f.Source == "" || f.Source == e.Source) &&
			(f.Action == "" || f.Action == e.Action) && len(out) < f.Limit {
			out = append(out, e)
		}
	}
	return out, nil
}

// Seals computes the hashes anew.
func (m *MemoryStore) Seals(_ context.Context, id string) (*engine.Seals, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	return &engine.Seals{HeaderHash: headerHash(&e.snapshot), ManifestHash: engine.HashBytes(e.manifest)}, nil
}

// Chain gives the heads; links are computed here, so they are right.
func (m *MemoryStore) Chain(context.Context) (*engine.ChainState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &engine.ChainState{ChainHash: m.chain, AuditNo: int64(len(m.audit)), AuditEvents: int64(len(m.audit)), LastSeq: m.seq}
	if n := len(m.audit); n > 0 {
		c.AuditHash = m.audit[n-1].Hash
	}
	lines := map[string]*engine.TimelineState{}
	for _, e := range m.timeline("") {
		t := lines[e.snapshot.Source]
		if t == nil {
			t = &engine.TimelineState{Source: e.snapshot.Source}
			lines[t.Source] = t
		}
		if n := len(t.Order); n > 0 {
			t.Links = append(t.Links, [2]string{t.Order[n-1], e.snapshot.ID})
		}
		t.Order = append(t.Order, e.snapshot.ID)
		t.Heads = []string{e.snapshot.ID}
	}
	for _, t := range lines {
		c.Timelines = append(c.Timelines, *t)
	}
	return c, nil
}

// Captures lists failures.
func (m *MemoryStore) Captures(_ context.Context, limit int) ([]engine.CaptureState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.Clone(m.failed)
	slices.Reverse(out)
	return out[:min(limit, len(out))], nil
}

// Tamper changes a kept snapshot and graph behind the store's back.
func (m *MemoryStore) Tamper(id string, f func(*engine.Snapshot, *engine.Graph)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	f(&e.snapshot, e.graph)
}

func valuesOf(g *engine.Graph, keys []string) map[string]float64 {
	values := map[string]float64{}
	for _, r := range g.Relationships {
		for _, key := range keys {
			if v, ok := r.Properties.Number("value"); ok && r.Key == key {
				values[key] = v
			}
		}
	}
	return values
}

// History walks back from a snapshot.
func (m *MemoryStore) History(_ context.Context, id string, keys []string, limit int) ([]engine.HistoryPoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(id)
	if e == nil {
		return nil, missing(id)
	}
	line := m.timeline(e.snapshot.Source)
	var points []engine.HistoryPoint
	for i := len(line) - 1; i >= 0 && len(points) < limit; i-- {
		if !less(&line[i].snapshot, &e.snapshot) {
			continue
		}
		points = append(points, engine.HistoryPoint{SnapshotID: line[i].snapshot.ID, Timestamp: line[i].snapshot.Timestamp, Values: valuesOf(line[i].graph, keys)})
	}
	return points, nil
}
