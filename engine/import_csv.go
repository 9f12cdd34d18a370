package engine

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// csv reads the three files of a CSV export.
func (t *intake) csv(ctx context.Context, files *tarFiles) error {
	if err := t.document(ctx, files, false); err != nil {
		return err
	}
	for _, file := range []struct {
		name  string
		fixed []string
		take  func(cells []string, p Properties, at int64) error
	}{
		{csvNodes, []string{":ID", ":LABEL"}, func(cells []string, p Properties, at int64) error {
			n := Node{Key: cells[0], Properties: p}
			if cells[1] != "" {
				n.Labels = strings.Split(cells[1], ";")
			}
			return t.node(ctx, n, at)
		}},
		{csvRelationships, []string{":START_ID", ":END_ID", ":TYPE", "rk:string"}, func(cells []string, p Properties, at int64) error {
			r := Relationship{From: cells[0], To: cells[1], Type: cells[2], Key: cells[3], Properties: p}
			return t.relationship(ctx, r, at)
		}},
	} {
		name, err := files.next()
		if err == io.EOF || err == nil && name != file.name {
			err = Errorf(KindInvalid, "import", "%s is missing, or does not stand where it should", file.name).
				WithHint("a CSV export holds %s, %s and %s in this order", csvMetadata, csvNodes, csvRelationships)
		}
		if err != nil {
			return err
		}
		if err := readCSV(files, file.name, file.fixed, t.flushed, file.take); err != nil {
			return err
		}
	}
	if name, err := files.next(); err != io.EOF {
		if err == nil {
			err = Errorf(KindInvalid, "import", "%.100q is no part of a CSV export", name)
		}
		return err
	}
	return nil
}

// readCSV reads a file row by row: the fixed cells in the order of fixed, and the properties.
func readCSV(in io.Reader, file string, fixed []string, from int64, take func(cells []string, p Properties, at int64) error) error {
	r := &csvReader{in: bufio.NewReaderSize(in, 64<<10), file: file, line: 1}
	header, err := r.row()
	if err != nil {
		return err
	}
	place := make([]int, len(header)) // index into fixed, or -1
	names, types := make([]string, len(header)), make([]string, len(header))
	seen := map[string]bool{}
	for i, cell := range header {
		text := unrisky(cell.text)
		colon := strings.LastIndexByte(text, ':')
		if colon < 0 {
			return r.wrong("the column %.60q has no type", text)
		}
		names[i], types[i], place[i] = text[:colon], text[colon+1:], -1
		for k, f := range fixed {
			if text == f || f[0] == ':' && ":"+types[i] == f {
				place[i], names[i] = k, f
			}
		}
		if place[i] < 0 {
			name, ok := UserProperty(names[i])
			if !ok {
				return r.wrong("the column %.60q is named like one of Graphsnap's own", text)
			}
			names[i] = name
		}
		if seen[names[i]] {
			return r.wrong("the column %.60q is there twice", names[i])
		}
		seen[names[i]] = true
	}
	for _, f := range fixed {
		if !seen[f] {
			return r.wrong("the column %s is missing", f)
		}
	}
	for {
		row, err := r.row()
		if err != nil {
			return err
		}
		if row == nil {
			return nil
		}
		if len(row) != len(header) {
			return r.wrong("the row has %d cells and the header %d", len(row), len(header))
		}
		cells, p := make([]string, len(fixed)), Properties{}
		for i, cell := range row {
			if place[i] >= 0 {
				cells[place[i]] = unrisky(cell.text)
				continue
			}
			v, err := csvValue(types[i], cell)
			if err != nil {
				return r.wrong("column %.60q: %v", names[i], err)
			}
			if v != nil {
				p[names[i]] = v
			}
		}
		if err := take(cells, p, from+r.read); err != nil {
			return err
		}
	}
}

// unrisky takes off the apostrophe that appendCSVText puts in front.
func unrisky(s string) string { return strings.TrimPrefix(s, "'") }

// csvValue gives the value of a cell; nil for none.
func csvValue(kind string, cell csvCell) (any, error) {
	if cell.text == "" && !cell.quoted {
		return nil, nil
	}
	of, isList := strings.CutSuffix(kind, "[]")
	switch {
	case !isList:
		return csvSingle(kind, cell.text)
	case of == "byte":
		parts := strings.Split(cell.text, ";")
		raw := make([]byte, len(parts))
		for i, part := range parts {
			n, err := strconv.ParseInt(part, 10, 8)
			if err != nil {
				return nil, Errorf(KindInvalid, "csv", "%.20q is no byte from -128 to 127", part)
			}
			raw[i] = byte(n)
		}
		return raw, nil
	}
	text := cell.text
	if of == "string" {
		text = unrisky(text)
	}
	parts := strings.Split(text, ";")
	if len(parts) > maxList {
		return nil, Errorf(KindExhausted, "csv", "a list has more than %d values", maxList)
	}
	list := make([]any, len(parts))
	for i, part := range parts {
		if of == "string" {
			list[i] = part
			continue
		}
		var err error
		if list[i], err = csvSingle(of, part); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func csvSingle(kind, text string) (any, error) {
	broken := func() error { return Errorf(KindInvalid, "csv", "%.60q is no %s", text, kind) }
	switch kind {
	case "string":
		return unrisky(text), nil
	case "boolean":
		if text != "true" && text != "false" {
			return nil, broken()
		}
		return text == "true", nil
	case "long":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, broken()
		}
		return n, nil
	case "double":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, broken()
		}
		return f, nil
	case "date":
		return typedValue(jsonDate, text)
	case "localtime":
		return typedValue(jsonLocalTime, text)
	case "time":
		return typedValue(jsonTime, text)
	case "localdatetime":
		return typedValue(jsonLocalDateTime, text)
	case "datetime":
		return typedValue(jsonDateTime, text)
	case "duration":
		return typedValue(jsonDuration, text)
	case "point":
		return parseCSVPoint(text)
	}
	return nil, Errorf(KindInvalid, "csv", "there is no type %.40q", kind).
		WithHint("types are string, boolean, long, double, byte[], date, localtime, time, localdatetime, datetime, duration, point, and lists of them such as long[]")
}

