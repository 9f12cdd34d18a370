package trigger

import (
	"slices"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
)

// tick lets the clock of a decider go in steps and gives when it fired, as RFC 3339, and what was told.
func tick(d *decider, from time.Time, length, step time.Duration) (fired []string, firings []engine.Firing, told []engine.Suppression) {
	for at := from; !at.After(from.Add(length)); at = at.Add(step) {
		f, s := split(d.clock(at))
		for _, x := range f {
			fired = append(fired, at.UTC().Format(time.RFC3339))
			firings = append(firings, x)
		}
		told = append(told, s...)
	}
	return fired, firings, told
}

func scheduled(s Schedule, when string) Rule {
	return Rule{Name: "schedule", When: when, Sources: []string{"shop"}, Schedule: &s}
}

func TestSchedulesRun(t *testing.T) {
	d := decide(t, scheduled(Schedule{Every: 5 * time.Minute}, ""))
	fired, firings, _ := tick(d, start.Add(time.Minute), 12*time.Minute, time.Second)
	if want := []string{"2026-01-07T10:05:00Z", "2026-01-07T10:10:00Z"}; !slices.Equal(fired, want) {
		t.Fatalf("%q", fired)
	}
	f := firings[0]
	if f.Trigger != engine.TriggerScheduled || f.Kind != KindScheduled || f.ID == firings[1].ID || !strings.Contains(f.Reason, "every 5 min: the run of 2026-01-07T10:05:00Z") {
		t.Errorf("%+v", f)
	}
	if s := d.statuses(start.Add(13 * time.Minute))[0]; !s.NextRun.Equal(start.Add(15*time.Minute)) || s.State != stateIdle || s.LastHour != 2 {
		t.Errorf("%+v", s)
	}
}

func TestMissedRunsRunOnce(t *testing.T) {
	rule := scheduled(Schedule{Every: 5 * time.Minute}, "")
	d := decide(t, rule)
	tick(d, start, 6*time.Minute, time.Second)
	// Asleep for three hours and a bit.
	fired, firings, _ := tick(d, start.Add(3*time.Hour+62*time.Second), 5*time.Minute, time.Second)
	if want := []string{"2026-01-07T13:01:02Z", "2026-01-07T13:05:00Z"}; !slices.Equal(fired, want) || !strings.Contains(firings[0].Reason, "34 runs before it were missed") {
		t.Errorf("%q %+v", fired, firings)
	}
	// Restarted.
	again := restarted(t, d, start)
	fired, _, _ = tick(again, start.Add(5*time.Hour+time.Second), 4*time.Minute, time.Second)
	if want := []string{"2026-01-07T15:00:01Z"}; !slices.Equal(fired, want) {
		t.Errorf("after a restart: %q", fired)
	}
	// New, it has missed nothing.
	fired, _, _ = tick(decide(t, rule), start.Add(time.Second), 4*time.Minute, time.Second)
	if len(fired) != 0 {
		t.Errorf("a new rule: %q", fired)
	}
}

func TestSchedulesAndClockJumps(t *testing.T) {
	d := decide(t, scheduled(Schedule{Every: 5 * time.Minute}, ""))
	tick(d, start, 11*time.Minute, time.Second)
	// Set back by three minutes: 10:10 has had its run.
	if fired, _, _ := tick(d, start.Add(8*time.Minute), 7*time.Minute, time.Second); !slices.Equal(fired, []string{"2026-01-07T10:15:00Z"}) {
		t.Errorf("set back a little: %q", fired)
	}
	// Set back by an hour: it goes on at once, not in an hour.
	if fired, _, _ := tick(d, start.Add(-45*time.Minute), 6*time.Minute, time.Second); !slices.Equal(fired, []string{"2026-01-07T09:20:00Z"}) {
		t.Errorf("set back an hour: %q", fired)
	}
	// A year ahead, and back.
	if fired, _, _ := tick(d, start.AddDate(1, 0, 0).Add(time.Second), time.Minute, time.Second); len(fired) != 1 {
		t.Errorf("a year ahead: %q", fired)
	}
	if fired, _, _ := tick(d, start, 6*time.Minute, time.Second); !slices.Equal(fired, []string{"2026-01-07T10:05:00Z"}) {
		t.Errorf("a year back: %q", fired)
	}
}

