package engine

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a text. Names that repeat share their memory.
func (r *jsonReader) text(repeats bool) (string, error) {
	if err := r.expect('"'); err != nil {
		return "", err
	}
	var long []byte
	wide := false
	for {
		for i := r.pos; i < r.end; i++ {
			c := r.buf[i]
			if plainASCII[c] {
				continue
			}
			if c >= utf8.RuneSelf {
				wide = true
				continue
			}
			part := r.buf[r.pos:i]
			if len(long)+len(part) > maxText {
				return "", r.tooLong()
			}
			switch c {
			case '"':
				r.pos = i + 1
				if long != nil {
					part = append(long, part...)
				}
				if wide && !utf8.Valid(part) {
					return "", r.broken("a text is not UTF-8")
				}
				return r.share(part, repeats), nil
			case '\\':
				long = append(long, part...)
				r.pos = i + 1
				var err error
				if long, err = r.escape(long); err != nil {
					return "", err
				}
				i = r.pos - 1
			default:
				r.pos = i
				return "", r.broken("a text holds the control character %#x as it is", c)
			}
		}
		long = append(long, r.buf[r.pos:r.end]...)
		if len(long) > maxText {
			return "", r.tooLong()
		}
		if long == nil {
			long = []byte{}
		}
		r.pos = r.end
		if err := r.fill(); err != nil {
			return "", err
		}
	}
}

func (r *jsonReader) tooLong() error {
	r.failure = Errorf(KindExhausted, "json", "byte %d: a text has more than %d bytes", r.before+int64(r.pos), maxText).
		WithHint("leave the element out, or shorten the property")
	return r.failure
}

// share gives bytes as a text, one text for each of the first names that repeat.
func (r *jsonReader) share(b []byte, repeats bool) string {
	if !repeats || len(b) > 64 {
		return string(b)
	}
	if s, known := r.names[string(b)]; known {
		return s
	}
	s := string(b)
	if len(r.names) < 4096 {
		r.names[s] = s
	}
	return s
}

// need makes sure that so many bytes are there.
func (r *jsonReader) need(n int) error {
	for r.end-r.pos < n {
		if err := r.fill(); err != nil {
			return err
		}
	}
	return nil
}

// escape reads what follows a backslash.
func (r *jsonReader) escape(b []byte) ([]byte, error) {
	if err := r.need(1); err != nil {
		return b, err
	}
	c := r.buf[r.pos]
	r.pos++
	switch c {
	case '"', '\\', '/':
		return append(b, c), nil
	case 'b':
		return append(b, '\b'), nil
	case 'f':
		return append(b, '\f'), nil
	case 'n':
		return append(b, '\n'), nil
	case 'r':
		return append(b, '\r'), nil
	case 't':
		return append(b, '\t'), nil
	case 'u':
	default:
		return b, r.broken("there is no escape \\%c", c)
	}
	first, err := r.hex4()
	if err != nil {
		return b, err
	}
	if !utf16.IsSurrogate(first) {
		return utf8.AppendRune(b, first), nil
	}
	if err := r.need(2); err != nil {
		return b, err
	}
	if r.buf[r.pos] != '\\' || r.buf[r.pos+1] != 'u' {
		return b, r.broken("a text holds half a character, \\u%04x", first)
	}
	r.pos += 2
	second, err := r.hex4()
	if err != nil {
		return b, err
	}
	whole := utf16.DecodeRune(first, second)
	if whole == utf8.RuneError {
		return b, r.broken("a text holds half a character, \\u%04x", first)
	}
	return utf8.AppendRune(b, whole), nil
}

func (r *jsonReader) hex4() (rune, error) {
	if err := r.need(4); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(r.buf[r.pos:r.pos+4]), 16, 16)
	if err != nil {
		return 0, r.broken("%.4q are no four hexadecimal digits", r.buf[r.pos:r.pos+4])
	}
	r.pos += 4
	return rune(n), nil
}