// parseCSVPoint reads {srid:7203,x:1.5,y:2}.
func parseCSVPoint(text string) (any, error) {
	inner, ok := strings.CutPrefix(text, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	coordinates := make([]string, 0, 4)
	for i, part := range strings.Split(inner, ",") {
		name, number, found := strings.Cut(part, ":")
		ok = ok && found && i < 4 && name == [...]string{"srid", "x", "y", "z"}[i]
		coordinates = append(coordinates, number)
	}
	if !ok || !closed {
		return nil, Errorf(KindInvalid, "csv", "%.60q is no point", text)
	}
	return typedValue(jsonPoint, strings.Join(coordinates, " "))
}

// csvReader reads rows strictly, and tells quoted cells from bare ones, as neo4j-admin does.
type csvReader struct {
	in   *bufio.Reader
	file string
	line int   // of the row that was read last
	ends int   // line ends behind it: none in front of the first row, else one
	read int64 // bytes
}

type csvCell struct {
	text   string
	quoted bool
}

func (r *csvReader) wrong(format string, args ...any) error {
	e := Errorf(KindInvalid, "csv", format, args...)
	e.Message = r.file + ", line " + strconv.Itoa(r.line) + ": " + e.Message
	return e.WithHint("the file is damaged or was changed; export it again")
}

// next gives the next byte; end is true behind the last one.
func (r *csvReader) next() (c byte, end bool, err error) {
	c, err = r.in.ReadByte()
	if err == io.EOF {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, damaged(err)
	}
	r.read++
	return c, false, nil
}

// row gives the next row, or nil behind the last one.
func (r *csvReader) row() ([]csvCell, error) {
	r.line += r.ends
	r.ends = 1
	c, end, err := r.next()
	if end || err != nil {
		return nil, err
	}
	var row []csvCell
	start := r.read
	for {
		cell := csvCell{quoted: c == '"'}
		var b []byte
		if cell.quoted {
			b, err = r.quoted()
			if err == nil {
				c, end, err = r.next()
			}
		} else {
			for ; err == nil && !end && c != ',' && c != '\n' && c != '\r'; c, end, err = r.next() {
				if c == '"' {
					return nil, r.wrong("a quote stands inside a cell that does not begin with one")
				}
				if b = append(b, c); len(b) > maxText {
					return nil, r.tooLong()
				}
			}
		}
		if err != nil {
			return nil, err
		}
		if !utf8.Valid(b) {
			return nil, r.wrong("a cell is not UTF-8")
		}
		cell.text = string(b)
		row = append(row, cell)
		if len(row) > maxProperties || r.read-start > maxElement {
			return nil, Errorf(KindExhausted, "csv", "%s, line %d: the row has more than %d cells or %d bytes", r.file, r.line, maxProperties, maxElement)
		}
		if !end && c == '\r' {
			if c, end, err = r.next(); err != nil {
				return nil, err
			}
			if end || c != '\n' {
				return nil, r.wrong("a carriage return stands outside of quotes")
			}
		}
		switch {
		case end, c == '\n':
			return row, nil
		case c != ',':
			return nil, r.wrong("%q stands behind the closing quote of a cell", c)
		}
		if c, end, err = r.next(); err != nil {
			return nil, err
		}
		if end {
			return append(row, csvCell{}), nil
		}
	}
}

func (r *csvReader) tooLong() error {
	return Errorf(KindExhausted, "csv", "%s, line %d: a cell has more than %d bytes", r.file, r.line, maxText).WithHint("leave the element out, or shorten the property")
}

// quoted reads a cell behind its opening quote, over the closing one.
func (r *csvReader) quoted() ([]byte, error) {
	var b []byte
	for {
		c, end, err := r.next()
		if err != nil {
			return nil, err
		}
		if end {
			return nil, r.wrong("the file ends inside a cell")
		}
		if c == '\n' {
			r.line++
		}
		if c == '"' {
			following, err := r.in.Peek(1)
			if err != nil && err != io.EOF {
				return nil, damaged(err)
			}
			if len(following) == 0 || following[0] != '"' {
				return b, nil
			}
			if _, _, err := r.next(); err != nil {
				return nil, err
			}
		}
		if b = append(b, c); len(b) > maxText {
			return nil, r.tooLong()
		}
	}
}
