package trigger

import (
	"hash/fnv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"graphsnap/engine"
)

const (
	day = 24 * time.Hour
	// mostSlots bounds the runs that are looked at one by one: a rule by the second has 3,600 in an hour.
	mostSlots = 10_000
	// clockBack is how far the clock may be set back before what was decided "later" is no longer believed.
	clockBack = 10 * time.Minute
)

// weekly is the Monday from which intervals of several days are counted.
var weekly = time.Date(1970, 1, 5, 0, 0, 0, 0, time.UTC)

var cronFields = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// timetable gives the slots of a schedule; cron is nil for an interval.
type timetable struct {
	every time.Duration
	cron  cron.Schedule
	fixed bool // the hours are named, so a switch of daylight saving time neither drops nor doubles a run
	zone  *time.Location
}

// timetable reads a schedule. Kinds: invalid.
func (s Schedule) timetable(op string) (timetable, error) {
	t := timetable{every: s.Every, zone: zone(s.Zone)}
	switch {
	case (s.Every == 0) == (s.Cron == ""):
		return t, engine.Errorf(engine.KindInvalid, op, "a schedule has either an interval or a cron expression").WithHint("write interval: 5m, or cron: \"0 */5 * * * *\"")
	case s.Jitter < 0:
		return t, engine.Errorf(engine.KindInvalid, op, "jitter %v is negative", s.Jitter).WithHint("write how long a run may be put off, such as 30s")
	}
	if s.Cron != "" {
		if err := t.readCron(op, s.Cron); err != nil {
			return t, err
		}
	}
	if t.cron == nil {
		if err := checkEvery(op, t.every); err != nil {
			return t, err
		}
	}
	first := t.next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if first.IsZero() {
		return t, engine.Errorf(engine.KindInvalid, op, "%q never comes", s.Cron).WithHint("there is no such day in any of the next five years")
	}
	if gap := t.next(first).Sub(first); s.Jitter > 0 && s.Jitter >= gap {
		return t, engine.Errorf(engine.KindInvalid, op, "jitter %v is not shorter than the %v between two runs", s.Jitter, gap).WithHint("choose a jitter of at most %v", gap/2)
	}
	return t, nil
}

func checkEvery(op string, every time.Duration) error {
	switch {
	case every < time.Second || every%time.Second != 0:
		return engine.Errorf(engine.KindInvalid, op, "an interval of %v is too short", every).WithHint("write whole seconds, such as 30s or 5m")
	case every > day && every%day != 0:
		return engine.Errorf(engine.KindInvalid, op, "an interval of %v is more than a day, and no number of days", every).WithHint("write 24h, 48h or 168h, or a cron expression")
	}
	return nil
}

func (t *timetable) readCron(op, text string) error {
	text = strings.TrimSpace(text)
	const hint = "write five fields (minute hour day month weekday), six with seconds first, such as \"0 */5 * * * *\", or @hourly, @daily, @weekly, @monthly or @every 5m"
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		return engine.Errorf(engine.KindInvalid, op, "%q names a zone", text).WithHint("set the zone of the schedule instead")
	}
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil {
			return engine.Errorf(engine.KindInvalid, op, "%q is no interval", rest).WithHint("write @every 5m")
		}
		t.every = every
		return nil
	}
	schedule, err := cronFields.Parse(text)
	if err != nil {
		return engine.Errorf(engine.KindInvalid, op, "%q is no cron expression", text).WithHint(hint).WithCause(err)
	}
	fields := strings.Fields(text)
	t.cron = schedule
	t.fixed = text != "@hourly"
	if n := len(fields); n >= 5 && strings.HasPrefix(fields[n-4], "*") {
		t.fixed = false
	}
	return nil
}

// next gives the first slot after a moment; zero where none comes.
//
// Intervals of up to an hour, and cron expressions for every hour, go by elapsed time, so they go on through the hour that a switch of daylight
// saving time repeats. All others go by the clock on the wall: a slot in the hour that is left out comes at the moment of the switch, one
// in the hour that is repeated comes the first time only.
func (t timetable) next(after time.Time) time.Time {
	switch {
	case t.cron != nil && !t.fixed:
		return t.cron.Next(after.In(t.zone))
	case t.cron != nil:
		local := after.In(t.zone)
		shown := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
		_, offset := local.Zone()
		if _, before := local.Add(-3 * time.Hour).Zone(); before != offset {
			shown = shown.Add(-3 * time.Hour) // a slot that was left out is behind the wall, yet may come
		}
		for {
			shown = t.cron.Next(shown)
			if shown.IsZero() {
				return time.Time{}
			}
			since := shown.Sub(shown.Truncate(day))
			if at := wall(shown.Year(), shown.Month(), shown.Day(), since, t.zone); at.After(after) {
				return at
			}
		}
	}
	local := after.In(t.zone)
	for d := 0; ; d++ {
		date := time.Date(local.Year(), local.Month(), local.Day()+d, 0, 0, 0, 0, time.UTC)
		if at := t.onDay(date, after); !at.IsZero() {
			return at
		}
	}
}

// onDay gives the first slot of an interval on one date that comes after a moment.
func (t timetable) onDay(date, after time.Time) time.Time {
	midnight := wall(date.Year(), date.Month(), date.Day(), 0, t.zone)
	if t.every >= day {
		if int64(date.Sub(weekly)/day)%int64(t.every/day) == 0 && midnight.After(after) {
			return midnight
		}
		return time.Time{}
	}
	if midnight.After(after) {
		return midnight
	}
	tomorrow := date.AddDate(0, 0, 1)
	end := wall(tomorrow.Year(), tomorrow.Month(), tomorrow.Day(), 0, t.zone)
	if t.every <= time.Hour {
		at := midnight.Add((after.Sub(midnight)/t.every + 1) * t.every)
		if at.Before(end) {
			return at
		}
		return time.Time{}
	}
	for since := t.every; since < day; since += t.every {
		if at := wall(date.Year(), date.Month(), date.Day(), since, t.zone); at.After(after) && at.Before(end) {
			return at
		}
	}
	return time.Time{}
}

// putOff gives the jitter of a slot: always the same for a rule, a source and a time, so that all replicas agree.
func putOff(jitter time.Duration, rule, source string, slot time.Time) time.Duration {
	if jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(rule + "\x00" + source + "\x00" + slot.UTC().Format(time.RFC3339)))
	return time.Duration(h.Sum64() % uint64(jitter/time.Millisecond+1) * uint64(time.Millisecond))
}

// due says which slots have come since the last one: the newest, how many before it were missed, and the next to come. Slots
// outside the calendar are none.
func (t timetable) due(last, now time.Time, within func(time.Time) bool, delay func(slot time.Time) time.Duration) (slot time.Time, missed int, next time.Time) {
	at, skipped := last, false
	for n := 0; ; n++ {
		if n == mostSlots {
			if skipped {
				return slot, missed, at // a calendar in which the schedule never runs
			}
			// Too many were missed to count them one by one.
			skipped, n = true, 0
			if back := now.Add(-time.Hour); back.After(at) {
				at = back
			}
		}
		at = t.next(at)
		if at.IsZero() {
			return slot, missed, time.Time{}
		}
		if !within(at) {
			continue
		}
		if run := at.Add(delay(at)); run.After(now) {
			return slot, missed, run
		}
		if !slot.IsZero() {
			missed++
		}
		slot = at
	}
}
