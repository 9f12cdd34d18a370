package engine

import (
	"context"
	"time"
)

// LiveWriter writes ticks into the live graph; collectors need it.
type LiveWriter interface {
	// WriteTick replaces the live graph of the tick's source in one transaction and returns the tick's number.
	// Kinds: unavailable, denied, invalid, internal.
	WriteTick(ctx context.Context, t *Tick) (int64, error)
}

// Sink takes a graph piece by piece: all nodes first, then the relationships between them, in any order. Digests are
// those that a store holds beside the elements, one each, or nil where the graph does not come from a store. A sink may
// keep the elements.
type Sink interface {
	Nodes(ctx context.Context, nodes []Node, digests []int64) error
	Relationships(ctx context.Context, rels []Relationship, digests []int64) error
}

// ReadOptions say how a live graph may be read.
type ReadOptions struct {
	AllowFuzzy bool // take the last reading where none could be proven, marked as fuzzy
}

// LiveReader reads the live graph; captures and comparisons with LIVE need it.
type LiveReader interface {
	// Sources lists the sources present in the live graph, by name.
	Sources(ctx context.Context) ([]LiveState, error)
	// ReadLive reads one source's live graph consistently. open is called before each attempt and gives the sink that takes
	// it; what earlier sinks took is void. Kinds: not_found, unavailable, conflict (no reading could be proven).
	ReadLive(ctx context.Context, source string, o ReadOptions, open func() (Sink, error)) (*LiveRead, error)
}

// LiveRead says what was read and how sure it is.
type LiveRead struct {
	State       LiveState
	Consistency Consistency
	Warnings    []string
}

// Staging is a snapshot being written that no reader sees yet. Its calls must follow each other.
type Staging interface {
	Sink // digests are required
	// Publish verifies what was staged and makes it visible in one transaction. It fills in Seq, ChainHash, HeaderHash,
	// Previous, Next and, unless the id must be kept, on a clash of ids a suffix such as _2 to the ID. Kinds: conflict (the
	// staging was swept, or the id is taken), internal (the database holds something else than was sent). Where a snapshot of
	// the same CaptureID is there already, s becomes that one, and what was staged is removed.
	Publish(ctx context.Context, s *Snapshot, m *Manifest, o PublishOptions) error
	// Abandon removes what was staged, also where ctx was cancelled; after Publish it does nothing. reason is kept with the
	// record of the failed capture; "" leaves no record.
	Abandon(ctx context.Context, reason string)
}

// PublishOptions say how a staged snapshot is published.
type PublishOptions struct {
	KeepID bool   // an import: the id is given and must be free
	Actor  string // who did it, for the audit trail
}

// SnapshotStore keeps the snapshots. All methods give kind unavailable when the database does not answer.
type SnapshotStore interface {
	// Sources lists the sources that have a timeline, by name.
	Sources(ctx context.Context) ([]string, error)
	// Stage begins a snapshot. progress hears of the stages freeze, verify and publish.
	Stage(ctx context.Context, r StageRequest, progress func(stage string, done, total int)) (Staging, error)
	// List gives one page of snapshots without their graphs, newest first (timestamp, then seq), and the cursor of the next
	// page or "". Kinds: invalid (cursor, limit).
	List(ctx context.Context, f Filter) ([]Snapshot, string, error)
	// Timeline gives the newest snapshots of a source within a span as light rows, oldest first.
	Timeline(ctx context.Context, q TimelineQuery) ([]TimelineRow, error)
	// Get gives one snapshot without its graph, with Previous and Next. Kinds: not_found.
	Get(ctx context.Context, id string) (*Snapshot, error)
	// Captured gives the snapshot that a capture made, by its CaptureID. Kinds: not_found.
	Captured(ctx context.Context, captureID string) (*Snapshot, error)
	// Walk hands the frozen graph to a sink as it is stored, nodes in key order. Kinds: not_found.
	Walk(ctx context.Context, id string, sink Sink) error
	// Manifest gives the index of a snapshot as it was published. Kinds: not_found, invalid (it cannot be read).
	Manifest(ctx context.Context, id string) (*Manifest, error)
	// Elements gives those of the asked elements that a snapshot holds. Kinds: not_found.
	Elements(ctx context.Context, id string, keys ElementKeys) (*Graph, error)
	// Delete takes a snapshot off its timeline in one transaction, then removes what it contains; what an interruption
	// leaves is removed later. DeleteOptions.Refuse is asked in that transaction. Kinds: not_found, conflict.
	Delete(ctx context.Context, id string, o DeleteOptions, progress func(stage string, done, total int)) error
	// Pin puts a pin beside a snapshot, or a new note on the one that is there, with an audit event. The store sets At.
	// Kinds: not_found.
	Pin(ctx context.Context, id string, p Pin) error
	// Unpin takes the pin away, with an audit event; nothing where there is none. Kinds: not_found.
	Unpin(ctx context.Context, id, actor string) error
	// RetentionRows gives what retention knows of all snapshots, in any order.
	RetentionRows(ctx context.Context) ([]RetentionRow, error)
	// Annotate writes the summary of a diff onto the :NEXT from one snapshot to its neighbour; nothing where they are no
	// neighbours (any more).
	Annotate(ctx context.Context, from, to string, n NextSummary) error
	// Between gives the summary that stands on the :NEXT between two neighbours; nil where they are none or it is missing.
	Between(ctx context.Context, from, to string) (*NextSummary, error)
	// History gives the snapshots of the same source before id, newest first, at most limit, with the `value` of those of
	// the given relationship keys that they hold. Kinds: not_found.
	History(ctx context.Context, id string, keys []string, limit int) ([]HistoryPoint, error)
	// ElementHistory gives one element in the snapshots of a source between two moments, oldest first; snapshots without it
	// are there with nil Properties.
	ElementHistory(ctx context.Context, q HistoryQuery) ([]ElementPoint, error)
	// Audit gives a page of the audit trail in writing order, from a number on.
	Audit(ctx context.Context, f AuditFilter) ([]AuditEvent, error)
	// Seals gives what a database holds beside the frozen elements that verification needs.
	Seals(ctx context.Context, id string) (*Seals, error)
	// Chain gives the heads of the hash chains and every link and head of every timeline.
	Chain(ctx context.Context) (*ChainState, error)
	// Captures lists what is being staged, failed or being deleted, newest first.
	Captures(ctx context.Context, limit int) ([]CaptureState, error)
}

// StageRequest says what is being staged and by whom.
type StageRequest struct {
	CaptureID, Source, Actor string
}

// ElementKeys name elements; a relationship is found from the node that it leaves.
type ElementKeys struct {
	Nodes         []string
	Relationships []RelationshipRef
}

// RelationshipRef names a relationship by its key and the key of the node that it leaves.
type RelationshipRef struct{ From, Key string }

// The states of a capture.
const (
	StateCapturing = "capturing"
	StateComplete  = "complete"
	StateFailed    = "failed"
	StateDeleting  = "deleting"
)

// CaptureState is a snapshot that is not (or no longer) published.
type CaptureState struct {
	Seq              int64
	CaptureID        string
	Source, State    string
	SnapshotID       string // once it had one
	Reason           string // why it failed
	Since, ExpiresAt time.Time
}
