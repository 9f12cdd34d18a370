package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"graphsnap/engine/trigger"
)

func (c *Config) calendars(r *report) map[string]trigger.Calendar {
	list := maps.Clone(c.Calendars)
	if list == nil {
		list = map[string]Calendar{}
	}
	if _, own := list[trigger.BusinessHours]; !own {
		list[trigger.BusinessHours] = Calendar{Weekdays: []string{"mon-fri"}, From: "09:00", To: "17:00"}
	}
	out := make(map[string]trigger.Calendar, len(list))
	for _, name := range names(list) {
		if !nameForm.MatchString(name) || len(name) > maxName {
			r.atKey("calendars."+name, "use letters, digits, _, - and .", "%q is no name of a calendar", name)
		}
		out[name] = c.calendar(list[name], "calendars."+name, r)
	}
	if _, own := list[trigger.OffHours]; !own {
		off := out[trigger.BusinessHours]
		off.Inverse = !off.Inverse
		out[trigger.OffHours] = off
	}
	return out
}

func (c *Config) calendar(in Calendar, path string, r *report) trigger.Calendar {
	out := trigger.Calendar{Zone: c.zoneAt(in.Zone, path+".zone", r), To: day, Inverse: in.Inverse}
	clock := func(key, text string, otherwise time.Duration) time.Duration {
		if text == "" {
			return otherwise
		}
		v, err := clockTime(text)
		if err != nil {
			r.at(path+"."+key, "write HH:MM in 24 hours, 00:00 to 24:00, in quotes", "%s is %q, which is no time of day", key, text)
		}
		return v
	}
	bad := len(r.problems)
	out.From, out.To = clock("from", in.From, 0), clock("to", in.To, day)
	if out.From == out.To && len(r.problems) == bad {
		r.at(path+".to", "leave both out for the whole day", "from and to are both %s, which leaves no time", in.To)
	}
	for i, text := range in.Weekdays {
		days, err := weekdays(text)
		if err != nil {
			r.at(fmt.Sprintf("%s.weekdays[%d]", path, i), guess(text, longWeekdays(), "write mon-fri, or"), "%q is no weekday", text)
		}
		for _, d := range days {
			if !slices.Contains(out.Weekdays, d) {
				out.Weekdays = append(out.Weekdays, d)
			}
		}
	}
	if len(in.Weekdays) == 0 {
		out.Weekdays = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	}
	for i, text := range in.Holidays {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			r.at(fmt.Sprintf("%s.holidays[%d]", path, i), "write a day that exists as YYYY-MM-DD, such as 2026-12-25", "%q is no day", text)
			continue
		}
		out.Holidays = append(out.Holidays, text)
	}
	return out
}

// clockTime reads HH:MM; 24:00 is the end of the day.
func clockTime(text string) (time.Duration, error) {
	if text == "24:00" {
		return day, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, err
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

var weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func longWeekdays() []string {
	list := make([]string, 7)
	for d := range list {
		list[d] = time.Weekday(d).String()
	}
	return list
}

// weekdays reads mon, Monday or mon-fri; fri-mon goes over the end of the week.
func weekdays(text string) ([]time.Weekday, error) {
	one := func(word string) (int, error) {
		word = strings.ToLower(strings.TrimSpace(word))
		for d := range 7 {
			if word == weekdayNames[d] || word == strings.ToLower(time.Weekday(d).String()) {
				return d, nil
			}
		}
		return 0, fmt.Errorf("%q is no weekday", word)
	}
	from, to, ranged := strings.Cut(text, "-")
	first, err := one(from)
	if err != nil {
		return nil, err
	}
	last := first
	if ranged {
		if last, err = one(to); err != nil {
			return nil, err
		}
	}
	list := []time.Weekday{time.Weekday(first)}
	for d := first; d != last; {
		d = (d + 1) % 7
		list = append(list, time.Weekday(d))
	}
	return list, nil
}
