package neo4jdb

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/engine"
)

// The layouts of the driver's temporal types in the texts of the engine's.
const (
	dateLayout     = "2006-01-02"
	timeLayout     = "15:04:05.999999999"
	offsetLayout   = "15:04:05.999999999Z07:00"
	dateTimeLayout = "2006-01-02T15:04:05.999999999"
)

// fromDriver gives a value that the driver delivered in the engine's types.
func fromDriver(v any) any {
	switch x := v.(type) {
	case neo4j.Date:
		return engine.Date(x.Time().Format(dateLayout))
	case neo4j.LocalTime:
		return engine.LocalTime(x.Time().Format(timeLayout))
	case neo4j.OffsetTime:
		return engine.OffsetTime(x.Time().Format(offsetLayout))
	case neo4j.LocalDateTime:
		return engine.LocalDateTime(x.Time().Format(dateTimeLayout))
	case neo4j.Duration:
		return engine.Duration(x.String())
	case neo4j.Point2D:
		return engine.Point{SRID: int64(x.SpatialRefId), X: x.X, Y: x.Y}
	case neo4j.Point3D:
		return engine.Point{SRID: int64(x.SpatialRefId), X: x.X, Y: x.Y, Z: x.Z, Is3D: true}
	case time.Time:
		return normalZone(x)
	case []any:
		for i := range x {
			x[i] = fromDriver(x[i])
		}
	}
	return v
}

// normalZone gives a moment in the zone that its text has, so that it equals what is read from an export.
func normalZone(t time.Time) time.Time {
	if strings.Contains(t.Location().String(), "/") {
		return t
	}
	_, offset := t.Zone()
	if offset == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("Offset", offset))
}

// toDriver gives a value of the engine's types as the driver takes it. Kinds: invalid.
func toDriver(v any) (any, error) {
	at := func(layout, text string) (time.Time, error) {
		t, err := time.Parse(layout, text)
		if err != nil {
			return t, engine.Errorf(engine.KindInvalid, "store", "%q cannot be stored", text).WithCause(err)
		}
		return t, nil
	}
	switch x := v.(type) {
	case engine.Date:
		t, err := at(dateLayout, string(x))
		return neo4j.DateOf(t), err
	case engine.LocalTime:
		t, err := at(timeLayout, string(x))
		return neo4j.LocalTimeOf(t), err
	case engine.OffsetTime:
		t, err := at(offsetLayout, string(x))
		return neo4j.OffsetTimeOf(t), err
	case engine.LocalDateTime:
		t, err := at(dateTimeLayout, string(x))
		return neo4j.LocalDateTimeOf(t), err
	case engine.Duration:
		return parseDuration(string(x))
	case engine.Point:
		if x.Is3D {
			return neo4j.Point3D{X: x.X, Y: x.Y, Z: x.Z, SpatialRefId: uint32(x.SRID)}, nil
		}
		return neo4j.Point2D{X: x.X, Y: x.Y, SpatialRefId: uint32(x.SRID)}, nil
	case []any:
		out := make([]any, len(x))
		for i := range x {
			var err error
			if out[i], err = toDriver(x[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// parseDuration reads the form that the driver writes, P1M2DT-3.000000001S.
func parseDuration(text string) (neo4j.Duration, error) {
	fail := func() (neo4j.Duration, error) {
		return neo4j.Duration{}, engine.Errorf(engine.KindInvalid, "store", "duration %q cannot be stored", text).WithHint("write P1M2DT3.5S: months, days and seconds")
	}
	var d neo4j.Duration
	var seconds string
	rest, ok := strings.CutSuffix(text, "S")
	if n, err := fmt.Sscanf(rest, "P%dM%dDT%s", &d.Months, &d.Days, &seconds); err != nil || n != 3 || !ok {
		return fail()
	}
	whole, fraction, _ := strings.Cut(seconds, ".")
	var err error
	if d.Seconds, err = strconv.ParseInt(whole, 10, 64); err != nil || len(fraction) > 9 {
		return fail()
	}
	if fraction != "" {
		nanos, err := strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 32)
		if err != nil {
			return fail()
		}
		d.Nanos = int(nanos)
	}
	if strings.HasPrefix(whole, "-") && d.Nanos > 0 {
		d.Seconds--
		d.Nanos = int(time.Second) - d.Nanos
	}
	return d, nil
}
