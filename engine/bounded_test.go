package engine_test

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// flowing is a store whose one snapshot is made while it is walked, and which forgets what is staged: what grows beside it
// is the engine's.
type flowing struct {
	enginetest.MemoryStore
	nodes, rels int
}

func (s *flowing) Get(_ context.Context, id string) (*engine.Snapshot, error) {
	if id != "snap_20260131_090500_large" || s.nodes == 0 {
		return nil, engine.Errorf(engine.KindNotFound, "get", "not there")
	}
	snap := fullSnapshot(id, "shop", 0)
	snap.NodeCount, snap.RelationshipCount = s.nodes, s.rels
	return snap, nil
}

func (s *flowing) Walk(ctx context.Context, _ string, sink engine.Sink) error {
	const batch = 2000
	g := enginetest.SizedGraph(batch, batch, 0)
	digests := make([]int64, batch)
	name := func(key string, n int) string { return key + "#" + string(rune('A'+n%26)) + string(rune('A'+n/26)) }
	for n := 0; n*batch < s.nodes; n++ {
		nodes := make([]engine.Node, batch)
		for i, x := range g.Nodes {
			x.Key = name(x.Key, n)
			nodes[i] = x
		}
		if err := sink.Nodes(ctx, nodes, digests); err != nil {
			return err
		}
	}
	for n := 0; n*batch < s.rels; n++ {
		rels := make([]engine.Relationship, batch)
		for i, x := range g.Relationships {
			x.Key, x.From, x.To = name(x.Key, n), name(x.From, n%(s.nodes/batch)), name(x.To, n%(s.nodes/batch))
			rels[i] = x
		}
		if err := sink.Relationships(ctx, rels, digests); err != nil {
			return err
		}
	}
	return nil
}

type forgetting struct{}

func (forgetting) Nodes(context.Context, []engine.Node, []int64) error                 { return nil }
func (forgetting) Relationships(context.Context, []engine.Relationship, []int64) error { return nil }
func (forgetting) Publish(context.Context, *engine.Snapshot, *engine.Manifest, engine.PublishOptions) error {
	return nil
}
func (forgetting) Abandon(context.Context, string) {}

func (s *flowing) Stage(context.Context, engine.StageRequest, func(string, int, int)) (engine.Staging, error) {
	return forgetting{}, nil
}

// peak gives the most memory in use while something runs, above what was in use before, in MB.
func peak(run func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapInuse
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	run()
	close(stop)
	<-stopped
	return (most.Load() - min(before, most.Load())) >> 20
}

// TestMemoryStaysBounded exports 50,000 nodes and 200,000 relationships, which take 64 MB as JSON, and imports 100,000 and
// 500,000.
func TestMemoryStaysBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	ctx := context.Background()
	const id = "snap_20260131_090500_large"
	e := engine.New(engine.Options{Store: &flowing{nodes: 50_000, rels: 200_000}})
	for name, c := range map[string]struct {
		o    engine.ExportOptions
		most uint64 // MB
	}{
		"json":             {engine.ExportOptions{}, 48},
		"csv":              {engine.ExportOptions{Format: engine.ExportCSV}, 48},
		"cypher":           {engine.ExportOptions{Format: engine.ExportCypher}, 48},
		"json, pseudonyms": {engine.ExportOptions{Pseudonymise: make([]byte, 32)}, 256}, // the hash of the new graph needs its index
	} {
		used := peak(func() {
			if err := e.Export(ctx, id, c.o, io.Discard); err != nil {
				t.Error(err)
			}
		})
		if t.Logf("export %s: %d MB", name, used); used > c.most {
			t.Errorf("the export as %s took %d MB", name, used)
		}
	}
	e = engine.New(engine.Options{Store: &flowing{nodes: 100_000, rels: 500_000}})
	other := engine.New(engine.Options{Store: &flowing{}})
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(e.Export(ctx, id, engine.ExportOptions{}, w)) }()
	var report *engine.ImportReport
	var err error
	calls := 0
	used := peak(func() {
		report, err = other.Import(ctx, r, engine.ImportOptions{}, func(string, int, int) { calls++ })
	})
	if err != nil || report.Snapshots[0].Nodes != 100_000 || calls < 100 {
		t.Errorf("%v %+v after %d signs of progress", err, report, calls)
	}
	if t.Logf("import: %d MB", used); used > 448 {
		t.Errorf("the import took %d MB", used)
	}
}

func BenchmarkExportJSON(b *testing.B) {
	ctx := context.Background()
	e := engine.New(engine.Options{Store: &flowing{nodes: 10_000, rels: 50_000}})
	for b.Loop() {
		if err := e.Export(ctx, "snap_20260131_090500_large", engine.ExportOptions{}, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExportPseudonymised(b *testing.B) {
	ctx := context.Background()
	e := engine.New(engine.Options{Store: &flowing{nodes: 10_000, rels: 50_000}})
	for b.Loop() {
		if err := e.Export(ctx, "snap_20260131_090500_large", engine.ExportOptions{Pseudonymise: make([]byte, 32)}, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