func TestSchedulesInCalendars(t *testing.T) {
	d, err := newDecider(Set{Rules: []Rule{
		scheduled(Schedule{Every: 5 * time.Minute}, BusinessHours),
		{Name: "night", When: OffHours, Sources: []string{"shop"}, Schedule: &Schedule{Every: 30 * time.Minute}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	_, firings, told := tick(d, time.Date(2026, 1, 5, 0, 0, 1, 0, time.UTC), 7*24*time.Hour, 10*time.Second)
	for _, f := range firings {
		count[f.Rule]++
	}
	// Five days of 8 hours have 12 slots each; the rest of the week 128 hours with 2 slots, both midnights of the week being there once.
	if count["schedule"] != 5*8*12 || count["night"] != 128*2 || len(told) != 0 {
		t.Errorf("%v %v", count, told)
	}
	fresh := decide(t, scheduled(Schedule{Every: 5 * time.Minute}, BusinessHours))
	tick(fresh, start.Add(6*time.Hour+50*time.Minute), 8*time.Minute, time.Second) // to 16:58
	// Asleep over the evening: the slots missed were within, the moment is not.
	fired, _, told := tick(fresh, start.Add(10*time.Hour), 20*time.Minute, time.Second)
	if len(fired) != 0 || len(told) != 0 {
		t.Errorf("in the evening: %q %v", fired, told)
	}
}

func TestJitterPutsRunsOff(t *testing.T) {
	rule := scheduled(Schedule{Every: 10 * time.Minute, Jitter: 2 * time.Minute}, "")
	rule.Sources = []string{"a", "b"}
	d := decide(t, rule)
	_, firings, _ := tick(d, start.Add(time.Second), 2*time.Hour, time.Second)
	runs := map[string][]time.Duration{}
	for _, f := range firings {
		runs[f.Source] = append(runs[f.Source], f.At.Sub(f.At.Truncate(10*time.Minute)))
	}
	if len(runs["a"]) != 12 && len(runs["a"]) != 11 || slices.Max(runs["a"]) > 2*time.Minute+time.Second || slices.Max(runs["a"]) == slices.Min(runs["a"]) || slices.Equal(runs["a"], runs["b"]) {
		t.Errorf("%v", runs)
	}
}

func TestMaintenance(t *testing.T) {
	window := Window{Name: "vacuum", Sources: []string{"shop"}, Start: start.Add(10 * time.Minute), End: start.Add(40 * time.Minute)}
	every := scheduled(Schedule{Every: 15 * time.Minute}, "")
	slow := threshold(t, "avg_latency", "", "> 1000ms")
	set := Set{Rules: []Rule{every, slow}, Maintenance: []Window{window}}
	d, err := newDecider(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var told []engine.Suppression
	for s := 0; s <= 60*60; s += 5 {
		at := start.Add(time.Duration(s) * time.Second)
		ms := 45.0
		if s >= 20*60 && s < 50*60 {
			ms = 1200
		}
		made, _ := d.frame(latency(at, ms), at)
		made = append(made, d.clock(at)...)
		firings, suppressions := split(made)
		told = append(told, suppressions...)
		for _, f := range firings {
			got = append(got, f.Rule+" "+at.Format("15:04:05"))
		}
		if s == 30*60 { // a restart within the window
			d = restarted(t, d, at)
		}
	}
	want := []string{"maintenance/vacuum 10:09:00", "avg_latency 10:40:00", "maintenance/vacuum 10:40:00", "schedule 10:45:00", "schedule 11:00:00"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(told) == 0 || !strings.Contains(told[0].Reason, "maintenance window vacuum") {
		t.Errorf("%+v", told)
	}
}

func TestMaintenanceRepeats(t *testing.T) {
	d, err := newDecider(Set{Maintenance: []Window{{Name: "nightly", Sources: []string{"shop"}, Cron: "0 2 * * *", Length: time.Hour, Zone: location(t, "Europe/Berlin")}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fired, firings, _ := tick(d, time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), 55*time.Hour, 10*time.Second)
	want := []string{"2026-03-28T00:59:00Z", "2026-03-28T02:00:00Z", "2026-03-29T00:59:00Z", "2026-03-29T02:00:00Z"} // 02:00 is left out on the 29th
	if !slices.Equal(fired, want) {
		t.Errorf("%q", fired)
	}
	if len(firings) > 1 && (firings[0].Description != "before maintenance nightly" || firings[1].Description != "after maintenance nightly") {
		t.Errorf("%+v", firings)
	}
}
