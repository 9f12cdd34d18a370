package trigger

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
)

func series(n int, step time.Duration, at func(i int) float64) iter.Seq2[*engine.Frame, error] {
	return func(yield func(*engine.Frame, error) bool) {
		for i := range n {
			if !yield(latency(start.Add(time.Duration(i)*step), at(i)), nil) {
				return
			}
		}
	}
}

func TestReplay(t *testing.T) {
	slow := flappingRule(t)
	slow.Threshold.For = 30 * time.Second
	set := Set{
		Rules: []Rule{
			slow, {Name: "every", Schedule: &Schedule{Every: 5 * time.Minute}}, {Name: "degradation", Smart: &Smart{Detector: DetectDegradation}},
			threshold(t, "replication_lag", "", "> 10s"), {Name: "off", Disabled: true, Schedule: &Schedule{Every: time.Minute}},
			{Name: "elsewhere", Sources: []string{"other"}, Incident: &Incident{Detector: DetectDeadlocks}},
		},
		Maintenance: []Window{{Name: "night", Start: start.Add(30 * time.Minute), End: start.Add(40 * time.Minute)}},
	}
	// Three hours by the minute; for five minutes of every half an hour it is slow.
	report, err := Replay(set, series(180, time.Minute, func(i int) float64 {
		if i%30 >= 10 && i%30 < 15 {
			return 1200
		}
		return 45
	}))
	if err != nil || report.Frames != 180 || report.Step != time.Minute || len(report.Sources) != 1 || !report.From.Equal(start) || !report.To.Equal(start.Add(179*time.Minute)) {
		t.Fatalf("%+v, %v", report, err)
	}
	byName := map[string]RuleReport{}
	for _, r := range report.Rules {
		byName[r.Rule] = r
	}
	r := byName["avg_latency"]
	if len(r.Firings) != 6 || !strings.Contains(r.Firings[0].Reason, "avg_latency 1.2 s > 1 s for 60 s") || !r.Firings[0].At.Equal(start.Add(11*time.Minute)) || !strings.Contains(r.Note, "60 s apart") {
		t.Errorf("%+v", r)
	}
	// 35 slots after the first frame, two of which, 10:30 and 10:35, lie in the window.
	if r := byName["every"]; len(r.Firings) != 33 || len(r.Suppressions) != 2 {
		t.Errorf("%d runs, %+v", len(r.Firings), r.Suppressions)
	}
	if r := byName["maintenance/night"]; len(r.Firings) != 2 || !r.Firings[0].At.Equal(start.Add(29*time.Minute)) {
		t.Errorf("%+v", r)
	}
	for name, note := range map[string]string{"degradation": "cold", "replication_lag": "no frame holds", "off": "disabled", "elsewhere": "no frame is of a source"} {
		if r := byName[name]; len(r.Firings) != 0 || !strings.Contains(r.Note, note) || r.Text == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestReplayEndsWithAnError(t *testing.T) {
	broken := errors.New("the history cannot be read")
	report, err := Replay(Set{Rules: []Rule{flappingRule(t)}}, func(yield func(*engine.Frame, error) bool) {
		if yield(latency(start, 1200), nil) {
			yield(nil, broken)
		}
	})
	if !errors.Is(err, broken) || report.Frames != 1 || len(report.Rules[0].Firings) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := Replay(Set{Rules: []Rule{{Name: "x"}}}, nil); engine.KindOf(err) != engine.KindInvalid {
		t.Error(err)
	}
}
