package trigger

import (
	"testing"
	"time"

	"graphsnap/engine"
)

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestTimetables lists slots after a moment. The switches of 2026: Berlin 29 March 01:00 UTC and 25 October 01:00 UTC, New York 8
// March 07:00 UTC and 1 November 06:00 UTC; Santiago skips midnight on 6 September.
func TestTimetables(t *testing.T) {
	for name, c := range map[string]struct {
		schedule Schedule
		zone     string
		after    string
		want     []string // UTC
	}{
		"5 minutes":                {Schedule{Every: 5 * time.Minute}, "UTC", "2026-01-01T10:01:00Z", []string{"2026-01-01T10:05:00Z", "2026-01-01T10:10:00Z"}},
		"on the slot":              {Schedule{Every: 5 * time.Minute}, "UTC", "2026-01-01T10:05:00Z", []string{"2026-01-01T10:10:00Z"}},
		"7 minutes, midnight":      {Schedule{Every: 7 * time.Minute}, "UTC", "2026-01-01T23:54:00Z", []string{"2026-01-01T23:55:00Z", "2026-01-02T00:00:00Z", "2026-01-02T00:07:00Z"}},
		"zone with half an hour":   {Schedule{Every: time.Hour}, "Asia/Kolkata", "2026-01-01T10:01:00Z", []string{"2026-01-01T10:30:00Z"}},
		"a day":                    {Schedule{Every: day}, "Europe/Berlin", "2026-01-01T10:01:00Z", []string{"2026-01-01T23:00:00Z", "2026-01-02T23:00:00Z"}},
		"a week is Monday":         {Schedule{Every: 7 * day}, "UTC", "2026-01-01T10:01:00Z", []string{"2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"}},
		"30 minutes over spring":   {Schedule{Every: 30 * time.Minute}, "Europe/Berlin", "2026-03-29T00:10:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
		"30 minutes over autumn":   {Schedule{Every: 30 * time.Minute}, "Europe/Berlin", "2026-10-25T00:10:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"}},
		"6 hours over spring":      {Schedule{Every: 6 * time.Hour}, "Europe/Berlin", "2026-03-28T23:30:00Z", []string{"2026-03-29T04:00:00Z", "2026-03-29T10:00:00Z"}},
		"2 hours, slot left out":   {Schedule{Every: 2 * time.Hour}, "America/New_York", "2026-03-08T05:30:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"}},
		"6 hours over autumn":      {Schedule{Every: 6 * time.Hour}, "America/New_York", "2026-11-01T04:30:00Z", []string{"2026-11-01T11:00:00Z", "2026-11-01T17:00:00Z"}},
		"midnight left out":        {Schedule{Every: day}, "America/Santiago", "2026-09-05T10:00:00Z", []string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}},
		"six fields":               {Schedule{Cron: "0 */5 * * * *"}, "UTC", "2026-01-01T10:01:00Z", []string{"2026-01-01T10:05:00Z"}},
		"by the second":            {Schedule{Cron: "*/10 * * * * *"}, "UTC", "2026-01-01T10:01:05Z", []string{"2026-01-01T10:01:10Z", "2026-01-01T10:01:20Z"}},
		"five fields":              {Schedule{Cron: "30 9 * * 1-5"}, "Europe/Berlin", "2026-01-02T08:30:00Z", []string{"2026-01-05T08:30:00Z"}},
		"daily":                    {Schedule{Cron: "@daily"}, "America/New_York", "2026-01-01T10:00:00Z", []string{"2026-01-02T05:00:00Z"}},
		"every":                    {Schedule{Cron: "@every 90m"}, "UTC", "2026-01-01T10:01:00Z", []string{"2026-01-01T10:30:00Z", "2026-01-01T12:00:00Z"}},
		"cron left out, Berlin":    {Schedule{Cron: "30 2 * * *"}, "Europe/Berlin", "2026-03-28T02:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		"cron repeated, Berlin":    {Schedule{Cron: "30 2 * * *"}, "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		"cron left out, New York":  {Schedule{Cron: "15 2 * * *"}, "America/New_York", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"}},
		"cron repeated, New York":  {Schedule{Cron: "0 30 1 * * *"}, "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		"hourly over spring":       {Schedule{Cron: "@hourly"}, "America/New_York", "2026-03-08T06:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"}},
		"hourly over autumn":       {Schedule{Cron: "0 * * * *"}, "America/New_York", "2026-11-01T04:30:00Z", []string{"2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"}},
		"every half hour in Nepal": {Schedule{Cron: "*/30 * * * *"}, "Asia/Kathmandu", "2026-01-01T00:20:00Z", []string{"2026-01-01T00:45:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.schedule.Zone = location(t, c.zone)
			table, err := c.schedule.timetable("test")
			if err != nil {
				t.Fatal(err, engine.HintOf(err))
			}
			at, _ := time.Parse(time.RFC3339, c.after)
			for _, want := range c.want {
				at = table.next(at)
				if got := at.UTC().Format(time.RFC3339); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		})
	}
}

// TestTimetablesRunOnceEachSlot walks two years in zones with all kinds of switches.
func TestTimetablesRunOnceEachSlot(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC"} {
		z := location(t, name)
		for _, s := range []Schedule{{Every: 3 * time.Hour}, {Every: day}, {Cron: "30 2 * * *"}, {Cron: "0 0 * * *"}} {
			s.Zone = z
			table, err := s.timetable("test")
			if err != nil {
				t.Fatal(err)
			}
			days := map[string]int{}
			at := time.Date(2026, 1, 1, 12, 0, 0, 0, z)
			for at.Before(time.Date(2027, 12, 31, 0, 0, 0, 0, z)) {
				next := table.next(at)
				if !next.After(at) || next.Sub(at) > 26*time.Hour {
					t.Fatalf("%s %+v: %v after %v", name, s, next, at)
				}
				at = next
				days[at.In(z).Format(time.DateOnly)]++
			}
			want := 1
			if s.Every == 3*time.Hour {
				want = 8
			}
			for date, n := range days {
				if n != want && date != "2026-01-01" && date < "2027-12-31" {
					t.Errorf("%s %+v: %d runs on %s", name, s, n, date)
				}
			}
		}
	}
}

func TestBrokenSchedules(t *testing.T) {
	for name, s := range map[string]Schedule{
		"nothing": {}, "both": {Every: time.Minute, Cron: "@daily"}, "too short": {Every: time.Millisecond}, "odd days": {Every: 36 * time.Hour},
		"no cron": {Cron: "whenever"}, "four fields": {Cron: "* * * *"}, "never": {Cron: "0 0 30 2 *"}, "zone": {Cron: "TZ=UTC * * * * *"},
		"zone without an end": {Cron: "TZ=0"}, "every what": {Cron: "@every now"}, "negative": {Every: -time.Minute},
		"jitter": {Every: time.Minute, Jitter: time.Minute}, "negative jitter": {Every: time.Minute, Jitter: -1}, "fractions": {Every: 1500 * time.Millisecond},
	} {
		if _, err := s.timetable("test"); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, engine.HintOf(err))
		}
	}
}

