package neo4jdb

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// childVariable makes the test binary a child: it holds a childOrder.
const childVariable = "GRAPHSNAP_FAULT_CHILD"

// childOrder says what a child does.
type childOrder struct {
	Live, Snapshots Config
	Source          string
	Place           string         // where a signal strikes
	Pass            int            // at which pass, from 1
	Signal          syscall.Signal // KILL or STOP
	Once            bool           // one capture instead of an endless life
	Lease           time.Duration  // 0 leaves it as it is
	Incident        time.Time      // of a firing: the child lives through its case instead
}

// places are all at which the death of the process must do no harm.
var places = []string{
	"begun", "batch written", "before the manifest", "before verifying", "before publishing", "published",
	"abandoned", "detached", "partly removed", "sweep marked",
}

// childMain captures, skips, deletes and sweeps until a signal strikes.
func childMain() int {
	var o childOrder
	if err := json.Unmarshal([]byte(os.Getenv(childVariable)), &o); err != nil {
		fmt.Println("order:", err)
		return 2
	}
	if err := o.live(); err != nil {
		fmt.Printf("failed %s %v\n", engine.KindOf(err), err)
		return 1
	}
	fmt.Println("published")
	return 0
}

func (o *childOrder) live() error {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	live, err := OpenLive(o.Live, "default", engine.SystemClock{}, log)
	if err != nil {
		return err
	}
	snaps, err := OpenSnapshots(o.Snapshots, log)
	if err != nil {
		return err
	}
	snaps.removal = smallRemoval
	if o.Lease > 0 {
		snaps.lease = o.Lease
	}
	var pass atomic.Int64 // batches are written on several lanes
	snaps.crash = func(place string) {
		if place == o.Place && pass.Add(1) == int64(o.Pass) {
			fmt.Println("at", place)
			if err := syscall.Kill(os.Getpid(), o.Signal); err != nil {
				panic(err)
			}
			time.Sleep(100 * time.Millisecond) // the signal is on its way
		}
	}
	if !o.Incident.IsZero() {
		return o.incident(live, snaps)
	}
	e := engineOver(live, snaps)
	for step := 0; ; step++ {
		if _, err := live.WriteTick(ctx, sizedTick(o.Source, step)); err != nil {
			return err
		}
		s, _, err := e.Capture(ctx, engine.CaptureRequest{Source: o.Source})
		if err != nil || o.Once {
			return err
		}
		if _, _, err := e.Capture(ctx, engine.CaptureRequest{Source: o.Source, SkipUnchanged: true}); err != nil {
			return err
		}
		if step%2 == 1 {
			if err := e.Delete(ctx, s.ID, "child"); err != nil {
				return err
			}
		}
		if err := snaps.Sweep(ctx); err != nil {
			return err
		}
	}
}

// child is a running child; its lines come as it says them.
type child struct {
	*exec.Cmd
	says *bufio.Scanner
}

func startChild(t *testing.T, g *ground, o childOrder) *child {
	t.Helper()
	o.Live, o.Snapshots, o.Source = configOf(g.liveServer), configOf(g.snapsServer), g.source
	order, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+string(order))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return &child{c, bufio.NewScanner(out)}
}

// line waits for the next line of a child.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.says.Scan() {
		t.Fatalf("the child ended without a word: %v", c.says.Err())
	}
	return c.says.Text()
}

// TestFaultKilledAtEveryPlace kills a capturing process at every place that may crash, in turn (CYCLES kills; SEEDS chooses
// the pass). What is left must be swept without a trace, and capturing must go on. Shown to fail with remove/expired not
// run: the staged snapshot stays.
func TestFaultKilledAtEveryPlace(t *testing.T) {
	g := openGround(t)
	cycles := long("CYCLES", len(places))
	random := rand.New(rand.NewPCG(uint64(long("SEEDS", 1)), 1))
	for cycle := range cycles {
		place := places[cycle%len(places)]
		before := g.seals(t)
		c := startChild(t, g, childOrder{Place: place, Pass: 1 + random.IntN(2), Signal: syscall.SIGKILL})
		if said := c.line(t); said != "at "+place {
			t.Fatalf("the child says %q before it came to %q", said, place)
		}
		if err := c.Wait(); err == nil {
			t.Fatalf("the child survived %q", place)
		}
		g.recover(t)
		g.noOrphans(t)
		g.unchanged(t, before)
		captured(t, g.engine, g.source)
		g.trim(t, 3)
		g.sound(t)
		if t.Failed() {
			t.Fatalf("after a kill at %q, cycle %d", place, cycle)
		}
	}
}

