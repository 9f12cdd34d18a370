package engine

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Retention is how long snapshots are kept; 0 is no rule. Its text is 90d, 1y, 36h, 1y6mo or permanent.
type Retention time.Duration

// Permanent keeps for ever.
const Permanent = Retention(math.MaxInt64)

const day = 24 * time.Hour

// retentionUnits are the units of a retention, the longest first. Years and months have a fixed length, so that the age at
// which a snapshot goes does not depend on the calendar.
var retentionUnits = []struct {
	name string
	span time.Duration
}{{"y", 365 * day}, {"mo", 30 * day}, {"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// longestRetention is what a text may say; more is permanent.
const longestRetention = 250 * 365 * day

var retentionForm = regexp.MustCompile(`^(\d{1,9}(y|mo|w|d|h|m|s))+$`)
var retentionPart = regexp.MustCompile(`(\d+)(\D+)`)

// ParseRetention reads 90d, 1y, 36h, 2w, 1y6mo or permanent; a year has 365 days, a month 30. Kinds: invalid.
func ParseRetention(text string) (Retention, error) {
	word := strings.ToLower(strings.TrimSpace(text))
	if word == "permanent" {
		return Permanent, nil
	}
	fail := func(why string) (Retention, error) {
		return 0, Errorf(KindInvalid, "retention", "%q is no retention: %s", text, why).WithHint("write 90d, 1y, 36h or permanent")
	}
	if !retentionForm.MatchString(word) {
		return fail("it is made of numbers with the units y, mo, w, d, h, m and s")
	}
	var sum time.Duration
	for _, part := range retentionPart.FindAllStringSubmatch(word, -1) {
		n, err := strconv.ParseInt(part[1], 10, 64)
		if err != nil {
			return fail("a number is too large")
		}
		for _, unit := range retentionUnits {
			if unit.name != part[2] {
				continue
			}
			if n > int64((longestRetention-sum)/unit.span) {
				return fail("it is longer than 250 years")
			}
			sum += time.Duration(n) * unit.span
		}
	}
	if sum == 0 {
		return fail("it would remove at once what was just captured")
	}
	return Retention(sum), nil
}

// String gives the text that ParseRetention reads; "" for no rule.
func (r Retention) String() string { return r.text("") }

// words gives the text for people: 30 d.
func (r Retention) words() string { return r.text(" ") }

func (r Retention) text(space string) string {
	switch {
	case r == Permanent:
		return "permanent"
	case r <= 0:
		return ""
	}
	// One unit where one will do, months left out: 30d says more than 1mo.
	for _, unit := range retentionUnits {
		if unit.name != "mo" && unit.name != "w" && time.Duration(r)%unit.span == 0 {
			return fmt.Sprintf("%d%s%s", time.Duration(r)/unit.span, space, unit.name)
		}
	}
	return time.Duration(r).Round(time.Second).String()
}

// MarshalText gives the text.
func (r Retention) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the text; an empty one is no rule.
func (r *Retention) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*r = 0
		return nil
	}
	*r, err = ParseRetention(string(text))
	return err
}

// The retention classes that follow from trigger and severity. Others may be named by rules, templates and captures.
const (
	ClassManual       = "manual"
	ClassScheduled    = "scheduled"
	ClassThreshold    = "threshold"
	ClassAuto         = "auto" // scheduled and threshold, where these have no rule of their own
	ClassIncident     = "incident"
	ClassHighSeverity = "high_severity" // beside the others: severity high and critical
	ClassPermanent    = "permanent"     // kept for ever, whatever the policy says
)

var classForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// KeepAll as a number of hours, days ... keeps all of them.
const KeepAll = -1

