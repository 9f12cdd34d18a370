package engine

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// BenchLimits does by plain means what the product does; see neo4jdb.Limits.
type BenchLimits interface {
	Empty(ctx context.Context) error // kind conflict where the servers are in use
	Fill(ctx context.Context, source string, g BenchGraph) error
	Change(ctx context.Context, source string) error
	ClearLive(ctx context.Context, source string) error
	RawRead(ctx context.Context, source string) error
	RawWrite(ctx context.Context, g BenchGraph) error
	ClearRaw(ctx context.Context) error
	RawScan(ctx context.Context, seq int64) error
	Timeline(ctx context.Context, source string, n int) error
	ClearTimeline(ctx context.Context, source string) error
	PeerExport(ctx context.Context, seq int64) (bytes int64, ok bool, err error)
	Writer(ctx context.Context, during time.Duration) (perSecond float64, err error)
}

// BenchExporter writes a snapshot as JSON, as the product exports it.
type BenchExporter func(ctx context.Context, id string, w io.Writer) error

// BenchOptions say what is measured.
type BenchOptions struct {
	Sizes     []BenchGraph
	Snapshots int // of the long timeline; 0 leaves it out
	Rounds    int // of each figure; the median counts
	Export    BenchExporter
	Memory    BenchMemory // nil leaves memory out
	Progress  func(what string)
}

// Figure is one measurement beside its raw limit in the same run.
type Figure struct {
	Name         string   `json:"name"`
	Size         string   `json:"size"`
	Seconds      float64  `json:"seconds"`
	LimitSeconds *float64 `json:"limit_seconds" doc:"What the servers need for the same by plain means; null where there is no such limit"`
	Ratio        *float64 `json:"ratio"`
	Bytes        int64    `json:"bytes,omitempty"`
	Goal         string   `json:"goal"`
	Met          *bool    `json:"met" doc:"null where it could not be measured here"`
	Note         string   `json:"note,omitempty"`
}

// bench is one run.
type bench struct {
	*Engine
	limits  BenchLimits
	o       BenchOptions
	figures []Figure
}

// Bench measures the figures of the design beside their limits, in turns within one run, on servers that hold nothing
// else. Kinds: conflict (the servers are in use), unavailable, exhausted.
func (e *Engine) Bench(ctx context.Context, limits BenchLimits, o BenchOptions) ([]Figure, error) {
	if err := limits.Empty(ctx); err != nil {
		return nil, err
	}
	b := &bench{Engine: e, limits: limits, o: o}
	if b.o.Progress == nil {
		b.o.Progress = func(string) {}
	}
	for i, size := range o.Sizes {
		if err := b.size(ctx, fmt.Sprintf("bench-%d", i), size); err != nil {
			return b.figures, err
		}
	}
	if o.Snapshots > 0 {
		return b.figures, b.timeline(ctx)
	}
	return b.figures, nil
}

func (g BenchGraph) String() string {
	k := func(n int) string {
		if n%1000 == 0 {
			return fmt.Sprintf("%dk", n/1000)
		}
		return fmt.Sprint(n)
	}
	return k(g.Nodes) + "/" + k(g.Relationships)
}

// warmUps is how many rounds come before those that count: a server compiles what it runs often, and the product is measured
// on one that has been running for a while.
func (g BenchGraph) warmUps() int {
	return min(max(1, 250_000/(g.Nodes+g.Relationships)), 10)
}

