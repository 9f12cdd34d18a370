package engine

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The CSV form. nodes.csv and relationships.csv have the headers of neo4j-admin database import, which apoc.import.csv
// reads as well: a column is called name:type, lists are joined by semicolons, and an empty cell is a missing value while
// "" is an empty text. Texts always stand in quotes. A text, key, label or type that a spreadsheet would take for a
// formula, because it begins with = + - @, a tab or a carriage return, gets an apostrophe in front, and so does one that
// begins with an apostrophe; import takes one off. Other programs see the apostrophe.

// csvTable is what one file holds: its columns with their types, found in a first pass over the graph, and its size.
type csvTable struct {
	fixed   []string          // header cells in front of the properties
	types   map[string]string // type by stored name
	seen    map[string]string // a key that has the column, for messages
	columns []string          // stored names in order, once planned
	size    int64             // bytes of the cells so far, without what separates them
	rows    int64
}

func newCSVTable(fixed ...string) *csvTable {
	return &csvTable{fixed: fixed, types: map[string]string{}, seen: map[string]string{}}
}

// add measures a row. Kinds: invalid (a value that the format cannot carry).
func (t *csvTable) add(scratch []byte, key string, p Properties, cells ...string) ([]byte, error) {
	var err error
	b := scratch[:0]
	for _, c := range cells {
		if b, err = appendCSVText(b, c); err != nil {
			return b, err
		}
	}
	for name, v := range p {
		if v == nil {
			continue
		}
		kind, err := csvType(v)
		if err != nil {
			return b, inProperty(name, err)
		}
		stored := OwnProperty(name)
		if before, known := t.types[stored]; !known {
			t.types[stored], t.seen[stored] = kind, key
		} else if before != kind {
			return b, Errorf(KindInvalid, "export", "the property %.100q is a %s here and a %s at %.100q; a column of CSV has one type", name, kind, before, t.seen[stored]).
				WithHint("export this snapshot as json")
		}
		if b, err = appendCSVValue(b, v); err != nil {
			return b, inProperty(name, err)
		}
	}
	t.size += int64(len(b))
	t.rows++
	return b, nil
}

// plan fixes the columns and gives the header line and the size of the whole file.
func (t *csvTable) plan() (header []byte, size int64, err error) {
	t.columns = sortedNames(t.types)
	for i, cell := range t.fixed {
		if i > 0 {
			header = append(header, ',')
		}
		header = append(header, cell...)
	}
	for _, name := range t.columns {
		if header, err = appendCSVText(append(header, ','), name+":"+t.types[name]); err != nil {
			return nil, 0, err
		}
	}
	header = append(header, '\n')
	perRow := int64(len(t.fixed) + len(t.columns)) // separators and the line's end
	return header, int64(len(header)) + t.size + t.rows*perRow, nil
}

// row appends a row in the order of the columns.
func (t *csvTable) row(b []byte, p Properties, cells ...string) ([]byte, error) {
	var err error
	for i, c := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendCSVText(b, c); err != nil {
			return b, err
		}
	}
	for _, column := range t.columns {
		b = append(b, ',')
		name, _ := UserProperty(column)
		if v := p[name]; v != nil {
			if b, err = appendCSVValue(b, v); err != nil {
				return b, err
			}
		}
	}
	return append(b, '\n'), nil
}

// risky reports whether a cell needs an apostrophe in front.
func risky(s string) bool {
	return s != "" && strings.IndexByte("=+-@\t\r'", s[0]) >= 0
}

// appendCSVText appends a text in quotes. Kinds: invalid (no UTF-8).
func appendCSVText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return b, Errorf(KindInvalid, "export", "the text %.40q is not UTF-8", s)
	}
	b = append(b, '"')
	if risky(s) {
		b = append(b, '\'')
	}
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return append(append(b, s...), '"'), nil
		}
		b = append(append(b, s[:i]...), '"', '"')
		s = s[i+1:]
	}
}

