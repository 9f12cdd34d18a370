package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// FuzzSnapshotID makes ids of any description: they have the form of ids, begin with the moment and are always the same.
func FuzzSnapshotID(f *testing.F) {
	f.Add(int64(1769850300), "Before the deploy of v2")
	f.Add(int64(0), "")
	f.Add(int64(253402300799), "ÄÖÜ, 漢字 `'\"\x00 ../../etc")
	f.Add(int64(1), strings.Repeat("very long words ", 20))
	f.Fuzz(func(t *testing.T, unix int64, description string) {
		at := time.Unix(unix, 0).UTC()
		if at.Year() < 1 || at.Year() > 9999 {
			return // Neo4j and RFC 3339 end here too
		}
		id := engine.SnapshotID(at, description, engine.TriggerManual)
		if !engine.IsSnapshotID(id) || !strings.HasPrefix(id, "snap_"+at.Format("20060102_150405")+"_") || len(id) > 80 {
			t.Fatalf("%q of %q", id, description)
		}
		if again := engine.SnapshotID(at, description, engine.TriggerManual); again != id {
			t.Fatalf("%q, then %q", id, again)
		}
	})
}

// FuzzReference resolves anything that a person may type: it ends in a clear error or in the snapshot that was meant.
func FuzzReference(f *testing.F) {
	store := &enginetest.MemoryStore{}
	var ids []string
	for i, source := range []string{"shop", "shop", "shop", "bank"} {
		s := fullSnapshot("", source, i)
		s.ID = engine.SnapshotID(s.Timestamp, source, engine.TriggerManual)
		if err := engine.FreezeGraph(context.Background(), store, s, fuzzGraph(), engine.PublishOptions{}, nil); err != nil {
			f.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	e := engine.New(engine.Options{Store: store, DefaultSource: "shop"})
	for _, ref := range []string{"", "latest", "latest~2", "latest~-1", "latest~99999999999999999999", "@-1h", "@2026-01-31T09:06:30Z", "@-99999d", "snap_", "snap_20260131_0905", ids[0], ids[3] + "\x00", "@", "s"} {
		f.Add("shop", ref)
		f.Add("", ref)
	}
	f.Fuzz(func(t *testing.T, source, ref string) {
		s, err := e.Resolve(context.Background(), source, ref)
		if err != nil {
			switch engine.KindOf(err) {
			case engine.KindInvalid, engine.KindNotFound, engine.KindConflict:
				if engine.HintOf(err) == "" {
					t.Fatalf("%q: %v has no hint", ref, err)
				}
			default:
				t.Fatalf("%q: %v", ref, err)
			}
			return
		}
		ref = strings.TrimSpace(ref)
		switch {
		case strings.HasPrefix(ref, "latest"), strings.HasPrefix(ref, "@"):
			if source != "" && s.Source != source {
				t.Fatalf("%q of %q gives %s of %q", ref, source, s.ID, s.Source)
			}
		case !strings.HasPrefix(s.ID, ref):
			t.Fatalf("%q gives %s", ref, s.ID)
		}
	})
}
