package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/trigger"
)

const (
	recording   = "testdata/recorded-days.json.gz"
	stretch     = 24 * time.Hour / recordedDay // how much faster than real days the recorded ones went by
	windowTicks = 12                           // as by default, 60 s of 5 s
)

// recordedStart is a Monday.
var recordedStart = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// countedDay gives when the last day of a recording begins.
func countedDay(start time.Time) time.Time { return start.AddDate(0, 0, recordedDays-1) }

func readRecording(t *testing.T) (frames []recordedFrame) {
	t.Helper()
	file, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for in := json.NewDecoder(packed); ; {
		var f recordedFrame
		if err := in.Decode(&f); errors.Is(err, io.EOF) {
			return frames
		} else if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
}

// load adds up statements and the time that they took, over a window.
type load struct{ calls, timed, ms float64 }

func (l *load) add(seconds, qps, ms *float64) {
	if qps == nil {
		return
	}
	l.calls += *qps * *seconds
	if ms != nil {
		l.timed, l.ms = l.timed+*qps**seconds, l.ms+*ms**qps**seconds
	}
}

// figures gives statements per second, and their mean latency in ms where there were any.
func (l *load) figures(seconds float64) map[string]*float64 {
	qps, ms := l.calls/seconds, l.ms/l.timed
	if l.timed == 0 {
		return map[string]*float64{engine.RelQueriesPerSec: &qps}
	}
	return map[string]*float64{engine.RelQueriesPerSec: &qps, engine.RelAvgLatencyMS: &ms}
}

// stretched gives the recording as the frames of real days from start on, the figures being means over twelve ticks as those of a collector are.
// change gives factors on the traffic and the latency of a tick.
func stretched(ticks []recordedFrame, start time.Time, change func(at time.Time) (qps, ms float64)) iter.Seq2[*engine.Frame, error] {
	return func(yield func(*engine.Frame, error) bool) {
		var window []recordedFrame
		for i, tick := range ticks {
			at := start.Add(time.Duration(tick.AtMS) * time.Millisecond * stretch)
			qps, ms := change(at)
			tick.QPS, tick.PairQPS, tick.LatencyMS, tick.PairMS = times(tick.QPS, qps), times(tick.PairQPS, qps), times(tick.LatencyMS, ms), times(tick.PairMS, ms)
			window = append(window, tick)
			window = window[max(0, len(window)-windowTicks):]
			var seconds float64
			var whole, pair load
			for _, tick := range window {
				seconds += *tick.WindowS
				whole.add(tick.WindowS, tick.QPS, tick.LatencyMS)
				pair.add(tick.WindowS, tick.PairQPS, tick.PairMS)
			}
			figures := whole.figures(seconds)
			f := &engine.Frame{Source: demoSource, At: at, Graph: &engine.Graph{}, State: engine.LiveState{
				Source: demoSource, Tick: int64(i + 1), CollectedAt: at, Status: "ok",
				Totals: engine.Totals{TotalQPS: figures[engine.RelQueriesPerSec], AvgLatencyMS: figures[engine.RelAvgLatencyMS], WindowS: &seconds},
			}}
			for relType, v := range pair.figures(seconds) {
				f.Graph.Relationships = append(f.Graph.Relationships, engine.Relationship{
					Key: pairKey(relType), Type: relType, From: "users:Table", To: "products:Table", Properties: engine.Properties{"value": *v},
				})
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

func times(v *float64, factor float64) *float64 {
	if v == nil {
		return nil
	}
	x := *v * factor
	return &x
}

func unchanged(time.Time) (qps, ms float64) { return 1, 1 }

// smartAndDemoRules are the rules of the demo, and smart ones with their defaults, of the whole source and of one pair of tables.
func smartAndDemoRules() trigger.Set {
	c := configs.Config{Zone: "UTC", Rules: append(demoRules(recordRate),
		configs.Rule{Name: "degradation", Smart: configs.Smart{Detector: trigger.DetectDegradation}},
		configs.Rule{Name: "traffic", Smart: configs.Smart{Detector: trigger.DetectTraffic}},
		configs.Rule{Name: "predicted", Smart: configs.Smart{Detector: trigger.DetectPredicted, Metric: "avg_latency", Condition: "> 2ms"}},
		configs.Rule{Name: "pair degradation", Smart: configs.Smart{Detector: trigger.DetectDegradation, Scope: "users->products"}},
		configs.Rule{Name: "pair traffic", Smart: configs.Smart{Detector: trigger.DetectTraffic, Scope: "users->products"}},
	)}
	return c.Triggers()
}

// replaySmart gives what the smart rules would have fired, by rule.
func replaySmart(t *testing.T, frames iter.Seq2[*engine.Frame, error]) map[string][]engine.Firing {
	t.Helper()
	report, err := trigger.Replay(smartAndDemoRules(), frames)
	if err != nil {
		t.Fatal(err)
	}
	fired := map[string][]engine.Firing{}
	for _, r := range report.Rules {
		if r.Kind != trigger.KindSmart {
			continue
		}
		if strings.Contains(r.Note, "cold") || strings.Contains(r.Note, "no frame") {
			t.Errorf("%s has seen nothing: %s", r.Rule, r.Note)
		}
		fired[r.Rule] = r.Firings
	}
	return fired
}

// from leaves out what fired before.
func from(start time.Time, firings []engine.Firing) []engine.Firing {
	return slices.DeleteFunc(slices.Clone(firings), func(f engine.Firing) bool { return f.At.Before(start) })
}

// TestDaysWithoutFaults replays nine days of the demo's load through its rules and smart ones: on the last day at most one smart rule
// fires once. The days were recorded by TestRecordDays from a real PostgreSQL under the demo's load, without faults, on a machine that was
// busy with other things; a day took four minutes. Here they take 24 hours again, so that ticks lie three minutes apart. What is
// learnt is learnt on the first eight. Each day of the week is tried as the first one, as weekends are learnt apart.
func TestDaysWithoutFaults(t *testing.T) {
	ticks := readRecording(t)
	if length := time.Duration(ticks[len(ticks)-1].AtMS) * time.Millisecond * stretch; length < recordedDays*24*time.Hour-time.Hour {
		t.Fatalf("the recording is %s long", length)
	}
	for weekday := range 7 {
		start, n := recordedStart.AddDate(0, 0, weekday), 0
		for rule, firings := range replaySmart(t, stretched(ticks, start, unchanged)) {
			for _, f := range firings {
				t.Logf("from a %s on, day %d: %s: %s", start.Weekday(), 1+f.At.Sub(start)/(24*time.Hour), rule, f.Reason)
			}
			n += len(from(countedDay(start), firings))
		}
		if n > 1 {
			t.Errorf("from a %s on: %d false alarms on the counted day", start.Weekday(), n)
		}
	}
}

// TestTroubleOnRecordedDays spoils two hours of the counted day: rules that are silent on a good day must fire on a bad one, and once.
func TestTroubleOnRecordedDays(t *testing.T) {
	ticks := readRecording(t)
	for name, c := range map[string]struct {
		rules   []string
		qps, ms float64
	}{
		"four times the latency":  {[]string{"degradation", "pair degradation"}, 1, 4},
		"three times the traffic": {[]string{"traffic", "pair traffic"}, 3, 1},
	} {
		for _, hour := range []int{4, 10, 17} {
			begin := countedDay(recordedStart).Add(time.Duration(hour) * time.Hour)
			fired := replaySmart(t, stretched(ticks, recordedStart, func(at time.Time) (qps, ms float64) {
				if at.Before(begin) || at.Sub(begin) > 2*time.Hour {
					return 1, 1
				}
				return c.qps, c.ms
			}))
			for _, rule := range c.rules {
				firings := from(begin, fired[rule])
				for _, f := range firings {
					t.Logf("%s from %d o'clock: %s: %s: %s", name, hour, f.At.Format("Mon 2 15:04"), rule, f.Reason)
				}
				if len(firings) != 1 || firings[0].At.Sub(begin) > 90*time.Minute {
					t.Errorf("%s from %d o'clock: %s fired %d times", name, hour, rule, len(firings))
				}
			}
		}
	}
}
