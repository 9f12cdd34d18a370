package neo4jdb

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// setClock is a clock that the course of an incident sets.
type setClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *setClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *setClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// pastFrames are what a flight recorder holds.
type pastFrames []*engine.Frame

func (p pastFrames) Frames(string, time.Time, time.Time) []engine.FrameInfo {
	var list []engine.FrameInfo
	for _, f := range p {
		list = append(list, engine.FrameInfo{Source: f.Source, At: f.At})
	}
	return list
}

func (p pastFrames) Frame(_ string, at time.Time) (*engine.Frame, error) {
	for _, f := range p {
		if f.At.Equal(at) {
			return f, nil
		}
	}
	return nil, engine.Errorf(engine.KindNotFound, "frame", "there is none")
}

// lived is a process that lives through an incident of a source: a firing, its case, two follow-ups, recovery.
type lived struct {
	snaps  *Snapshots
	clock  *setClock
	engine *engine.Engine
	r      *engine.Responder
	source string
	firing engine.Firing
}

func liveThrough(live *Live, snaps *Snapshots, source string, at time.Time, recorded bool) *lived {
	p := &lived{snaps: snaps, clock: &setClock{at: at}, source: source}
	p.engine = engine.New(engine.Options{Live: live, Store: snaps, Clock: p.clock, Logger: slog.New(slog.DiscardHandler)})
	var frames pastFrames
	for s := 90; s > 0 && recorded; s -= 30 {
		frames = append(frames, &engine.Frame{Source: source, At: at.Add(-time.Duration(s) * time.Second), Graph: enginetest.SizedGraph(70, 200, s)})
	}
	p.r = engine.NewResponder(engine.ResponderOptions{Engine: p.engine, Cases: snaps, Frames: frames, Clock: p.clock})
	p.firing = engine.Firing{
		ID: "firing of " + source, Rule: "slow", Kind: "threshold", Source: source, At: at, Onset: at.Add(-45 * time.Second), Trigger: engine.TriggerIncident,
		Reason: "slow", Severity: engine.SeverityHigh, Case: true,
	}
	return p
}

