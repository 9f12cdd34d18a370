package engine

import (
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
	Duration      string // P1M2DT3.5S: months, days and seconds, which cannot be turned into one another
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

// ZonedText gives a moment in RFC 3339 with its zone, `2026-01-31T09:05:00+01:00[Europe/Berlin]`, because Neo4j keeps the
// zone and two zones with the same offset are different values. Places without a region in their name are offsets.
func ZonedText(t time.Time) string {
	text := t.Format(time.RFC3339Nano)
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
		return t, false
	}
	if !named {
		if _, offset := t.Zone(); offset == 0 {
			return t.UTC(), true
		}
		_, offset := t.Zone()
		return t.In(time.FixedZone("Offset", offset)), true
	}
	location, err := time.LoadLocation(strings.TrimSuffix(zone, "]"))
	if err != nil || !strings.HasSuffix(zone, "]") || !strings.Contains(zone, "/") {
		return t, false
	}
	return t.In(location), true
}