// TestFaultServersKilled kills the snapshot server and then the live server in the middle of captures and deletions, again
// and again. Captures fail meanwhile with a clear error, work again soon after, and nothing is left half written.
func TestFaultServersKilled(t *testing.T) {
	g := openGround(t)
	if !g.snapsServer.Killable() || !g.liveServer.Killable() {
		t.Skip("the servers are not ours to kill")
	}
	ctx := context.Background()
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	captured(t, g.engine, g.source)
	random := rand.New(rand.NewPCG(uint64(long("SEEDS", 1)), 2))
	for cycle := range max(2, long("CYCLES", 2)/20) {
		server := []*enginetest.Server{g.snapsServer, g.liveServer}[cycle%2]
		before := g.seals(t)
		g.killDuringWork(t, server, time.Duration(300+random.IntN(1500))*time.Millisecond)
		g.recover(t)
		g.sound(t)
		g.unchanged(t, before)
	}
}

// killDuringWork kills and restarts a server while two workers capture and delete, and waits until a capture works again.
func (g *ground) killDuringWork(t *testing.T, server *enginetest.Server, after time.Duration) {
	t.Helper()
	ctx := context.Background()
	over, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	for range 2 {
		work.Go(func() { g.captureAndDelete(t, over) })
	}
	time.Sleep(after)
	if err := server.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	for back := time.Now(); ; {
		_, _, err := g.engine.Capture(ctx, engine.CaptureRequest{Source: g.source})
		if err == nil {
			return
		}
		if time.Since(back) > time.Minute {
			t.Fatalf("no capture works a minute after the restart: %v", err)
		}
	}
}

// captureAndDelete works until it is told to stop; it allows the failures that a dead server may cause.
func (g *ground) captureAndDelete(t *testing.T, over context.Context) {
	ctx := context.Background()
	for over.Err() == nil {
		s, _, err := g.engine.Capture(ctx, engine.CaptureRequest{Source: g.source})
		if err == nil {
			err = g.engine.Delete(ctx, s.ID, "test")
		}
		switch engine.KindOf(err) {
		case engine.KindUnavailable, engine.KindConflict:
			if engine.HintOf(err) == "" {
				t.Errorf("no hint: %v", err)
			}
		default:
			if err != nil {
				t.Errorf("kind %s: %v", engine.KindOf(err), err)
			}
		}
	}
}

// TestFaultPausedLeaderPublishesNothing stops a capturing process for longer than its lease right before it publishes. It
// must not publish when it goes on, whether it was swept meanwhile or not. Shown to fail with the look at expires_at taken
// out of freeze/batch, renew and publish: it publishes.
func TestFaultPausedLeaderPublishesNothing(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	const lease = 5 * time.Second
	for _, swept := range []bool{false, true} {
		const place = "before publishing"
		c := startChild(t, g, childOrder{Place: place, Pass: 1, Signal: syscall.SIGSTOP, Once: true, Lease: lease})
		if said := c.line(t); said != "at "+place {
			t.Fatalf("the child says %q", said)
		}
		time.Sleep(lease + 500*time.Millisecond)
		if swept {
			if err := g.snaps.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if said := c.line(t); !strings.HasPrefix(said, "failed conflict") {
			t.Errorf("stopped %s, swept %t: the child says %q, want a conflict", place, swept, said)
		}
		_ = c.Wait() // it says what matters
		if list, _, err := g.snaps.List(ctx, engine.Filter{Source: g.source}); err != nil || len(list) != 0 {
			t.Errorf("%d snapshots were published by a leader whose lease was over; %v", len(list), err)
		}
		g.recover(t)
		g.sound(t)
	}
}
