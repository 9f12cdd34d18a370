package neo4jdb

import (
	"context"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// TestFaultServerRunsOut captures into a snapshot server that has too little memory, then into one whose disk is full: a
// clear error of kind exhausted with what to do, nothing of the capture left, and smaller work goes on.
func TestFaultServerRunsOut(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	big := g.source + "-big"
	must[int64](t)(g.live.WriteTick(ctx, sizedTick(g.source, 0)))
	must[int64](t)(g.live.WriteTick(ctx, &engine.Tick{State: engine.LiveState{Source: big, Status: "ok"}, Graph: *enginetest.SizedGraph(12000, 24000, 0)}))
	for name, c := range map[string]struct {
		setup enginetest.Setup
		hint  string
	}{
		"memory": {enginetest.Setup{Settings: map[string]string{"dbms.memory.transaction.total.max": "3m"}}, "memory"},
		"disk": {enginetest.Setup{DataSize: "48m", Settings: map[string]string{
			"db.tx_log.preallocate": "false", "db.tx_log.rotation.size": "1m", "db.tx_log.rotation.retention_policy": "keep_none",
		}}, "disk"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := enginetest.StartNeo4jAs(ctx, c.setup)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Terminate(ctx) })
			small := *g
			small.snapsServer = server
			small.snaps = openSnapshotsAt(t, configOf(server))
			small.engine = engineOver(g.live, small.snaps)
			captured(t, small.engine, g.source)
			start := time.Now()
			for i := 0; ; i++ {
				_, _, err = small.engine.Capture(ctx, engine.CaptureRequest{Source: big})
				if err != nil {
					t.Logf("capture %d after %s: %v (hint: %s)", i, time.Since(start), err, engine.HintOf(err))
					break
				}
				if i == 20 {
					t.Fatal("the server does not run out")
				}
			}
			if engine.KindOf(err) != engine.KindExhausted || !strings.Contains(engine.HintOf(err), c.hint) {
				t.Errorf("kind %s, hint %q: %v; want exhausted and a hint about %s", engine.KindOf(err), engine.HintOf(err), err, c.hint)
			}
			if name == "memory" {
				small.recover(t)
				small.sound(t)
				captured(t, small.engine, g.source)
				small.sound(t)
				return
			}
			if list, _, err := small.snaps.List(ctx, engine.Filter{}); err != nil {
				t.Logf("a server with a full disk does not answer: %v", err)
			} else {
				for _, s := range list {
					if _, err := small.engine.Graph(ctx, s.ID); err != nil {
						t.Errorf("%s is visible and cannot be read: %v", s.ID, err)
					}
				}
			}
		})
	}
}