func TestDue(t *testing.T) {
	table, _ := Schedule{Every: 5 * time.Minute}.timetable("test")
	always := func(time.Time) bool { return true }
	none := func(time.Time) time.Duration { return 0 }
	at := func(text string) time.Time { v, _ := time.Parse(time.RFC3339, text); return v }
	slot, missed, next := table.due(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:04:59Z"), always, none)
	if !slot.IsZero() || missed != 0 || !next.Equal(at("2026-01-01T10:05:00Z")) {
		t.Error("early", slot, missed, next)
	}
	slot, missed, next = table.due(at("2026-01-01T10:00:00Z"), at("2026-01-01T12:01:00Z"), always, none)
	if !slot.Equal(at("2026-01-01T12:00:00Z")) || missed != 23 || !next.Equal(at("2026-01-01T12:05:00Z")) {
		t.Error("after two hours of sleep", slot, missed, next)
	}
	slot, _, next = table.due(at("2020-01-01T10:00:00Z"), at("2026-01-01T12:01:00Z"), always, none)
	if !slot.Equal(at("2026-01-01T12:00:00Z")) || !next.Equal(at("2026-01-01T12:05:00Z")) {
		t.Error("after six years", slot, next)
	}
	slot, _, next = table.due(at("2026-01-01T10:00:00Z"), at("2026-01-01T12:01:00Z"), func(time.Time) bool { return false }, none)
	if !slot.IsZero() || next.Before(at("2026-01-10T00:00:00Z")) {
		t.Error("never within", slot, next)
	}
	a, b := putOff(time.Minute, "r", "s", at("2026-01-01T10:00:00Z")), putOff(time.Minute, "r", "other", at("2026-01-01T10:00:00Z"))
	if a == b || a > time.Minute || b > time.Minute || a != putOff(time.Minute, "r", "s", at("2026-01-01T10:00:00Z").In(location(t, "Asia/Tokyo"))) {
		t.Error("jitter", a, b)
	}
}

func TestCalendars(t *testing.T) {
	berlin := location(t, "Europe/Berlin")
	set := Set{Calendars: map[string]Calendar{
		BusinessHours: {Zone: berlin, Weekdays: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}, From: 9 * time.Hour, To: 17 * time.Hour, Holidays: []string{"2026-12-25"}},
		"night":       {Zone: berlin, Weekdays: []time.Weekday{time.Friday}, From: 22 * time.Hour, To: 6 * time.Hour, Holidays: []string{"2026-05-01"}},
		"days":        {Weekdays: []time.Weekday{time.Sunday}},
	}}
	for _, c := range []struct {
		calendar, at string
		want         bool
	}{
		{BusinessHours, "2026-07-01T07:00:00Z", true}, // summer: 9 o'clock
		{BusinessHours, "2026-07-01T06:59:59Z", false},
		{BusinessHours, "2026-01-07T07:30:00Z", false}, // winter: half past 8
		{BusinessHours, "2026-01-07T15:59:59Z", true},
		{BusinessHours, "2026-01-07T16:00:00Z", false},
		{BusinessHours, "2026-01-10T10:00:00Z", false}, // Saturday
		{BusinessHours, "2026-12-25T10:00:00Z", false},
		{OffHours, "2026-12-25T10:00:00Z", true}, // follows the configured business hours
		{OffHours, "2026-01-07T10:00:00Z", false},
		{"night", "2026-01-09T21:30:00Z", true},
		{"night", "2026-01-10T04:59:00Z", true}, // Saturday, but of the night that began on Friday
		{"night", "2026-01-10T21:30:00Z", false},
		{"night", "2026-05-02T03:00:00Z", false}, // Friday was a holiday
		{"night", "2026-03-28T04:30:00Z", true},  // the night before the switch
		{"days", "2026-01-11T23:59:59Z", true},
		{"days", "2026-01-12T00:00:00Z", false},
	} {
		calendar, ok := set.Calendar(c.calendar)
		at, _ := time.Parse(time.RFC3339, c.at)
		if !ok || calendar.Contains(at) != c.want {
			t.Errorf("%s at %s: want %v", c.calendar, c.at, c.want)
		}
	}
	if c, ok := (Set{}).Calendar(BusinessHours); !ok || !c.Contains(time.Date(2026, 1, 7, 9, 0, 0, 0, time.UTC)) {
		t.Error("business hours are built in")
	}
	if _, ok := (Set{}).Calendar("weekend"); ok {
		t.Error("others are not")
	}
	for name, c := range map[string]Calendar{"time": {From: 25 * time.Hour}, "negative": {To: -1}, "empty": {From: time.Hour, To: time.Hour}, "date": {Holidays: []string{"25.12.2026"}}} {
		if err := c.Check(name); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
