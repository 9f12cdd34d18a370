package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"
)

// ImportOptions bound and direct an import.
type ImportOptions struct {
	Actor       string // who imports, for the audit trail
	Source      string // the source that the snapshots get; their own where empty
	MaxBytes    int64  // most bytes that are read, after decompression; DefaultImportBytes where 0
	MaxElements int    // most nodes and relationships of one snapshot; DefaultImportElements where 0
}

// The bounds of an import where nobody says otherwise.
const (
	DefaultImportBytes    = 16 << 30
	DefaultImportElements = 2_000_000 // about 700 MB of memory while they are checked
)

// ImportStatus is what became of one snapshot.
type ImportStatus string

// The statuses.
const (
	ImportImported     ImportStatus = "imported"
	ImportAlreadyThere ImportStatus = "already_there" // the same snapshot, with the same content
	ImportFailed       ImportStatus = "failed"        // nothing of it was written; Err says why
)

// ImportEntry is one snapshot of an import.
type ImportEntry struct {
	ID            string // as far as it is known
	Source        string
	Timestamp     time.Time
	Status        ImportStatus
	Nodes         int
	Relationships int
	Err           error
}

// ImportReport says what became of each snapshot, in the order of the file.
type ImportReport struct {
	Format    string // json, csv or archive
	Total     int    // snapshots that the file announces
	Snapshots []ImportEntry
	Ignored   []string // fields of documents that this version does not know
}

// Count gives the number of snapshots with a status.
func (r *ImportReport) Count(status ImportStatus) int {
	n := 0
	for i := range r.Snapshots {
		if r.Snapshots[i].Status == status {
			n++
		}
	}
	return n
}

// ignore notes an unknown field, as far as anybody would read on.
func (r *ImportReport) ignore(field string) {
	const most, longest = 100, 100
	if len(r.Ignored) < most && len(field) <= longest && !slices.Contains(r.Ignored, field) {
		r.Ignored = append(r.Ignored, field)
	}
}

// Import brings snapshots in from a document, a CSV export or an archive; it sees by the content which. r must be
// decompressed. Each snapshot keeps its id, moment and trigger, lands at its place of the timeline, and is there in full or
// not at all; one that is there already with the same content is left alone, so an import can be repeated. Another content
// under the same id is a conflict. Of an archive the snapshots stand for themselves: those that fail are in the report,
// and the error is only about the archive as a whole or about what kept the import from going on. progress hears how many
// elements of which snapshot were taken; total is 0 where the document does not say.
// Kinds: invalid (not a form of ours, damaged, contradicting itself, from a later version), conflict, exhausted (one of the
// bounds, or ctx ended), unavailable.
func (e *Engine) Import(ctx context.Context, r io.Reader, o ImportOptions, progress func(id string, done, total int)) (*ImportReport, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultImportBytes
	}
	if o.MaxElements == 0 {
		o.MaxElements = DefaultImportElements
	}
	if o.MaxBytes < 0 || o.MaxElements < 0 || len(o.Source) > maxDescription {
		return nil, Errorf(KindInvalid, "import", "a bound is below 0, or the source has more than %d bytes", maxDescription)
	}
	if progress == nil {
		progress = func(string, int, int) {}
	}
	in := bufio.NewReaderSize(&bounded{ctx: ctx, in: r, most: o.MaxBytes}, 64<<10)
	im := &importing{e: e, o: o, tell: progress, report: &ImportReport{}}
	start, err := in.Peek(512)
	if err != nil && err != io.EOF {
		return im.report, err
	}
	switch trimmed := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n"); {
	case len(start) >= 262 && string(start[257:262]) == "ustar":
		return im.report, im.tar(ctx, in)
	case len(trimmed) > 0 && trimmed[0] == '{':
		im.report.Format, im.report.Total = "json", 1
		if bytes.HasPrefix(start, []byte("\ufeff")) {
			_, _ = in.Discard(len("\ufeff")) // it was peeked at
		}
		return im.report, im.one(ctx, func(t *intake) error { return t.document(ctx, in, true) }, nil)
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}), bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}), bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return im.report, Errorf(KindInvalid, "import", "the content is compressed once more than was said").WithHint("decompress it first, or say how it is compressed")
	case len(start) == 0:
		return im.report, Errorf(KindInvalid, "import", "there is nothing to import: the content is empty")
	}
	return im.report, Errorf(KindInvalid, "import", "this is neither a snapshot document, nor a CSV export, nor an archive").
		WithHint("import takes what `graphsnap export` writes as json or csv, and archives; a Cypher export is run in Neo4j instead")
}

