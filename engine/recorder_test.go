package engine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// slowLive is a live graph of one source, whose readings take a time that the clock of the test tells.
type slowLive struct {
	mu    sync.Mutex
	clock *handClock
	tick  int64
	graph *engine.Graph
	takes time.Duration
	err   error
	reads int
}

func (l *slowLive) Sources(context.Context) ([]engine.LiveState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []engine.LiveState{{Source: "shop", Tick: l.tick}}, l.err
}

func (l *slowLive) ReadLive(ctx context.Context, source string, _ engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	state := engine.LiveState{Source: source, Tick: l.tick}
	if l.tick > 0 {
		state.CollectedAt = l.clock.Now()
	}
	l.clock.set(l.clock.Now().Add(l.takes))
	if l.err != nil {
		return nil, l.err
	}
	sink, err := open()
	if err != nil {
		return nil, err
	}
	return &engine.LiveRead{State: state, Consistency: engine.Consistency{Mode: engine.ConsistencyTick}}, engine.Feed(ctx, l.graph, sink)
}

// recording is a recorder over a slowLive; frames come as its handlers get them.
type recording struct {
	*engine.Recorder
	live   *slowLive
	clock  *handClock
	engine *engine.Engine
	frames chan *engine.Frame

	patience time.Duration // how long a frame is waited for
}

func record(t *testing.T, o engine.RecorderOptions, tick int64) *recording {
	t.Helper()
	clock := &handClock{at: fired}
	live := &slowLive{clock: clock, tick: tick, graph: enginetest.SizedGraph(50, 200, 1)}
	r := &recording{live: live, clock: clock, frames: make(chan *engine.Frame, 1000), patience: 5 * time.Second}
	r.engine = engine.New(engine.Options{Live: live, Store: &enginetest.MemoryStore{}, Clock: clock})
	o.Engine, o.Clock = r.engine, clock
	r.Recorder = engine.NewRecorder(o)
	r.OnFrame(func(f *engine.Frame) { r.frames <- f })
	if err := r.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

// next sets the clock forward, writes a tick and gives its frame; nil where none comes.
func (r *recording) next(t *testing.T, later time.Duration, status string) *engine.Frame {
	t.Helper()
	r.clock.set(r.clock.Now().Add(later))
	r.live.mu.Lock()
	r.live.tick++
	state := engine.LiveState{Source: "shop", Tick: r.live.tick, Status: status}
	reads := r.live.reads
	r.live.mu.Unlock()
	r.engine.Events.Publish(engine.Event{Tick: &engine.TickWritten{State: state}})
	for end := time.Now().Add(r.patience); time.Now().Before(end); {
		select {
		case f := <-r.frames:
			return f
		case <-time.After(20 * time.Millisecond):
			r.live.mu.Lock()
			failed := r.live.reads > reads && r.live.err != nil
			r.live.mu.Unlock()
			if failed {
				return nil
			}
		}
	}
	return nil
}

func TestRecorderKeepsFrames(t *testing.T) {
	r := record(t, engine.RecorderOptions{Keep: time.Minute, Poll: time.Hour}, 1)
	<-r.frames // the first look
	for n := range 20 {
		if f := r.next(t, 5*time.Second, "ok"); f == nil || f.Graph == nil || len(f.Graph.Relationships) != 200 {
			t.Fatalf("tick %d gives %+v", n, f)
		}
	}
	now := r.clock.Now()
	list := r.Frames("shop", time.Time{}, now)
	if len(list) != 13 || !list[0].At.Equal(now.Add(-time.Minute)) || list[12].Tick != 21 || list[0].Elements != 250 {
		t.Errorf("%d frames are held, from %v on", len(list), list[0])
	}
	if some := r.Frames("shop", now.Add(-10*time.Second), now.Add(-5*time.Second)); len(some) != 2 {
		t.Errorf("between two moments there are %d frames", len(some))
	}
	f, err := r.Frame("shop", list[0].At)
	if err != nil || f.State.Tick != list[0].Tick || f.Consistency.Mode != engine.ConsistencyTick {
		t.Fatalf("%+v, %v", f, err)
	}
	want, _ := engine.ManifestOf(r.live.graph)
	if got, err := engine.ManifestOf(f.Graph); err != nil || got.Root() != want.Root() {
		t.Errorf("the frame has another graph: %v", err)
	}
	if _, err := r.Frame("shop", now.Add(-2*time.Minute)); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an old frame: %v", err)
	}
	// A tick that failed gives a frame without a graph, which is not held.
	if f := r.next(t, 5*time.Second, "down"); f == nil || f.Graph != nil || f.State.Status != "down" {
		t.Errorf("a failed tick gives %+v", f)
	}
}