// csvType gives the column type of a value.
func csvType(v any) (string, error) {
	switch x := v.(type) {
	case bool:
		return "boolean", nil
	case int64, int:
		return "long", nil
	case float64:
		return "double", nil
	case string:
		return "string", nil
	case []byte:
		if len(x) == 0 {
			return "", unsayable("no bytes at all")
		}
		return "byte[]", nil
	case time.Time:
		return "datetime", nil
	case Date:
		return "date", nil
	case LocalTime:
		return "localtime", nil
	case OffsetTime:
		return "time", nil
	case LocalDateTime:
		return "localdatetime", nil
	case Duration:
		return "duration", nil
	case Point:
		return "point", nil
	}
	if list, ok := elementsOf(v); ok {
		return csvListType(list)
	}
	return "", Errorf(KindInvalid, "export", "a property value of type %T cannot be written", v)
}

func unsayable(what string) error {
	return Errorf(KindInvalid, "export", "CSV cannot carry %s", what).WithHint("export this snapshot as json")
}

func csvListType(list []any) (string, error) {
	if len(list) == 0 {
		return "", unsayable("an empty list")
	}
	var of string
	for i := range list {
		kind, err := csvType(list[i])
		if err != nil {
			return "", err
		}
		if i > 0 && kind != of || strings.HasSuffix(kind, "[]") {
			return "", unsayable("a list of values of several types")
		}
		if s, isText := list[i].(string); isText && strings.Contains(s, ";") {
			return "", unsayable("a list of texts with semicolons, which separate the values of a list")
		}
		of = kind
	}
	return of + "[]", nil
}

// appendCSVValue appends a value whose type csvType has let through.
func appendCSVValue(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case string:
		return appendCSVText(b, x)
	case []byte:
		for i, c := range x {
			if i > 0 {
				b = append(b, ';')
			}
			b = strconv.AppendInt(b, int64(int8(c)), 10)
		}
		return b, nil
	case Point:
		return append(append(append(b, '"'), csvPoint(x)...), '"'), nil
	}
	if list, ok := elementsOf(v); ok {
		return appendCSVList(b, list)
	}
	return appendCSVPlain(b, v)
}

func appendCSVList(b []byte, list []any) ([]byte, error) {
	if _, texts := list[0].(string); texts {
		joined := make([]string, len(list))
		for i := range list {
			joined[i], _ = list[i].(string)
		}
		return appendCSVText(b, strings.Join(joined, ";"))
	}
	b = append(b, '"')
	var err error
	for i := range list {
		if i > 0 {
			b = append(b, ';')
		}
		if p, isPoint := list[i].(Point); isPoint {
			b = append(b, csvPoint(p)...)
		} else if b, err = appendCSVPlain(b, list[i]); err != nil {
			return b, err
		}
	}
	return append(b, '"'), nil
}

// appendCSVPlain appends what needs no quotes.
func appendCSVPlain(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case bool:
		return strconv.AppendBool(b, x), nil
	case int64:
		return strconv.AppendInt(b, x, 10), nil
	case int:
		return strconv.AppendInt(b, int64(x), 10), nil
	case float64:
		return append(b, csvFloat(x)...), nil
	case time.Time:
		return append(b, ZonedText(x)...), checkYear(x)
	case Date:
		return append(b, x...), nil
	case LocalTime:
		return append(b, x...), nil
	case OffsetTime:
		return append(b, x...), nil
	case LocalDateTime:
		return append(b, x...), nil
	case Duration:
		return append(b, x...), nil
	}
	return b, Errorf(KindInvalid, "export", "a property value of type %T cannot be written", v)
}

func csvFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return exact(f)
}

func csvPoint(p Point) string {
	text := "{srid:" + strconv.FormatInt(p.SRID, 10) + ",x:" + csvFloat(p.X) + ",y:" + csvFloat(p.Y)
	if p.Is3D {
		text += ",z:" + csvFloat(p.Z)
	}
	return text + "}"
}
