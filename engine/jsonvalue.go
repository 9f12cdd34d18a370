package engine

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The JSON form of property values, the same in documents, exports and answers of the API. Truth values, texts and lists
// are what they are in JSON. Integers are written without a point and floats always with a point or an exponent, because
// 1 and 1.0 are different values. What JSON has no form for is an object of two members, {"$type":"date","value":
// "2026-01-31"}; Neo4j has no properties that are objects, so nothing else can look like that. The types and their texts:
//
//	bytes           base64                     time            09:05:00+01:00
//	float           NaN, Infinity, -Infinity   local_datetime  2026-01-31T09:05:00
//	date            2026-01-31                 datetime        2026-01-31T09:05:00+01:00[Europe/Berlin]
//	local_time      09:05:00.5                 duration        P1M2DT3.500000000S: months, days, seconds
//	                                           point           SRID and coordinates, 7203 1.5 2
const (
	jsonBytes         = "bytes"
	jsonFloat         = "float"
	jsonDate          = "date"
	jsonLocalTime     = "local_time"
	jsonTime          = "time"
	jsonLocalDateTime = "local_datetime"
	jsonDateTime      = "datetime"
	jsonDuration      = "duration"
	jsonPoint         = "point"
)

const hexDigits = "0123456789abcdef"

// plainASCII tells the bytes that stand for themselves in a JSON text.
var plainASCII = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// appendJSONText appends a text in quotes. Kinds: invalid (it is no UTF-8, so no other program would read the same).
func appendJSONText(b []byte, s string) ([]byte, error) {
	b = append(b, '"')
	from, wide := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plainASCII[c] {
			continue
		}
		if c >= utf8.RuneSelf {
			wide = true
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	if wide && !utf8.ValidString(s) {
		return b, Errorf(KindInvalid, "export", "the text %.40q is not UTF-8", s)
	}
	return append(append(b, s[from:]...), '"'), nil
}

func appendTyped(b []byte, kind, text string) []byte {
	b = append(append(append(b, `{"$type":"`...), kind...), `","value":"`...)
	return append(append(b, text...), `"}`...)
}

// appendFloat appends a number that cannot be taken for an integer.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return appendTyped(b, jsonFloat, "NaN")
	case math.IsInf(f, 1):
		return appendTyped(b, jsonFloat, "Infinity")
	case math.IsInf(f, -1):
		return appendTyped(b, jsonFloat, "-Infinity")
	}
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	from := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	if !slices.Contains(b[from:], '.') {
		b = append(b, '.', '0')
	}
	return b
}

// AppendJSON appends a property value in the form above. Kinds: invalid (a type that Neo4j does not store, or a text that
// is no UTF-8).
func AppendJSON(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, x), nil
	case int64:
		return strconv.AppendInt(b, x, 10), nil
	case int:
		return strconv.AppendInt(b, int64(x), 10), nil
	case float64:
		return appendFloat(b, x), nil
	case string:
		return appendJSONText(b, x)
	case []byte:
		b = append(append(append(b, `{"$type":"`...), jsonBytes...), `","value":"`...)
		return append(base64.StdEncoding.AppendEncode(b, x), `"}`...), nil
	case time.Time:
		if err := checkYear(x); err != nil {
			return b, err
		}
		return appendTyped(b, jsonDateTime, ZonedText(x)), nil
	case Date:
		return appendTyped(b, jsonDate, string(x)), nil
	case LocalTime:
		return appendTyped(b, jsonLocalTime, string(x)), nil
	case OffsetTime:
		return appendTyped(b, jsonTime, string(x)), nil
	case LocalDateTime:
		return appendTyped(b, jsonLocalDateTime, string(x)), nil
	case Duration:
		return appendTyped(b, jsonDuration, string(x)), nil
	case Point:
		return appendTyped(b, jsonPoint, x.String()), nil
	}
	if list, ok := elementsOf(v); ok {
		return appendJSONList(b, list)
	}
	return b, Errorf(KindInvalid, "export", "a property value of type %T cannot be written", v)
}

func appendJSONList[T any](b []byte, list []T) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = AppendJSON(b, list[i]); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// checkYear refuses what the texts of moments have no room for.
func checkYear(t time.Time) error {
	if y := t.Year(); y < 0 || y > 9999 {
		return Errorf(KindInvalid, "export", "a moment in the year %d has no text form", y)
	}
	return nil
}

// appendJSONProperties appends properties by name, so that the same snapshot always gives the same bytes.
func appendJSONProperties(b []byte, p Properties) ([]byte, error) {
	var room [24]string
	names := room[:0]
	for name, v := range p {
		if v != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b = append(b, '{')
	var err error
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSONText(b, name); err == nil {
			b, err = AppendJSON(append(b, ':'), p[name])
		}
		if err != nil {
			return b, inProperty(name, err)
		}
	}
	return append(b, '}'), nil
}