// RetentionPolicy says which snapshots go. The zero value removes nothing.
//
// A snapshot older than the span of its class goes, unless a keep rule or the span of high_severity still keeps it. Where no
// class has a finite span the keep rules alone decide, as with `restic forget`. A class without a span is kept otherwise.
type RetentionPolicy struct {
	Classes map[string]Retention `json:"classes,omitempty" yaml:"classes,omitempty" doc:"Span of each class: manual, scheduled, threshold, auto, incident, high_severity or one of your own; 90d, 1y, 36h or permanent"`

	// The keep rules keep the newest snapshot of each of the last so many hours, days ... of a source that have any; -1 is all.
	KeepLast    int `json:"keep_last,omitempty" yaml:"keep_last,omitempty" minimum:"-1" doc:"The newest so many of a source"`
	KeepHourly  int `json:"keep_hourly,omitempty" yaml:"keep_hourly,omitempty" minimum:"-1" doc:"The newest of each of the last so many hours that have snapshots; -1 is all"`
	KeepDaily   int `json:"keep_daily,omitempty" yaml:"keep_daily,omitempty" minimum:"-1"`
	KeepWeekly  int `json:"keep_weekly,omitempty" yaml:"keep_weekly,omitempty" minimum:"-1"`
	KeepMonthly int `json:"keep_monthly,omitempty" yaml:"keep_monthly,omitempty" minimum:"-1"`
	KeepYearly  int `json:"keep_yearly,omitempty" yaml:"keep_yearly,omitempty" minimum:"-1"`

	KeepWithin   Retention `json:"keep_within,omitempty" yaml:"keep_within,omitempty" doc:"All that are at most so much older than the newest of their source"`
	Zone         string    `json:"zone,omitempty" yaml:"zone,omitempty" doc:"IANA zone of the calendar; UTC where it is missing" example:"Europe/Berlin"`
	MaxSnapshots int       `json:"max_snapshots,omitempty" yaml:"max_snapshots,omitempty" minimum:"0" doc:"Most snapshots of all sources together; the oldest that nothing protects go first"`
}

// Empty reports whether the policy has no rule at all.
func (p *RetentionPolicy) Empty() bool {
	return len(p.Classes) == 0 && len(p.keepRules()) == 0 && p.KeepWithin == 0 && p.MaxSnapshots == 0
}

// Validate holds a policy to its form. Kinds: invalid.
func (p *RetentionPolicy) Validate() error {
	const op = "retention"
	for _, class := range slices.Sorted(maps.Keys(p.Classes)) {
		if !classForm.MatchString(class) {
			return Errorf(KindInvalid, op, "%q is no name of a retention class", class).WithHint("use small letters, digits, - and _, at most 40")
		}
		if p.Classes[class] <= 0 {
			return Errorf(KindInvalid, op, "class %s has no span", class).WithHint("write 90d, 1y, 36h or permanent; leave the class out to keep its snapshots")
		}
	}
	if span, listed := p.Classes[ClassPermanent]; listed && span != Permanent {
		return Errorf(KindInvalid, op, "class permanent is kept for %s", span).WithHint("give that class another name")
	}
	for name, n := range map[string]int{"keep_last": p.KeepLast, "keep_hourly": p.KeepHourly, "keep_daily": p.KeepDaily, "keep_weekly": p.KeepWeekly, "keep_monthly": p.KeepMonthly, "keep_yearly": p.KeepYearly} {
		if n < KeepAll {
			return Errorf(KindInvalid, op, "%s: %d makes no sense", name, n).WithHint("write a number of snapshots, or -1 for all")
		}
	}
	switch {
	case p.KeepWithin < 0:
		return Errorf(KindInvalid, op, "keep_within is below 0").WithHint("write 14d")
	case p.MaxSnapshots < 0:
		return Errorf(KindInvalid, op, "max_snapshots: %d makes no sense", p.MaxSnapshots).WithHint("write a number of snapshots, or leave it out for no maximum")
	}
	if _, err := time.LoadLocation(p.Zone); err != nil {
		return Errorf(KindInvalid, op, "there is no time zone %q", p.Zone).WithHint("write an IANA name such as Europe/Berlin")
	}
	return nil
}