func (b *bench) seconds(f func() error) (float64, error) {
	start := b.clock.Now()
	err := f()
	return b.clock.Now().Sub(start).Seconds(), err
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func (b *bench) add(name, size string, seconds []float64, limit []float64, goal float64, text string) {
	f := Figure{Name: name, Size: size, Seconds: median(seconds), Goal: text}
	if len(limit) > 0 {
		l := median(limit)
		ratio := f.Seconds / l
		met := ratio <= goal
		f.LimitSeconds, f.Ratio, f.Met = &l, &ratio, &met
	} else {
		met := f.Seconds <= goal
		f.Met = &met
	}
	b.figures = append(b.figures, f)
}

// size measures everything that depends on the size of a graph.
func (b *bench) size(ctx context.Context, source string, g BenchGraph) error {
	name := g.String()
	b.o.Progress(name + ": filling the live graph")
	if err := b.limits.Fill(ctx, source, g); err != nil {
		return err
	}
	var whole, staged, rawRead, rawWrite []float64
	var ids []string
	for round := 1 - g.warmUps(); round <= b.o.Rounds; round++ {
		b.o.Progress(fmt.Sprintf("%s: capture, round %d of %d", name, round, b.o.Rounds))
		read, err := b.seconds(func() error { return b.limits.RawRead(ctx, source) })
		if err != nil {
			return err
		}
		write, err := b.seconds(func() error { return b.limits.RawWrite(ctx, g) })
		if err != nil {
			return err
		}
		if err := b.limits.ClearRaw(ctx); err != nil {
			return err
		}
		if err := b.limits.Change(ctx, source); err != nil {
			return err
		}
		var s *Snapshot
		took, err := b.seconds(func() (err error) {
			s, _, err = b.capture(ctx, CaptureRequest{Source: source, Trigger: TriggerManual, Description: "bench"})
			return err
		})
		if err != nil {
			return err
		}
		ids = append(ids, s.ID)
		frozen, err := b.refreeze(ctx, s, g)
		if err != nil {
			return err
		}
		if round > 0 {
			whole, staged, rawRead, rawWrite = append(whole, took), append(staged, frozen), append(rawRead, read), append(rawWrite, write)
		}
	}
	both := make([]float64, len(rawRead))
	for i := range both {
		both[i] = rawRead[i] + rawWrite[i]
	}
	b.add("capture, written bytes to published", name, staged, rawWrite, 1.25, "<= 1.25x of plain creation")
	b.add("whole capture", name, whole, both, 0.85, "<= 0.85x of plain read and plain write one after the other")
	if err := b.compare(ctx, name, g.warmUps(), ids[len(ids)-2], ids[len(ids)-1]); err != nil {
		return err
	}
	if err := b.export(ctx, name, g.warmUps(), ids[len(ids)-1]); err != nil {
		return err
	}
	if err := b.memory(ctx, name, source, ids[len(ids)-1]); err != nil {
		return err
	}
	if err := b.writer(ctx, name, source); err != nil {
		return err
	}
	return b.tidy(ctx, source, name)
}

// refreeze writes a graph that is in memory already, without reading the live graph, and deletes it again.
func (b *bench) refreeze(ctx context.Context, like *Snapshot, g BenchGraph) (float64, error) {
	graph := g.Graph()
	s := &Snapshot{Source: like.Source + "-refrozen", TriggerType: TriggerManual, Timestamp: b.clock.Now()}
	s.ID = SnapshotID(s.Timestamp, "bench refrozen", TriggerManual)
	took, err := b.seconds(func() error { return FreezeGraph(ctx, b.store, s, graph, PublishOptions{}, nil) })
	if err != nil {
		return 0, err
	}
	return took, b.store.Delete(ctx, s.ID, DeleteOptions{Actor: "bench"}, nil)
}

func (b *bench) compare(ctx context.Context, name string, warm int, from, to string) error {
	b.o.Progress(name + ": compare")
	a, err := b.store.Get(ctx, from)
	if err != nil {
		return err
	}
	z, err := b.store.Get(ctx, to)
	if err != nil {
		return err
	}
	var scans, compares, page, cached []float64
	for round := 1 - 2*warm; round <= 2*b.o.Rounds; round++ {
		scan, err := b.seconds(func() error {
			if err := b.limits.RawScan(ctx, a.Seq); err != nil {
				return err
			}
			return b.limits.RawScan(ctx, z.Seq)
		})
		if err != nil {
			return err
		}
		full, err := b.seconds(func() error { _, err := b.Compare(ctx, from, to, CompareOptions{SummaryOnly: true}); return err })
		if err != nil {
			return err
		}
		listed, err := b.seconds(func() error { _, err := b.Compare(ctx, from, to, CompareOptions{Limit: 500}); return err })
		if err != nil {
			return err
		}
		if _, err := b.store.Between(ctx, from, to); err != nil {
			return err
		}
		known, err := b.seconds(func() error { _, err := b.store.Between(ctx, from, to); return err })
		if err != nil {
			return err
		}
		if round > 0 {
			scans, compares, page, cached = append(scans, scan), append(compares, full), append(page, listed), append(cached, known)
		}
	}
	b.add("full compare, every element", name, compares, slices.Clone(scans), 1.5, "<= 1.5x of two bare scans in the server")
	b.add("full compare with 500 changes in full", name, page, scans, 1.5, "<= 1.5x of two bare scans in the server")
	b.add("compare of neighbours, summary", name, cached, nil, 0.010, "<= 10 ms")
	return nil
}

// counted counts what is written to it.
type counted int64

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}

func (b *bench) export(ctx context.Context, name string, warm int, id string) error {
	if b.o.Export == nil {
		return nil
	}
	s, err := b.store.Get(ctx, id)
	if err != nil {
		return err
	}
	var ours, peers []float64
	var size counted
	peer := true
	for round := 1 - warm; round <= b.o.Rounds; round++ {
		b.o.Progress(name + ": export")
		size = 0
		took, err := b.seconds(func() error { return b.o.Export(ctx, id, &size) })
		if err != nil {
			return err
		}
		var other float64
		if peer {
			if other, err = b.seconds(func() (err error) { _, peer, err = b.limits.PeerExport(ctx, s.Seq); return err }); err != nil {
				return err
			}
		}
		if round > 0 {
			ours = append(ours, took)
			if peer {
				peers = append(peers, other)
			}
		}
	}
	b.add("JSON export", name, ours, peers, 1, "<= 1.0x of APOC's JSON export")
	f := &b.figures[len(b.figures)-1]
	f.Bytes = int64(size)
	if !peer {
		f.Met, f.Note = nil, "the server has no APOC to compare with"
	}
	return nil
}