// bounded is a reader that stops at a number of bytes or when ctx ends.
type bounded struct {
	ctx  context.Context
	in   io.Reader
	read int64
	most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.read >= b.most {
		var one [1]byte
		if n, err := b.in.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, Errorf(KindExhausted, "import", "the content has more than %d bytes after decompression", b.most).
			WithHint("raise the limit if you trust where it comes from; a small file that grows this much is an attack")
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.most-b.read)])
	b.read += int64(n)
	return n, err
}

// importing is one import.
type importing struct {
	e      *Engine
	o      ImportOptions
	tell   func(id string, done, total int)
	report *ImportReport
}

// one brings in one snapshot and enters it into the report. read hands everything to the intake; seal, where it is not
// nil, has the last word before anything becomes visible.
func (im *importing) one(ctx context.Context, read func(*intake) error, seal func(*intake) error) error {
	t := &intake{im: im, fields: map[string]json.RawMessage{}, types: map[string]struct{}{}}
	err := read(t)
	if err == nil && seal != nil {
		err = seal(t)
	}
	if err == nil {
		err = t.settle(ctx)
	}
	entry := &t.entry
	if err != nil {
		t.abandon(ctx, err)
		entry.Status, entry.Err = ImportFailed, err
	}
	im.report.Snapshots = append(im.report.Snapshots, *entry)
	return err
}

// intake takes one snapshot in: its fields, and its elements in batches.
type intake struct {
	im     *importing
	entry  ImportEntry
	fields map[string]json.RawMessage

	begun  bool
	there  *Snapshot // the one of this id that is there already
	staged Staging   // nil where there is one
	d      *description

	nodes   []Node
	rels    []Relationship
	count   int
	types   map[string]struct{} // of relationships
	flushed int64               // where the content stood at the last batch
}

const (
	importBatch      = 5000
	importBatchBytes = 8 << 20
)

// field gives a field of the header as a text, "" where it is not (yet) there.
func (t *intake) field(name string) string {
	var s string
	_ = json.Unmarshal(t.fields[name], &s) // what is no text is found when the header is read as a whole
	return s
}

// begin opens the staging when the first element comes. A snapshot that is there already is only read and compared.
func (t *intake) begin(ctx context.Context) error {
	t.begun = true
	e, source := t.im.e, t.im.o.Source
	if source == "" {
		source = t.field("source")
	}
	t.entry.ID, t.entry.Source = t.field("snapshot_id"), source
	if IsSnapshotID(t.entry.ID) {
		there, err := e.store.Get(ctx, t.entry.ID)
		if err == nil {
			t.there = there
			t.d = describeInto(nil)
			return nil
		}
		if KindOf(err) != KindNotFound {
			return err
		}
	}
	staged, err := e.store.Stage(ctx, StageRequest{CaptureID: "import " + t.entry.ID, Source: source, Actor: t.im.o.Actor}, nil)
	if err != nil {
		return err
	}
	t.staged = staged
	t.d = describeInto(staged)
	return nil
}

func (t *intake) node(ctx context.Context, n Node, at int64) error {
	if err := checkImportedNode(&n); err != nil {
		return inElement("node", n.Key, err)
	}
	if len(t.rels) > 0 || t.entry.Relationships > 0 {
		return Errorf(KindInvalid, "import", "the node %.100q stands behind a relationship", n.Key).WithHint("write all nodes in front of the relationships")
	}
	t.nodes = append(t.nodes, n)
	t.entry.Nodes++
	return t.counted(ctx, at)
}

func (t *intake) relationship(ctx context.Context, r Relationship, at int64) error {
	if err := checkImportedRelationship(&r); err != nil {
		return inElement("relationship", r.Key, err)
	}
	if len(t.nodes) > 0 {
		if err := t.flush(ctx, at); err != nil {
			return err
		}
	}
	if t.types[r.Type] = struct{}{}; len(t.types) > maxTypes {
		return Errorf(KindExhausted, "import", "there are more than %d types of relationship", maxTypes).
			WithHint("Neo4j knows 65,536 types in all and never forgets one, so an import may not use them up")
	}
	t.rels = append(t.rels, r)
	t.entry.Relationships++
	return t.counted(ctx, at)
}

func (t *intake) counted(ctx context.Context, at int64) error {
	if t.count++; t.count > t.im.o.MaxElements {
		return Errorf(KindExhausted, "import", "the snapshot has more than %d nodes and relationships", t.im.o.MaxElements).
			WithHint("raise the limit of elements if you trust where it comes from, and have the memory")
	}
	if len(t.nodes)+len(t.rels) >= importBatch || at-t.flushed >= importBatchBytes {
		return t.flush(ctx, at)
	}
	return nil
}

