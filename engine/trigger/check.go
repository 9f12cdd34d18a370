package trigger

import (
	"strings"
	"time"

	"graphsnap/engine"
)

// Check finds the first thing that no set may hold: rules that are not whole, unknown metrics, calendars and detectors, schedules
// that never come. CheckRule, Calendar.Check and Window.Check look at one part each. Kinds: invalid.
func (s Set) Check() error {
	for name, c := range s.Calendars {
		if err := c.Check(name); err != nil {
			return err
		}
	}
	names := map[string]bool{}
	for _, r := range s.Rules {
		if err := s.CheckRule(r); err != nil {
			return err
		}
		if names[r.Name] {
			return engine.Errorf(engine.KindInvalid, "rule "+r.Name, "two rules have this name").WithHint("name each rule differently: what it remembers goes by its name")
		}
		names[r.Name] = true
	}
	windows := map[string]bool{}
	for _, w := range s.Maintenance {
		if err := w.Check(); err != nil {
			return err
		}
		if windows[w.Name] {
			return engine.Errorf(engine.KindInvalid, "maintenance "+w.Name, "two windows have this name").WithHint("name each window differently")
		}
		windows[w.Name] = true
	}
	return nil
}

// CheckRule checks one rule against the calendars of the set. Kinds: invalid.
func (s Set) CheckRule(r Rule) error {
	_, err := s.compile(r)
	return err
}

// Check finds what no maintenance window may hold. Kinds: invalid.
func (w Window) Check() error {
	op := "maintenance " + w.Name
	invalid := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.KindInvalid, op, format, args...)
	}
	once := !w.Start.IsZero() || !w.End.IsZero()
	switch {
	case strings.TrimSpace(w.Name) == "" || len(w.Name) > 150:
		return invalid("a maintenance window needs a name of at most 150 bytes").WithHint("name it after the work, such as \"nightly vacuum\"")
	case once == (w.Cron != ""):
		return invalid("a window has either start and end, or a cron expression and a length").WithHint("write start and end with dates, or cron: \"0 2 * * 0\" and length: 2h")
	case once && (w.Start.IsZero() || !w.End.After(w.Start)):
		return invalid("it ends before it begins").WithHint("start and end are both needed, the end after the start")
	case once && w.Length != 0:
		return invalid("the length follows from start and end").WithHint("leave length out")
	case once:
		return nil
	case w.Length < time.Minute || w.Length > 7*day:
		return invalid("a length of %v is out of range", w.Length).WithHint("write a length from 1m to 168h")
	}
	table, err := w.timetable()
	if err != nil {
		return err
	}
	first := table.next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if gap := table.next(first).Sub(first); gap <= w.Length {
		return invalid("it begins anew after %v, before it has ended", gap).WithHint("choose a length below %v", gap)
	}
	return nil
}

func (w Window) timetable() (timetable, error) {
	return Schedule{Cron: w.Cron, Zone: w.Zone}.timetable("maintenance " + w.Name)
}

// window is a maintenance window ready to be asked.
type window struct {
	Window
	table timetable
}

// compile checks a window. Kinds: invalid.
func (w Window) compile() (window, error) {
	out := window{Window: w}
	err := w.Check()
	if err == nil && w.Cron != "" {
		out.table, err = w.timetable()
	}
	return out, err
}

// span gives the window that a moment lies in, or else the next one; ok is false where none comes any more.
func (w window) span(now time.Time) (start, end time.Time, ok bool) {
	if w.Cron == "" {
		return w.Start, w.End, now.Before(w.End)
	}
	start = w.table.next(now.Add(-w.Length))
	return start, start.Add(w.Length), !start.IsZero()
}