// AppendJSONNode appends a node as documents have it. Kinds: invalid.
func AppendJSONNode(b []byte, n Node) ([]byte, error) {
	var err error
	for _, part := range [...]struct{ lead, text string }{{`{"id":`, n.Key}, {`,"type":`, n.Type()}} {
		if b, err = appendJSONText(append(b, part.lead...), part.text); err != nil {
			return b, inElement("node", n.Key, err)
		}
	}
	if b, err = appendJSONList(append(b, `,"labels":`...), n.Labels); err == nil {
		b, err = appendJSONProperties(append(b, `,"properties":`...), n.Properties)
	}
	if err != nil {
		return b, inElement("node", n.Key, err)
	}
	return append(b, '}'), nil
}

// AppendJSONRelationship appends a relationship as documents have it. Kinds: invalid.
func AppendJSONRelationship(b []byte, r Relationship) ([]byte, error) {
	var err error
	for _, part := range [...]struct{ lead, text string }{{`{"id":`, r.Key}, {`,"source":`, r.From}, {`,"target":`, r.To}, {`,"type":`, r.Type}} {
		if b, err = appendJSONText(append(b, part.lead...), part.text); err != nil {
			return b, inElement("relationship", r.Key, err)
		}
	}
	if b, err = appendJSONProperties(append(b, `,"properties":`...), r.Properties); err != nil {
		return b, inElement("relationship", r.Key, err)
	}
	return append(b, '}'), nil
}

// inElement says which element an error is about.
func inElement(kind, key string, err error) error {
	return Errorf(KindOf(err), kind, "%.200q", key).WithCause(err)
}

func inProperty(name string, err error) error {
	return Errorf(KindOf(err), "property", "%.200q", name).WithCause(err)
}

// typedValue gives the value of a typed object in the one form that digests see. Kinds: invalid.
func typedValue(kind, text string) (any, error) {
	var v any
	ok := false
	switch kind {
	case jsonBytes:
		raw, err := base64.StdEncoding.DecodeString(text)
		v, ok = raw, err == nil
	case jsonFloat:
		switch text {
		case "NaN":
			return math.NaN(), nil
		case "Infinity":
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		}
	case jsonDate:
		var t time.Time
		t, ok = parsed(dateLayout, text)
		v = Date(t.Format(dateLayout))
	case jsonLocalTime:
		var t time.Time
		t, ok = parsed(localTimeLayout, text)
		v = LocalTime(t.Format(localTimeLayout))
	case jsonTime:
		var t time.Time
		t, ok = parsed(offsetTimeLayout, text)
		v, ok = OffsetTime(t.Format(offsetTimeLayout)), ok && hasRealOffset(t)
	case jsonLocalDateTime:
		var t time.Time
		t, ok = parsed(localDateTimeLayout, text)
		v = LocalDateTime(t.Format(localDateTimeLayout))
	case jsonDateTime:
		var t time.Time
		t, ok = parseZoned(text)
		v, ok = t, ok && hasRealOffset(t) && checkYear(t) == nil
	case jsonDuration:
		v, ok = canonicalDuration(text)
	case jsonPoint:
		var p Point
		p, ok = parsePoint(text)
		v, ok = p, ok && p.storable()
	default:
		return nil, Errorf(KindInvalid, "value", "there is no type %.40q", kind).WithHint("types are bytes, float, date, local_time, time, local_datetime, datetime, duration and point")
	}
	if !ok {
		return nil, Errorf(KindInvalid, "value", "%.60q is no %s", text, kind)
	}
	return v, nil
}

// storable reports whether Neo4j keeps a point as it is: it knows four coordinate systems, and turns what lies off the
// globe into something else or refuses it.
func (p Point) storable() bool {
	for _, c := range [...]float64{p.X, p.Y, p.Z} {
		if math.IsNaN(c) || math.IsInf(c, 0) {
			return false
		}
	}
	onGlobe := math.Abs(p.X) <= 180 && math.Abs(p.Y) <= 90
	switch p.SRID {
	case 4326:
		return !p.Is3D && onGlobe
	case 4979:
		return p.Is3D && onGlobe
	case 7203:
		return !p.Is3D
	case 9157:
		return p.Is3D
	}
	return false
}

// storableList reports whether Neo4j stores a list as it is: of values of one kind, none of them a list, bytes or null.
// Integers beside floats would become floats and so another content.
func storableList(list []any) bool {
	var first string
	for i, v := range list {
		kind, err := csvType(v)
		if err != nil || strings.HasSuffix(kind, "[]") || i > 0 && kind != first {
			return false
		}
		first = kind
	}
	return true
}