func (t *intake) flush(ctx context.Context, at int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !t.begun {
		if err := t.begin(ctx); err != nil {
			return err
		}
	}
	t.flushed = at
	var err error
	if len(t.nodes) > 0 {
		err = t.d.Nodes(ctx, t.nodes, nil)
	}
	if err == nil && len(t.rels) > 0 {
		err = t.d.Relationships(ctx, t.rels, nil)
	}
	t.nodes, t.rels = nil, nil // the sink may keep them
	if err == nil {
		var total int
		for _, name := range []string{"node_count", "relationship_count"} {
			var n int
			_ = json.Unmarshal(t.fields[name], &n) // only a forecast
			total += max(n, 0)
		}
		t.im.tell(t.entry.ID, t.count, total)
	}
	return err
}

// settle holds the snapshot to what its document says and publishes it.
func (t *intake) settle(ctx context.Context) error {
	const op = "import"
	if err := t.flush(ctx, t.flushed); err != nil {
		return err
	}
	if err := upgradeFields(t.fields); err != nil {
		return err
	}
	s, counts, root, err := snapshotOf(t.fields)
	if err != nil {
		return err
	}
	if t.im.o.Source != "" {
		s.Source, s.Live.Source = t.im.o.Source, t.im.o.Source
	}
	if err := checkImported(s); err != nil {
		return err
	}
	t.entry.ID, t.entry.Source, t.entry.Timestamp = s.ID, s.Source, s.Timestamp
	if err := t.d.finish(s); err != nil {
		return err
	}
	if n, r := counts[0], counts[1]; n != nil && *n != s.NodeCount || r != nil && *r != s.RelationshipCount {
		return Errorf(KindInvalid, op, "the document says %s nodes and %s relationships, and has %d and %d", shown(n), shown(r), s.NodeCount, s.RelationshipCount).
			WithHint("a part of it is missing; export it again")
	}
	if root != "" && root != s.RootHash {
		return Errorf(KindInvalid, op, "the content was changed after the export: its root hash is %.12s, the document says %.12s", s.RootHash, root).
			WithHint("export it again; if it was changed on purpose, take the field root_hash out")
	}
	if t.there != nil {
		return t.same(t.there, s)
	}
	if err := t.im.e.compareStates(ctx, s); err != nil {
		return err
	}
	err = t.staged.Publish(ctx, s, t.d.manifest, PublishOptions{KeepID: true, Actor: t.im.o.Actor})
	if KindOf(err) == KindConflict && err != nil { // it may be there since the import began, or its id came late
		there, getErr := t.im.e.store.Get(ctx, s.ID)
		if getErr != nil {
			return err
		}
		if err := t.same(there, s); err != nil {
			return err
		}
		t.abandon(ctx, nil)
		return nil
	}
	if err != nil {
		return err
	}
	t.staged = nil
	t.entry.Status = ImportImported
	e := t.im.e
	e.annotate(ctx, s.Previous, s.ID)
	e.annotate(ctx, s.ID, s.Next)
	e.Events.Publish(Event{Created: s})
	e.log.Info("snapshot imported", "id", s.ID, "source", s.Source, "nodes", s.NodeCount, "relationships", s.RelationshipCount, "actor", t.im.o.Actor)
	return nil
}

// same says whether the snapshot that is there is the imported one. Kinds: conflict.
func (t *intake) same(there, s *Snapshot) error {
	var differs string
	switch {
	case there.RootHash != s.RootHash:
		differs = "another content"
	case there.Source != s.Source:
		differs = "another source, " + there.Source
	case !there.Timestamp.Equal(s.Timestamp):
		differs = "another moment, " + there.Timestamp.Format(time.RFC3339Nano)
	default:
		t.entry.Status = ImportAlreadyThere
		return nil
	}
	return Errorf(KindConflict, "import", "there is a snapshot %s already, with %s", s.ID, differs).
		WithHint("an import never overwrites: keep the one that is there, or delete it and import again")
}

func shown(n *int) string {
	if n == nil {
		return "any number of"
	}
	b, _ := json.Marshal(*n) // a number
	return string(b)
}

// abandon removes what was staged.
func (t *intake) abandon(ctx context.Context, err error) {
	if t.staged == nil {
		return
	}
	reason := ""
	if err != nil && !errors.Is(err, context.Canceled) {
		reason = err.Error()
	}
	t.staged.Abandon(ctx, reason)
	t.staged = nil
}
