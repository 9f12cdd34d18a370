package engine

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The usual measures of a flight recorder.
const (
	frameKeep     = 10 * time.Minute
	frameMaxBytes = 64 << 20 // a source
	framePoll     = 10 * time.Second
	// frameShare is how many times as long as a reading the pause after it lasts at least: readings take 5 % of the time.
	frameShare = 19
)

// RecorderOptions are the parts of a Recorder; Engine is required, zero values mean the usual measures.
type RecorderOptions struct {
	Engine   *Engine
	Clock    Clock
	Logger   *slog.Logger
	Keep     time.Duration // how far back a ring reaches; 10 minutes; below 0 nothing is held, handlers get each frame once
	MaxBytes int           // most bytes of a source's ring, as they are held; 64 MiB
	Poll     time.Duration // how often sources that no collector of this process writes are looked at; 10 seconds
}

// Recorder is the flight recorder: a ring of frames of each source of the live graph, in memory. Sources of which this
// process hears by TickWritten are read after each tick, others by polling. Where reading takes long, frames are left out.
type Recorder struct {
	o RecorderOptions

	mu       sync.Mutex
	rings    map[string]*ring
	handlers []func(*Frame)
	closed   bool

	run         context.Context
	stop        context.CancelFunc
	unsubscribe func()
	wait        sync.WaitGroup
}

// ring is the past of one source.
type ring struct {
	wake   chan *LiveState // a failed tick where it is not nil
	frames []heldFrame     // oldest first
	bytes  int

	last    time.Time // of the newest frame, also where it was evicted
	tick    int64
	next    time.Time // no reading before it
	failing bool
}

// heldFrame is a frame as it is held: its graph packed.
type heldFrame struct {
	FrameInfo
	state       LiveState
	consistency Consistency
	packed      []byte
}

// FrameInfo says what a frame is, without its graph.
type FrameInfo struct {
	Source   string
	At       time.Time
	Tick     int64
	Elements int // nodes and relationships
	Bytes    int // as it is held
}

// FrameSource gives the frames of the recent past; a Recorder is one.
type FrameSource interface {
	// Frames lists the frames of a source between two moments, both inclusive, oldest first.
	Frames(source string, from, to time.Time) []FrameInfo
	// Frame gives one frame with its graph. Kinds: not_found (it is not held any more).
	Frame(source string, at time.Time) (*Frame, error)
}

// NewRecorder makes a recorder; it records from Open on.
func NewRecorder(o RecorderOptions) *Recorder {
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Keep == 0 {
		o.Keep = frameKeep
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = frameMaxBytes
	}
	if o.Poll <= 0 {
		o.Poll = framePoll
	}
	return &Recorder{o: o, rings: map[string]*ring{}}
}

// OnFrame calls f with each new frame, those of one source one after the other, sources at the same time. While f works, no
// frame of its source is taken. A tick that failed gives a frame without Graph, which is not held. Call it before Open.
func (r *Recorder) OnFrame(f func(*Frame)) { r.handlers = append(r.handlers, f) }

// Open starts recording.
func (r *Recorder) Open(ctx context.Context) error {
	r.run, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.unsubscribe = r.o.Engine.Events.Subscribe(func(ev Event) {
		if ev.Tick == nil {
			return
		}
		var failed *LiveState
		if ev.Tick.State.Status == "down" {
			failed = &ev.Tick.State
		}
		r.wake(ev.Tick.State.Source, failed)
	})
	r.wait.Go(r.poll)
	return nil
}

// Close stops recording and waits for handlers that are at work.
func (r *Recorder) Close(context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.unsubscribe()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.wait.Wait()
	return nil
}

// wake asks for a frame of a source; while one is being taken, at most one request waits.
func (r *Recorder) wake(source string, failed *LiveState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	g := r.rings[source]
	if g == nil {
		g = &ring{wake: make(chan *LiveState, 1)}
		r.rings[source] = g
		r.wait.Go(func() { r.record(source, g) })
	}
	select {
	case g.wake <- failed:
	default:
	}
}

func (r *Recorder) record(source string, g *ring) {
	for {
		select {
		case <-r.run.Done():
			return
		case failed := <-g.wake:
			if failed != nil {
				r.tell(&Frame{Source: source, At: r.o.Clock.Now(), State: *failed})
			} else if f := r.take(source, g); f != nil {
				r.tell(f)
			}
		}
	}
}

func (r *Recorder) tell(f *Frame) {
	for _, handle := range r.handlers {
		handle(f)
	}
}

