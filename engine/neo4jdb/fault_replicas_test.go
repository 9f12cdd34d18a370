package neo4jdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"graphsnap/engine"
)

// TestFaultReplicas lets four replicas capture, delete and sweep at once, on one timeline and on one of their own, for
// SECONDS. What is left must be linear and verified, no hash of a published snapshot may have changed, and no capture may have
// touched the live graph.
func TestFaultReplicas(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	const replicas = 4
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	for i := range replicas {
		must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.own(i), i)))
	}
	first := captured(t, g.engine, g.source)
	live, before := g.liveDigest(t), g.seals(t)
	var published, deleted atomic.Int64
	var seen sync.Map // every seal that was ever seen, by id
	until := time.Now().Add(time.Duration(long("SECONDS", 10)) * time.Second)
	var work sync.WaitGroup
	for i := range replicas {
		snaps := openSnapshotsAt(t, configOf(g.snapsServer))
		e := engineOver(openLiveAt(t, configOf(g.liveServer)), snaps)
		random := rand.New(rand.NewPCG(uint64(long("SEEDS", 1)), uint64(i)))
		work.Go(func() {
			for time.Now().Before(until) || published.Load() < replicas*3 {
				source := []string{g.source, g.own(i)}[random.IntN(2)]
				s, _, err := e.Capture(ctx, engine.CaptureRequest{Source: source, Actor: fmt.Sprint("replica ", i)})
				if err != nil {
					t.Errorf("replica %d: kind %s: %v (hint: %s)", i, engine.KindOf(err), err, engine.HintOf(err))
					return
				}
				published.Add(1)
				seen.Store(s.ID, s.RootHash+s.HeaderHash+s.ChainHash)
				list, _, err := e.List(ctx, engine.Filter{Source: source, Limit: 50})
				if err != nil {
					t.Error(err)
					return
				}
				if len(list) > 5 {
					victim := list[1+random.IntN(len(list)-1)]
					switch err := e.Delete(ctx, victim.ID, fmt.Sprint("replica ", i)); {
					case err == nil:
						deleted.Add(1)
					case engine.KindOf(err) != engine.KindNotFound: // another was faster
						t.Errorf("replica %d deletes: kind %s: %v", i, engine.KindOf(err), err)
					}
				}
				if random.IntN(3) == 0 {
					if err := snaps.Sweep(ctx); err != nil {
						t.Errorf("replica %d sweeps: %v", i, err)
					}
				}
			}
		})
	}
	work.Wait()
	t.Logf("%d captures and %d deletions by %d replicas", published.Load(), deleted.Load(), replicas)
	if err := g.snaps.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	g.sound(t)
	g.unchanged(t, before)
	for id, now := range g.seals(t) {
		if was, known := seen.Load(id); known && was != now {
			t.Errorf("%s was published with the hashes %s and has %s", id, was, now)
		}
	}
	if now := g.liveDigest(t); now != live {
		t.Error("captures changed the live database")
	}
	g.linear(t, first.ID)
}

// own gives the source of one replica.
func (g *ground) own(i int) string { return fmt.Sprint(g.source, "-", i) }

// linear walks the timeline of the source by its links from the oldest snapshot, and wants every snapshot once, in order.
func (g *ground) linear(t *testing.T, first string) {
	t.Helper()
	ids := make([]string, 0)
	for _, s := range g.list(t) {
		ids = append(ids, s.ID)
	}
	slices.Reverse(ids)
	walked := []string{}
	for id := ids[0]; id != ""; {
		s := must[*engine.Snapshot](t)(g.snaps.Get(context.Background(), id))
		walked = append(walked, id)
		if id = s.Next; len(walked) > len(ids) {
			t.Fatal("the timeline goes in a circle")
		}
	}
	if !slices.Equal(walked, ids) {
		t.Errorf("the links give %v, the list %v, from %s on", walked, ids, first)
	}
}