func (p *lived) lease(ctx context.Context, holder string) (engine.Lease, error) {
	for {
		l, held, err := p.snaps.AcquireLease(ctx, "of "+p.source, holder, 20*time.Second)
		if err != nil || held {
			return l, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// respond does what is pending.
func (p *lived) respond(ctx context.Context, l engine.Lease) error {
	pending, err := p.snaps.Firings(ctx, p.source, true, 10)
	if err != nil {
		return err
	}
	for _, f := range pending {
		if f.SnapshotID, err = p.r.Respond(ctx, l, f); err != nil {
			return err
		}
		f.State = engine.FiringDone
		if err := p.snaps.FinishFiring(ctx, l, f); err != nil {
			return err
		}
	}
	return nil
}

// incidentSeconds is when the last frame comes: the rule is met for 60 s, a case needs 60 s without it.
const incidentSeconds = 140

func (p *lived) observe(ctx context.Context, l engine.Lease, seconds int) error {
	at := p.firing.At.Add(time.Duration(seconds) * time.Second)
	p.clock.set(at)
	var met []engine.Firing
	if seconds <= 60 {
		met = []engine.Firing{{Rule: "slow", Source: p.source}}
	}
	return p.r.Observe(ctx, l, &engine.Frame{Source: p.source, At: at, Graph: enginetest.SizedGraph(70, 200, seconds)}, met)
}

// incident is the life of a child; it says which frame it observes.
func (o *childOrder) incident(live *Live, snaps *Snapshots) error {
	ctx := context.Background()
	p := liveThrough(live, snaps, o.Source, o.Incident, true)
	l, err := p.lease(ctx, "child")
	if err != nil {
		return err
	}
	if err := snaps.Fire(ctx, l, p.firing, engine.RuleMemory{Rule: "slow", Source: o.Source}); err != nil {
		return err
	}
	if err := p.respond(ctx, l); err != nil {
		return err
	}
	for s := 10; s <= incidentSeconds; s += 10 {
		fmt.Println("frame", s)
		if l, err = p.lease(ctx, "child"); err != nil {
			return err
		}
		if err := p.observe(ctx, l, s); err != nil {
			return err
		}
	}
	return nil
}

// TestFaultKilledInACase kills a process by SIGKILL between each two steps of a firing, of opening its case, of a follow-up and
// of the end. Another process takes the lease and goes on: one case, ended, every step captured once. CYCLES chooses how many
// places. Shown to fail with the ids of captures made up anew (two trigger snapshots after a kill at "published").
func TestFaultKilledInACase(t *testing.T) {
	g := openGround(t)
	places := []struct {
		place string
		pass  int
		when  string
	}{
		{"published", 1, "the trigger is captured, no case yet"}, {"case opened", 1, "no frame is frozen yet"}, {"published", 6, "a follow-up is captured, not linked"},
		{"published", 8, "the last snapshot is taken, the case not ended"}, {"fired", 1, "nothing is captured yet"}, {"published", 3, "one frame is linked, one not"},
		{"case linked", 1, "the first frame"}, {"case linked", 3, "all frames, the firing is not finished"}, {"firing finished", 1, "the case has begun"},
		{"case linked", 4, "the first follow-up"}, {"case updated", 1, "the case with its points"}, {"begun", 1, "the capture is under way"}, {"before publishing", 5, "a follow-up is staged"},
		{"case linked", 7, "the last snapshot is linked"},
	}
	for _, c := range places[:min(len(places), long("CYCLES", 3))] {
		name := fmt.Sprintf("%s %d: %s", c.place, c.pass, c.when)
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			source := sourceOf(t) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
			must[int64](t)(g.live.WriteTick(ctx, sizedTick(source, 0)))
			at := time.Now().UTC().Truncate(time.Second)
			own := *g
			own.source = source
			kid := startChild(t, &own, childOrder{Place: c.place, Pass: c.pass, Signal: syscall.SIGKILL, Incident: at})
			next := 10
			for {
				said := kid.line(t)
				if said == "at "+c.place {
					break
				}
				if n, err := fmt.Sscanf(said, "frame %d", &next); n != 1 || err != nil {
					t.Fatalf("the child says %q before it came to %q", said, c.place)
				}
			}
			if err := kid.Wait(); err == nil {
				t.Fatal("the child survived")
			}
			own.recover(t)
			// The lease of the dead runs out.
			rows(t, g.snaps.server, `MATCH (l:Lease {name: $name}) SET l.expires_at = datetime()`, map[string]any{"name": "of " + source})
			p := liveThrough(g.live, g.snaps, source, at, false)
			p.clock.set(at.Add(time.Duration(next) * time.Second))
			l := must[engine.Lease](t)(p.lease(ctx, "successor"))
			if err := p.respond(ctx, l); err != nil {
				t.Fatal(err)
			}
			for s := next; s <= incidentSeconds+70; s += 10 {
				l = must[engine.Lease](t)(p.lease(ctx, "successor"))
				if err := p.observe(ctx, l, s); err != nil {
					t.Fatal(err)
				}
			}
			found, _, err := g.snaps.Cases(ctx, engine.CaseFilter{Source: source})
			if err != nil || len(found) != 1 || found[0].State != engine.CaseEnded {
				t.Fatalf("there are %d cases: %+v, %v", len(found), found, err)
			}
			var is []string
			for _, x := range found[0].Snapshots {
				if x.Role != engine.RoleBefore {
					is = append(is, x.Role)
				}
			}
			frames := len(found[0].Snapshots) - len(is)
			if got := strings.Join(is, " "); got != "trigger follow_up follow_up follow_up after" && got != "trigger follow_up follow_up after" {
				t.Errorf("the case has %s", got)
			}
			if frames < 3 != strings.Contains(found[0].Note, "only") {
				t.Errorf("%d frames and the note %q", frames, found[0].Note)
			}
			list := own.list(t)
			seen := map[string]bool{}
			for _, s := range list {
				if seen[s.CaptureID] || s.CaptureID == "" {
					t.Errorf("%s has the capture %q again", s.ID, s.CaptureID)
				}
				seen[s.CaptureID] = true
			}
			if len(list) != len(found[0].Snapshots) {
				t.Errorf("there are %d snapshots, the case has %d", len(list), len(found[0].Snapshots))
			}
			if left := must[[]engine.Firing](t)(g.snaps.Firings(ctx, source, true, 10)); len(left) != 0 {
				t.Errorf("pending are %+v", left)
			}
			own.noOrphans(t)
		})
	}
	g.verified(t)
}