func TestRecorderThatIsSwitchedOffTellsAndHoldsNothing(t *testing.T) {
	r := record(t, engine.RecorderOptions{Keep: -1, Poll: time.Hour}, 1)
	<-r.frames
	for range 3 {
		if f := r.next(t, 5*time.Second, "ok"); f == nil || f.Graph == nil {
			t.Fatalf("a tick gives %+v", f)
		}
	}
	if list := r.Frames("shop", time.Time{}, r.clock.Now()); len(list) != 0 {
		t.Errorf("%d frames are held", len(list))
	}
}

func TestRecorderIsBounded(t *testing.T) {
	one := record(t, engine.RecorderOptions{Poll: time.Hour}, 1)
	<-one.frames
	size := one.Frames("shop", time.Time{}, one.clock.Now())[0].Bytes
	r := record(t, engine.RecorderOptions{MaxBytes: 5*size + size/2, Poll: time.Hour}, 1)
	<-r.frames
	for range 10 {
		r.next(t, 5*time.Second, "ok")
	}
	total := 0
	list := r.Frames("shop", time.Time{}, r.clock.Now())
	for _, f := range list {
		total += f.Bytes
	}
	if len(list) != 5 || total > 5*size+size/2 || !list[4].At.Equal(r.clock.Now()) {
		t.Errorf("%d frames of %d bytes are held, allowed are %d", len(list), total, 5*size+size/2)
	}
}

// TestRecorderKeepsItsPace: a reading that takes a second is followed by 19 without one.
func TestRecorderKeepsItsPace(t *testing.T) {
	r := record(t, engine.RecorderOptions{Poll: time.Hour}, 1)
	<-r.frames
	r.live.mu.Lock()
	r.live.takes, r.live.reads = time.Second, 0
	r.live.mu.Unlock()
	r.patience = 50 * time.Millisecond
	began := r.clock.Now()
	for range 40 {
		r.next(t, 5*time.Second, "ok")
	}
	share := float64(r.live.reads) / r.clock.Now().Sub(began).Seconds()
	if share > 0.05 || r.live.reads < 8 {
		t.Errorf("%d readings of a second each in %s", r.live.reads, r.clock.Now().Sub(began))
	}
}

func TestRecorderSurvivesAnOutage(t *testing.T) {
	r := record(t, engine.RecorderOptions{Poll: time.Hour}, 1)
	<-r.frames
	r.live.mu.Lock()
	r.live.err = engine.Errorf(engine.KindUnavailable, "live", "away")
	r.live.mu.Unlock()
	for range 3 {
		if f := r.next(t, 5*time.Second, "ok"); f != nil {
			t.Errorf("got %+v", f)
		}
	}
	r.live.mu.Lock()
	r.live.err = nil
	r.live.mu.Unlock()
	if f := r.next(t, 5*time.Second, "ok"); f == nil || f.Graph == nil {
		t.Fatal("it does not go on")
	}
	list := r.Frames("shop", time.Time{}, r.clock.Now())
	if len(list) != 2 || list[1].At.Sub(list[0].At) != 20*time.Second {
		t.Errorf("the gap is not seen: %v", list)
	}
}

// TestRecorderPolls looks at sources that nobody tells of: strangers' at each look, and those of another replica's collector
// where their tick has moved.
func TestRecorderPolls(t *testing.T) {
	for _, tick := range []int64{0, 7} {
		t.Run(fmt.Sprint("tick ", tick), func(t *testing.T) {
			r := record(t, engine.RecorderOptions{Poll: 10 * time.Millisecond}, tick)
			first := <-r.frames
			time.Sleep(100 * time.Millisecond)
			if len(r.frames) != 0 {
				t.Fatal("there is a new frame although neither clock nor tick moved")
			}
			r.clock.set(r.clock.Now().Add(time.Minute))
			if tick > 0 {
				r.live.mu.Lock()
				reads := r.live.reads
				r.live.mu.Unlock()
				time.Sleep(100 * time.Millisecond)
				r.live.mu.Lock()
				if r.live.reads != reads {
					t.Error("it is read although its tick did not move")
				}
				r.live.tick++
				r.live.mu.Unlock()
			}
			select {
			case f := <-r.frames:
				if !f.At.After(first.At) {
					t.Errorf("frame of %s after %s", f.At, first.At)
				}
			case <-time.After(5 * time.Second):
				t.Error("no frame comes")
			}
		})
	}
}
