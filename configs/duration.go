package configs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span written as 90s, 5m, 12h, 30d, 2w or 1y; a year has 365 days.
type Duration time.Duration

// Permanent is the Age of what never goes.
const Permanent Age = math.MaxInt64

// Age is how long a snapshot is kept: a Duration, or Permanent. 0 means that nothing was said.
type Age Duration

const (
	day  = 24 * time.Hour
	week = 7 * day
	year = 365 * day
)

// String gives the shortest form.
func (d Duration) String() string {
	span := time.Duration(d)
	switch {
	case span > 0 && span%year == 0:
		return fmt.Sprintf("%dy", span/year)
	case span > 0 && span%day == 0:
		return fmt.Sprintf("%dd", span/day)
	}
	text := span.String()
	// Go writes 10m as 10m0s.
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// MarshalYAML gives the readable form.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// MarshalText gives the readable form, for JSON.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Duration) fromText(text string) error {
	span, err := parseDuration(text)
	*d = Duration(span)
	return err
}

// String gives the shortest form.
func (a Age) String() string {
	switch a {
	case 0:
		return ""
	case Permanent:
		return "permanent"
	}
	return Duration(a).String()
}

// MarshalYAML gives the readable form.
func (a Age) MarshalYAML() (any, error) { return a.String(), nil }

// MarshalText gives the readable form, for JSON.
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a *Age) fromText(text string) error {
	if text == "permanent" {
		*a = Permanent
		return nil
	}
	if text == "" {
		*a = 0
		return nil
	}
	span, err := parseDuration(text)
	if err != nil {
		if near := nearest(text, []string{"permanent"}); near != "" {
			return fmt.Errorf("%q is no time span; did you mean %q?", text, near)
		}
		return fmt.Errorf("%q is no time span; write 90d, 1y or permanent", text)
	}
	if span == 0 {
		return fmt.Errorf("%q would remove snapshots at once; leave the key out to keep them, or write 90d, 1y or permanent", text)
	}
	*a = Age(span)
	return nil
}

// parseDuration adds days, weeks and years to what Go knows.
func parseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-") {
		return 0, fmt.Errorf("the time span %q is negative; write 90s, 5m, 12h or 30d", text)
	}
	for _, u := range []struct {
		unit   string
		length time.Duration
	}{{"d", day}, {"w", week}, {"y", year}} {
		n, ok := strings.CutSuffix(text, u.unit)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(n, 64)
		if err == nil && v >= 0 && v*float64(u.length) <= 200*float64(year) {
			return time.Duration(v * float64(u.length)), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err == nil && d >= 0 {
		return d, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("the time span %q has no unit; write %ss, %sm, %sh or %sd", text, text, text, text, text)
	}
	return 0, fmt.Errorf("%q is no time span; write 90s, 5m, 12h or 30d", text)
}
