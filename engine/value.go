package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The property values that Neo4j stores and Go has no type for. Their text is ISO 8601 and exact, so it is what digests,
// documents and comparisons see. Databases translate them at their border.
type (
	Date          string // 2026-01-31
	LocalTime     string // 09:05:00.000000001
	OffsetTime    string // 09:05:00+01:00
	LocalDateTime string // 2026-01-31T09:05:00
	Duration      string // P1M2DT3.500000000S: months, days and seconds, which cannot be turned into one another
)

// Point is a place; SRID names its coordinate system, and Z is used by the three-dimensional ones only.
type Point struct {
	SRID    int64
	X, Y, Z float64
	Is3D    bool
}

// String gives a point exactly, `7203 1.5 2`.
func (p Point) String() string {
	parts := []string{strconv.FormatInt(p.SRID, 10), exact(p.X), exact(p.Y)}
	if p.Is3D {
		parts = append(parts, exact(p.Z))
	}
	return strings.Join(parts, " ")
}

// parsePoint reads what String wrote.
func parsePoint(s string) (Point, bool) {
	parts := strings.Split(s, " ")
	if len(parts) != 3 && len(parts) != 4 {
		return Point{}, false
	}
	srid, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return Point{}, false
	}
	var at [3]float64
	for i, part := range parts[1:] {
		if at[i], err = strconv.ParseFloat(part, 64); err != nil {
			return Point{}, false
		}
	}
	return Point{SRID: srid, X: at[0], Y: at[1], Z: at[2], Is3D: len(parts) == 4}, true
}

// exact gives the shortest text that reads back as the same number.
func exact(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// The layouts of the temporal texts. Offsets with seconds occur before time zones were standardised.
const (
	dateLayout          = "2006-01-02"
	localTimeLayout     = "15:04:05.999999999"
	offsetTimeLayout    = "15:04:05.999999999Z07:00"
	localDateTimeLayout = "2006-01-02T15:04:05.999999999"
	zonedSecondsLayout  = "2006-01-02T15:04:05.999999999Z07:00:00"
)

// ZonedText gives a moment in RFC 3339 with its zone, `2026-01-31T09:05:00+01:00[Europe/Berlin]`, because Neo4j keeps the
// zone and two zones with the same offset are different values. Places without a region in their name are offsets.
func ZonedText(t time.Time) string {
	layout := time.RFC3339Nano
	if _, offset := t.Zone(); offset%60 != 0 {
		layout = zonedSecondsLayout
	}
	text := t.Format(layout)
	if zone := t.Location().String(); strings.Contains(zone, "/") {
		text += "[" + zone + "]"
	}
	return text
}

// parseZoned reads what ZonedText wrote.
func parseZoned(s string) (time.Time, bool) {
	at, zone, named := strings.Cut(s, "[")
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		t, err = time.Parse(zonedSecondsLayout, at)
	}
	if err != nil {
		return t, false
	}
	if !named {
		_, offset := t.Zone()
		if offset == 0 {
			return t.UTC(), true
		}
		return t.In(time.FixedZone("Offset", offset)), true
	}
	location, err := time.LoadLocation(strings.TrimSuffix(zone, "]"))
	if err != nil || !strings.HasSuffix(zone, "]") || !strings.Contains(zone, "/") {
		return t, false
	}
	return t.In(location), true
}

// parsed reads a temporal text.
func parsed(layout, s string) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	return t, err == nil
}

// hasRealOffset reports whether the offset of a moment is one that Neo4j takes, at most 18 hours.
func hasRealOffset(t time.Time) bool {
	_, offset := t.Zone()
	return offset >= -18*3600 && offset <= 18*3600
}

// canonicalDuration gives a duration in the one form that digests see, P1M2DT3.500000000S: months, days and seconds, each
// with its own sign, and nine digits of a second or none.
func canonicalDuration(s string) (Duration, bool) {
	months, days, seconds, nanos, ok := Duration(s).Parts()
	// Neo4j takes what fits into 64 bits as seconds, with months of their mean length.
	if !ok || math.Abs(float64(months))*2_629_746+math.Abs(float64(days))*86_400+math.Abs(float64(seconds)) > 9.2e18 {
		return "", false
	}
	sign := ""
	if seconds < 0 && nanos > 0 {
		seconds, nanos = seconds+1, 1_000_000_000-nanos
		if seconds == 0 {
			sign = "-"
		}
	}
	text := fmt.Sprintf("P%dM%dDT%s%d", months, days, sign, seconds)
	if nanos > 0 {
		text += fmt.Sprintf(".%09d", nanos)
	}
	return Duration(text + "S"), true
}

// Parts gives the components of a duration; nanos is never below 0, so half a second before is -1 and 500,000,000.
func (d Duration) Parts() (months, days, seconds, nanos int64, ok bool) {
	rest, hasP := strings.CutPrefix(string(d), "P")
	m, rest, hasM := strings.Cut(rest, "M")
	day, rest, hasD := strings.Cut(rest, "DT")
	s, rest, hasS := strings.Cut(rest, "S")
	if !hasP || !hasM || !hasD || !hasS || rest != "" {
		return 0, 0, 0, 0, false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	var errs [4]error
	months, errs[0] = strconv.ParseInt(m, 10, 64)
	days, errs[1] = strconv.ParseInt(day, 10, 64)
	seconds, errs[2] = strconv.ParseInt(whole, 10, 64)
	if fraction != "" && len(fraction) <= 9 {
		var n uint64
		n, errs[3] = strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 32)
		nanos = int64(n)
	}
	for _, err := range errs {
		if err != nil {
			return 0, 0, 0, 0, false
		}
	}
	if len(fraction) > 9 {
		return 0, 0, 0, 0, false
	}
	if strings.HasPrefix(whole, "-") && nanos > 0 {
		if seconds == math.MinInt64 {
			return 0, 0, 0, 0, false
		}
		seconds, nanos = seconds-1, 1_000_000_000-nanos
	}
	return months, days, seconds, nanos, true
}

// elementsOf gives the values of a list of any type that properties may have; ok is false where v is no list.
func elementsOf(v any) (list []any, ok bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case []string:
		return anyOf(x), true
	case []float64:
		return anyOf(x), true
	case []int64:
		return anyOf(x), true
	case []bool:
		return anyOf(x), true
	}
	return nil, false
}

func anyOf[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}
