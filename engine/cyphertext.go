package engine

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Values and names as Cypher text, for exports that other programs run. Two things make that delicate. Cypher 5 turns
// \uXXXX into a character before it looks at quotes and back-ticks, so a backslash must never come to stand before a u.
// And programs that split scripts look at line ends, so none stands inside a statement.

// appendCypherText appends a text in single quotes. Kinds: invalid (no UTF-8).
func appendCypherText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return b, Errorf(KindInvalid, "export", "the text %.40q is not UTF-8", s)
	}
	b = append(b, '\'')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			b = append(b, '\\', '\'')
		case c == '\\':
			b = append(b, '\\', '\\')
			if i+1 < len(s) && (s[i+1] == 'u' || s[i+1] == 'U') {
				i++
				b = appendUnicode(b, s[i])
			}
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < ' ' || c == 0x7f:
			b = appendUnicode(b, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '\''), nil
}

func appendUnicode(b []byte, c byte) []byte {
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendCypherName appends a name of a label, type or property in back-ticks. Kinds: invalid.
func appendCypherName(b []byte, s string) ([]byte, error) {
	if err := checkName("label, type or property", s); err != nil {
		return b, err
	}
	if !utf8.ValidString(s) {
		return b, Errorf(KindInvalid, "export", "the name %.40q is not UTF-8", s)
	}
	b = append(b, '`')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '`':
			b = append(b, '`', '`')
		case c == '\\' || c < ' ' || c == 0x7f:
			b = appendUnicode(b, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '`'), nil
}

// appendCypher appends a property value. Kinds: invalid, also for bytes, which Cypher has neither a literal nor a function for.
func appendCypher(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case bool:
		return strconv.AppendBool(b, x), nil
	case int64:
		if x == math.MinInt64 { // its digits alone are too large
			return append(b, "(-9223372036854775807 - 1)"...), nil
		}
		return strconv.AppendInt(b, x, 10), nil
	case int:
		return appendCypher(b, int64(x))
	case float64:
		return appendCypherFloat(b, x), nil
	case string:
		return appendCypherText(b, x)
	case []byte:
		return b, Errorf(KindInvalid, "export", "Cypher cannot say a value of bytes").WithHint("export this snapshot as json")
	case time.Time:
		return appendCypherMoment(b, x)
	case Date:
		return appendCypherCall(b, "date", string(x))
	case LocalTime:
		return appendCypherCall(b, "localtime", string(x))
	case OffsetTime:
		return appendCypherCall(b, "time", string(x))
	case LocalDateTime:
		return appendCypherCall(b, "localdatetime", string(x))
	case Duration:
		return appendCypherDuration(b, x)
	case Point:
		b = strconv.AppendInt(append(b, "point({srid: "...), x.SRID, 10)
		b = appendCypherFloat(append(b, ", x: "...), x.X)
		b = appendCypherFloat(append(b, ", y: "...), x.Y)
		if x.Is3D {
			b = appendCypherFloat(append(b, ", z: "...), x.Z)
		}
		return append(b, "})"...), nil
	}
	if list, ok := elementsOf(v); ok {
		return appendCypherList(b, list)
	}
	return b, Errorf(KindInvalid, "export", "a property value of type %T cannot be written", v)
}

func appendCypherList(b []byte, list []any) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b, err = appendCypher(b, list[i]); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// appendCypherFloat appends a number that Cypher reads as the same float. Not every version knows NaN and Infinity as
// words, all of them divide floats by zero.
func appendCypherFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "(0.0 / 0.0)"...)
	case math.IsInf(f, 1):
		return append(b, "(1.0 / 0.0)"...)
	case math.IsInf(f, -1):
		return append(b, "(-1.0 / 0.0)"...)
	}
	from := len(b)
	b = appendFloat(b, f)
	if plus := slices.Index(b[from:], '+'); plus >= 0 { // 1e+21 is written 1e21
		b = slices.Delete(b, from+plus, from+plus+1)
	}
	return b
}

func appendCypherCall(b []byte, function, text string) ([]byte, error) {
	b, err := appendCypherText(append(append(b, function...), '('), text)
	return append(b, ')'), err
}

// appendCypherMoment appends a moment with its zone. Where the text of its offset has seconds, which Cypher does not read,
// the moment is said in UTC and put into its zone.
func appendCypherMoment(b []byte, t time.Time) ([]byte, error) {
	if err := checkYear(t); err != nil {
		return b, err
	}
	if _, offset := t.Zone(); offset%60 == 0 {
		return appendCypherCall(b, "datetime", ZonedText(t))
	}
	zone := t.Location().String()
	if !strings.Contains(zone, "/") {
		zone = t.Format("Z07:00:00")
	}
	b, err := appendCypherCall(append(b, "datetime({datetime: "...), "datetime", ZonedText(t.UTC()))
	if err != nil {
		return b, err
	}
	b, err = appendCypherText(append(b, ", timezone: "...), zone)
	return append(b, "})"...), err
}

// appendCypherDuration appends a duration by its components, because the signs of its text mean different things to
// different readers.
func appendCypherDuration(b []byte, d Duration) ([]byte, error) {
	months, days, seconds, nanos, ok := d.Parts()
	if !ok {
		return b, Errorf(KindInvalid, "export", "the duration %.60q cannot be read", string(d))
	}
	b = append(b, "duration({"...)
	for i, part := range [...]struct {
		name  string
		value int64
	}{{"months", months}, {"days", days}, {"seconds", seconds}, {"nanoseconds", nanos}} {
		if i > 0 {
			b = append(b, ", "...)
		}
		b, _ = appendCypher(append(append(b, part.name...), ": "...), part.value) // integers can be said
	}
	return append(b, "})"...), nil
}

// appendCypherMap appends properties by name.
func appendCypherMap(b []byte, p Properties) ([]byte, error) {
	var err error
	b = append(b, '{')
	first := true
	for _, name := range sortedNames(p) {
		if p[name] == nil {
			continue
		}
		if !first {
			b = append(b, ", "...)
		}
		first = false
		if b, err = appendCypherName(b, name); err == nil {
			b, err = appendCypher(append(b, ": "...), p[name])
		}
		if err != nil {
			return b, inProperty(name, err)
		}
	}
	return append(b, '}'), nil
}
