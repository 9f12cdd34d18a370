package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/collect"
	"graphsnap/engine/enginetest"
	"graphsnap/engine/local"
)

var recordTo = flag.String("record-days", "", "record nine short days of the demo's load without faults into this file, as gzipped JSON lines")

// The recording: PostgreSQL under the demo's load, whose day takes four minutes, read by the collector twice a second. The rate is five
// times the usual one, so that twelve ticks hold 1,800 statements; twelve ticks of 5 s hold 3,600 at the usual rate.
const (
	recordedDay  = 4 * time.Minute
	recordedDays = 9
	recordTick   = 500 * time.Millisecond
	recordRate   = 300.0
)

// recordedFrame is a tick of the recording: what smart rules look at. Figures have four digits.
type recordedFrame struct {
	AtMS      int64    `json:"t"` // since the first one
	WindowS   *float64 `json:"w"` // that the figures are of, one tick
	QPS       *float64 `json:"q"`
	LatencyMS *float64 `json:"l,omitempty"`
	PairQPS   *float64 `json:"pq,omitempty"` // of users -> products
	PairMS    *float64 `json:"pl,omitempty"`
}

// TestRecordDays records what TestDaysWithoutFaults replays.
func TestRecordDays(t *testing.T) {
	if *recordTo == "" {
		t.Skip("takes 36 minutes: go test ./cmd/graphsnap -run RecordDays -record-days FILE -timeout 1h")
	}
	ctx := context.Background()
	dsn := enginetest.Postgres(t, "pg_stat_statements.track=all", "jit=off")
	quiet := slog.New(slog.DiscardHandler)
	demo, err := local.OpenDemo(ctx, dsn, local.Options{OpenDB: collect.OpenDB, Clock: engine.SystemClock{}, Logger: quiet, Rate: recordRate, Day: recordedDay})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = demo.Close(ctx) }()
	live := &lastTick{}
	collector := collect.New(collect.Options{
		Source: collect.Source{Name: demoSource, DSN: dsn, Interval: recordTick}, Window: recordTick,
		Thresholds: collect.DefaultThresholds(), Writer: live, Clock: engine.SystemClock{}, Logger: quiet,
	})
	if err := collector.Open(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = collector.Close(ctx) }()
	file, err := os.Create(*recordTo)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	packed := gzip.NewWriter(file)
	out := json.NewEncoder(packed)
	var first time.Time
	for last := int64(0); ; time.Sleep(recordTick / 20) {
		live.mu.Lock()
		tick := live.tick
		live.mu.Unlock()
		if tick == nil || tick.State.Tick == last || tick.State.Totals.TotalQPS == nil {
			continue
		}
		last = tick.State.Tick
		if first.IsZero() {
			first = tick.State.CollectedAt
		}
		since := tick.State.CollectedAt.Sub(first)
		if since >= recordedDays*recordedDay {
			break
		}
		frame := engine.Frame{State: tick.State, Graph: &tick.Graph}
		totals := tick.State.Totals
		if err := out.Encode(recordedFrame{
			AtMS: since.Milliseconds(), WindowS: fourDigits(totals.WindowS), QPS: fourDigits(totals.TotalQPS), LatencyMS: fourDigits(totals.AvgLatencyMS),
			PairQPS: fourDigits(frame.Element(pairKey(engine.RelQueriesPerSec), "")), PairMS: fourDigits(frame.Element(pairKey(engine.RelAvgLatencyMS), "")),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
}

// pairKey is the key of a figure of users -> products.
func pairKey(relType string) string {
	return engine.RelationshipKey("users:Table", relType, "products:Table", "")
}

func fourDigits(v *float64) *float64 {
	if v == nil {
		return nil
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(*v, 'g', 4, 64), 64)
	if err != nil || math.IsInf(short, 0) {
		return nil
	}
	return &short
}
