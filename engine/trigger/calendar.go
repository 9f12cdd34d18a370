package trigger

import (
	"slices"
	"time"

	"graphsnap/engine"
)

// The calendars that are always there.
const (
	BusinessHours = "business_hours" // Monday to Friday, 9 to 17 o'clock, UTC
	OffHours      = "off_hours"      // all other times
)

// Contains says whether a moment belongs to the calendar. The times of day are those that the clock on the wall shows; what goes
// over midnight belongs to the day on which it begins.
func (c Calendar) Contains(t time.Time) bool { return c.within(t.In(zone(c.Zone))) != c.Inverse }

func (c Calendar) within(t time.Time) bool {
	since := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	to := c.To
	if to == 0 {
		to = 24 * time.Hour
	}
	if c.From < to {
		return since >= c.From && since < to && c.on(t)
	}
	// AddDate keeps to days of the calendar, which the switches make shorter or longer than 24 hours.
	noon := time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, t.Location())
	return since >= c.From && c.on(t) || since < to && c.on(noon.AddDate(0, 0, -1))
}

func (c Calendar) on(t time.Time) bool {
	if len(c.Weekdays) > 0 && !slices.Contains(c.Weekdays, t.Weekday()) {
		return false
	}
	return !slices.Contains(c.Holidays, t.Format(time.DateOnly))
}

// Check finds what no calendar may hold. Kinds: invalid.
func (c Calendar) Check(name string) error {
	op := "calendar " + name
	for _, d := range []time.Duration{c.From, c.To} {
		if d < 0 || d > 24*time.Hour {
			return engine.Errorf(engine.KindInvalid, op, "%v is no time of day", d).WithHint("write times from 00:00 to 24:00")
		}
	}
	if c.From == c.To && c.From != 0 {
		return engine.Errorf(engine.KindInvalid, op, "it begins and ends at the same time").WithHint("leave both out for whole days")
	}
	for _, h := range c.Holidays {
		if _, err := time.Parse(time.DateOnly, h); err != nil {
			return engine.Errorf(engine.KindInvalid, op, "%q is no date", h).WithHint("write holidays as 2026-12-25")
		}
	}
	return nil
}

// Calendar gives a calendar by name. off_hours is what business_hours is not, also where only the latter is configured.
func (s Set) Calendar(name string) (Calendar, bool) {
	if c, ok := s.Calendars[name]; ok {
		return c, true
	}
	switch name {
	case BusinessHours:
		return Calendar{
			Weekdays: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}, From: 9 * time.Hour, To: 17 * time.Hour,
		}, true
	case OffHours:
		c, _ := s.Calendar(BusinessHours)
		c.Inverse = !c.Inverse
		return c, true
	}
	return Calendar{}, false
}

// zone gives UTC where none is set.
func zone(z *time.Location) *time.Location {
	if z == nil {
		return time.UTC
	}
	return z
}

// wall gives the moment at which the clock on the wall shows a time of a day. What a switch of daylight saving time leaves out is
// the moment of the switch; of what it repeats, the first.
func wall(year int, month time.Month, day int, since time.Duration, z *time.Location) time.Time {
	asked := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Add(since)
	shown := func(t time.Time) time.Time {
		_, offset := t.In(z).Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	// What the wall shows rises with time but for the hour that is repeated, and no offset is more than 15 hours.
	var found time.Time
	for _, around := range []time.Duration{-26 * time.Hour, 26 * time.Hour} {
		_, offset := asked.Add(around).In(z).Zone()
		t := asked.Add(-time.Duration(offset) * time.Second)
		if shown(t).Equal(asked) && (found.IsZero() || t.Before(found)) {
			found = t
		}
	}
	if !found.IsZero() {
		return found.In(z)
	}
	low, high := asked.Add(-26*time.Hour), asked.Add(26*time.Hour)
	for high.Sub(low) > time.Second {
		middle := low.Add(high.Sub(low) / 2).Truncate(time.Second)
		if shown(middle).Before(asked) {
			low = middle
		} else {
			high = middle
		}
	}
	return high.Truncate(time.Second).In(z)
}