// BenchWriterSource is the source of what the writer writes.
const BenchWriterSource = "bench-writer"

// writerTime is how long the writer beside captures is watched.
const writerTime = 5 * time.Second

func (b *bench) writer(ctx context.Context, name, source string) error {
	b.o.Progress(name + ": a writer beside captures")
	alone, err := b.limits.Writer(ctx, writerTime)
	if err != nil {
		return err
	}
	busy, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for {
			_, _, err := b.capture(busy, CaptureRequest{Source: source, Trigger: TriggerManual, Description: "bench writer", AllowFuzzy: true})
			if err != nil {
				if busy.Err() != nil {
					err = nil
				}
				done <- err
				return
			}
		}
	}()
	beside, err := b.limits.Writer(ctx, writerTime)
	stop()
	if err := first(err, <-done); err != nil {
		return err
	}
	again, err := b.limits.Writer(ctx, writerTime)
	if err != nil {
		return err
	}
	if err := b.limits.ClearLive(ctx, BenchWriterSource); err != nil {
		return err
	}
	limit, took := 2/(alone+again), 1/beside
	ratio := took / limit
	met := ratio <= 1/0.95
	b.figures = append(b.figures, Figure{
		Name: "a live writer's transaction while captures run back to back", Size: name, Seconds: took, LimitSeconds: &limit, Ratio: &ratio, Goal: "<= 1.05x of alone", Met: &met,
		Note: "both servers and this program share the machine",
	})
	return nil
}

// first gives the first error of two.
func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (b *bench) tidy(ctx context.Context, source, name string) error {
	b.o.Progress(name + ": delete")
	rows, _, err := b.store.List(ctx, Filter{Source: source, Limit: maxPage})
	if err != nil {
		return err
	}
	var deletes []float64
	for _, s := range rows {
		took, err := b.seconds(func() error { return b.store.Delete(ctx, s.ID, DeleteOptions{Actor: "bench"}, nil) })
		if err != nil {
			return err
		}
		deletes = append(deletes, took)
	}
	b.figures = append(b.figures, Figure{Name: "delete one snapshot", Size: name, Seconds: median(deletes), Goal: "-"})
	return b.limits.ClearLive(ctx, source)
}

// timelineWarmUps is as BenchGraph.warmUps for the long timeline.
const timelineWarmUps = 10

func (b *bench) timeline(ctx context.Context) error {
	const source = "bench-timeline"
	name := fmt.Sprintf("%d snapshots", b.o.Snapshots)
	b.o.Progress(name + ": making a long timeline")
	if err := b.limits.Timeline(ctx, source, b.o.Snapshots); err != nil {
		return err
	}
	var page, all, history []float64
	for round := 1 - timelineWarmUps; round <= 2*b.o.Rounds; round++ {
		for range timelineWarmUps {
			one, err := b.seconds(func() error { _, _, err := b.store.List(ctx, Filter{Source: source, Limit: 100}); return err })
			if err != nil {
				return err
			}
			if round > 0 {
				page = append(page, one)
			}
		}
		every, err := b.seconds(func() error {
			rows, err := b.store.Timeline(ctx, TimelineQuery{Source: source, Limit: b.o.Snapshots})
			if err == nil && len(rows) != b.o.Snapshots {
				err = Errorf(KindInternal, "bench", "the timeline has %d of %d rows", len(rows), b.o.Snapshots)
			}
			return err
		})
		if err != nil {
			return err
		}
		element, err := b.seconds(func() error {
			points, err := b.store.ElementHistory(ctx, HistoryQuery{
				Source: source, Key: RelationshipKey("users:Table", RelAvgLatencyMS, "products:Table", ""), From: "users:Table", Limit: min(b.o.Snapshots, maxHistory),
			})
			if err == nil && len(points) != b.o.Snapshots {
				err = Errorf(KindInternal, "bench", "the history has %d of %d points", len(points), b.o.Snapshots)
			}
			return err
		})
		if err != nil {
			return err
		}
		if round > 0 {
			all, history = append(all, every), append(history, element)
		}
	}
	b.add("one page of 100", name, page, nil, 0.010, "<= 10 ms")
	b.add("all light rows", name, all, nil, 0.100, "<= 100 ms")
	b.add("history of one element", name, history, nil, 0.300, "<= 300 ms")
	return b.limits.ClearTimeline(ctx, source)
}
