package engine

import "context"

// LiveWriter writes ticks into the live graph; collectors need it.
type LiveWriter interface {
	// WriteTick replaces the live graph of the tick's source in one transaction and returns the tick's number.
	// Kinds: unavailable, denied, invalid, internal.
	WriteTick(ctx context.Context, t *Tick) (int64, error)
}

// LiveReader reads the live graph; captures and comparisons with LIVE need it.
type LiveReader interface {
	// Sources lists the sources present in the live graph, by name.
	Sources(ctx context.Context) ([]LiveState, error)
	// ReadLive reads one source's live graph consistently and says how sure it is. Kinds: not_found, unavailable.
	ReadLive(ctx context.Context, source string) (*LiveRead, error)
}

// LiveRead is one consistent reading of a source's live graph.
type LiveRead struct {
	State       LiveState
	Graph       Graph
	Consistency Consistency
	Warnings    []string
}

// SnapshotStore keeps the snapshots. All methods give kind unavailable when the database does not answer.
type SnapshotStore interface {
	// Sources lists the sources that have a timeline, by name.
	Sources(ctx context.Context) ([]string, error)
	// Freeze stages and publishes a snapshot in full or not at all. It fills in Seq, ChainHash, Previous and Next and, on
	// a clash of ids, a suffix such as _2 to the ID. RootHash and counts must match the graph. Kinds: conflict, exhausted.
	Freeze(ctx context.Context, s *Snapshot, g *Graph, progress func(stage string, done, total int)) error
	// List gives one page of light rows, newest first (timestamp, then seq), and the cursor of the next page or "".
	// Kinds: invalid (cursor, limit).
	List(ctx context.Context, f Filter) ([]Snapshot, string, error)
	// Get gives one snapshot without its graph, with Previous and Next. Kinds: not_found.
	Get(ctx context.Context, id string) (*Snapshot, error)
	// Graph gives the frozen graph, in key order. Kinds: not_found.
	Graph(ctx context.Context, id string) (*Graph, error)
	// Delete removes a snapshot and closes the gap in the timeline. Kinds: not_found.
	Delete(ctx context.Context, id string) error
	// Compare gives the elements whose digests differ between two snapshots, by kind and key, and the number of all
	// others. Kinds: not_found.
	Compare(ctx context.Context, baseline, target string) (*Difference, error)
	// Annotate writes the summary of a diff onto the :NEXT from one snapshot to its neighbour; nothing where they are no
	// neighbours (any more).
	Annotate(ctx context.Context, from, to string, n NextSummary) error
	// Values gives the `value` of those of the given relationship keys that a snapshot holds. Kinds: not_found.
	Values(ctx context.Context, id string, keys []string) (map[string]float64, error)
	// History gives the snapshots of the same source before id, newest first, at most limit, with the `value` of those of
	// the given relationship keys that they hold. Kinds: not_found.
	History(ctx context.Context, id string, keys []string, limit int) ([]HistoryPoint, error)
}