// poll looks at the sources that others write.
func (r *Recorder) poll() {
	ticker := time.NewTicker(r.o.Poll)
	defer ticker.Stop()
	var next time.Time
	for {
		if began := r.o.Clock.Now(); !began.Before(next) {
			states, err := r.o.Engine.live.Sources(r.run)
			next = began.Add(frameShare * r.o.Clock.Now().Sub(began))
			if err == nil { // a failure shows at the readings too
				for i := range states {
					if r.stale(&states[i]) {
						r.wake(states[i].Source, nil)
					}
				}
			}
		}
		select {
		case <-r.run.Done():
			return
		case <-ticker.C:
		}
	}
}

// stale reports whether a source may show what no frame has.
func (r *Recorder) stale(s *LiveState) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.rings[s.Source]
	return g == nil || s.Tick == 0 || s.Tick != g.tick
}

// take reads one frame and holds it; nil where there is nothing new, it is too early, or reading failed.
func (r *Recorder) take(source string, g *ring) *Frame {
	began := r.o.Clock.Now()
	r.mu.Lock()
	early := began.Before(g.next)
	r.mu.Unlock()
	if early {
		return nil
	}
	var c *collected
	read, err := r.o.Engine.live.ReadLive(r.run, source, ReadOptions{AllowFuzzy: true}, func() (Sink, error) {
		c = &collected{}
		return c, nil
	})
	ended := r.o.Clock.Now()
	r.mu.Lock()
	g.next = began.Add(ended.Sub(began) * (frameShare + 1))
	was := g.failing
	g.failing = err != nil
	r.mu.Unlock()
	if err != nil {
		if !was && r.run.Err() == nil { // once an outage
			r.o.Logger.Warn("the flight recorder has a gap from here on", "source", source, "err", err, "hint", HintOf(err))
		}
		return nil
	}
	if was {
		r.o.Logger.Info("the flight recorder goes on", "source", source)
	}
	c.Sort()
	f := &Frame{Source: source, At: ended, State: read.State, Graph: &c.Graph, Consistency: read.Consistency}
	if read.State.Tick > 0 && !read.State.CollectedAt.IsZero() {
		f.At = read.State.CollectedAt.UTC()
	}
	fresh, err := r.hold(g, f)
	if err != nil {
		r.o.Logger.Error("a frame cannot be held", "source", source, "err", err)
	}
	if !fresh {
		return nil
	}
	return f
}

// hold puts a frame into the ring and drops what is too old or too much. A frame that is not newer than the last is not fresh
// and left out.
func (r *Recorder) hold(g *ring, f *Frame) (fresh bool, err error) {
	r.mu.Lock()
	old := !f.At.After(g.last)
	r.mu.Unlock()
	if old {
		return false, nil
	}
	var packed []byte
	if r.o.Keep > 0 {
		if packed, err = packGraph(f.Graph); err != nil {
			return true, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g.last, g.tick = f.At, f.State.Tick
	if r.o.Keep < 0 {
		return true, nil
	}
	info := FrameInfo{Source: f.Source, At: f.At, Tick: f.State.Tick, Elements: len(f.Graph.Nodes) + len(f.Graph.Relationships), Bytes: len(packed)}
	g.frames = append(g.frames, heldFrame{info, f.State, f.Consistency, packed})
	g.bytes += len(packed)
	drop := 0
	for drop < len(g.frames)-1 && (g.bytes > r.o.MaxBytes || g.frames[drop].At.Before(f.At.Add(-r.o.Keep))) {
		g.bytes -= g.frames[drop].Bytes
		drop++
	}
	g.frames = slices.Delete(g.frames, 0, drop)
	return true, nil
}

// Frames lists the held frames of a source between two moments, both inclusive, oldest first.
func (r *Recorder) Frames(source string, from, to time.Time) []FrameInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []FrameInfo
	if g := r.rings[source]; g != nil {
		for _, f := range g.frames {
			if !f.At.Before(from) && !f.At.After(to) {
				list = append(list, f.FrameInfo)
			}
		}
	}
	return list
}

// Frame gives one frame with its graph. Kinds: not_found (it is not held any more).
func (r *Recorder) Frame(source string, at time.Time) (*Frame, error) {
	r.mu.Lock()
	var held *heldFrame
	if g := r.rings[source]; g != nil {
		for i := range g.frames {
			if g.frames[i].At.Equal(at) {
				f := g.frames[i]
				held = &f
			}
		}
	}
	r.mu.Unlock()
	if held == nil {
		return nil, Errorf(KindNotFound, "frame", "there is no frame of %q at %s (any more)", source, at.Format(time.RFC3339Nano))
	}
	graph, err := unpackGraph(held.packed)
	if err != nil {
		return nil, err
	}
	return &Frame{Source: source, At: held.At, State: held.state, Graph: graph, Consistency: held.consistency}, nil
}
