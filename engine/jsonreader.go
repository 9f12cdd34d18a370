package engine

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The bounds of what a document from outside may hold. They are above all that Neo4j graphs have in practice, and keep a
// hostile one from taking the memory.
const (
	maxText       = 32 << 20 // bytes of one text
	maxDepth      = 32       // of objects and lists within each other
	maxProperties = 10_000   // of one element
	maxList       = 1 << 20  // values of one list
	maxTypes      = 5_000    // of relationships of one snapshot
	maxKeyBytes   = 8_000    // of a key; the index over keys takes little more
	maxHeaderPart = 4 << 20  // bytes of one field of the header
)

// jsonReader reads JSON piece by piece and strictly: duplicate names, broken UTF-8, half characters and numbers that do not
// fit are errors. It holds one text at a time, not the document.
type jsonReader struct {
	in       io.Reader
	buf      []byte
	pos, end int
	before   int64 // bytes in front of buf
	depth    int
	failure  error

	kept    []byte // what was read since keep was called
	keeping bool
	keepPos int
	loose   bool              // integers may be larger than 64 bits
	names   map[string]string // one text for each of the names that repeat
}

func newJSONReader(in io.Reader) *jsonReader {
	return &jsonReader{in: in, buf: make([]byte, 64<<10), names: map[string]string{}}
}

func (r *jsonReader) broken(format string, args ...any) error {
	if r.failure == nil {
		r.failure = Errorf(KindInvalid, "json", "byte %d: %s", r.before+int64(r.pos), fmt.Sprintf(format, args...)).
			WithHint("the document is damaged or was not written by Graphsnap; export it again")
	}
	return r.failure
}

// fill reads more. It keeps the bytes from pos on.
func (r *jsonReader) fill() error {
	if r.failure != nil {
		return r.failure
	}
	if r.keeping {
		r.kept = append(r.kept, r.buf[r.keepPos:r.pos]...)
		if len(r.kept) > maxHeaderPart {
			r.failure = Errorf(KindExhausted, "json", "a field of the header has more than %d bytes", maxHeaderPart)
			return r.failure
		}
	}
	rest := copy(r.buf, r.buf[r.pos:r.end])
	r.before += int64(r.pos)
	r.pos, r.end, r.keepPos = 0, rest, 0
	for range 100 {
		n, err := r.in.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			r.failure = Errorf(KindInvalid, "json", "the document ends early, after %d bytes", r.before+int64(r.end)).
				WithHint("it was cut off on its way; fetch or export it again").WithCause(io.ErrUnexpectedEOF)
			return r.failure
		}
		if err != nil {
			r.failure = err
			return err
		}
	}
	return r.broken("nothing comes any more")
}

// peek gives the next byte that is no white space.
func (r *jsonReader) peek() (byte, error) {
	for {
		for ; r.pos < r.end; r.pos++ {
			switch c := r.buf[r.pos]; c {
			case ' ', '\n', '\r', '\t':
			default:
				return c, nil
			}
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

func (r *jsonReader) expect(want byte) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != want {
		return r.broken("%q stands where %q should", c, want)
	}
	r.pos++
	return nil
}

// finish makes sure that nothing but white space follows.
func (r *jsonReader) finish() error {
	c, err := r.peek()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		r.failure = nil
		return nil
	}
	if err != nil {
		return err
	}
	return r.broken("%q stands behind the end of the document", c)
}

// object reads an object; member is called behind each name and reads the value.
func (r *jsonReader) object(most int, member func(name string) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	var room [16]string
	few := room[:0]
	var many map[string]bool
	for n := 0; ; n++ {
		c, err := r.peek()
		if err != nil {
			return err
		}
		if c == '}' && n == 0 {
			break
		}
		if n == most {
			return Errorf(KindExhausted, "json", "byte %d: an object has more than %d members", r.before+int64(r.pos), most)
		}
		name, err := r.text(true)
		if err != nil {
			return err
		}
		twice := many[name]
		for _, f := range few {
			twice = twice || f == name
		}
		if twice {
			return r.broken("the name %.60q stands twice in one object", name)
		}
		if len(few) < cap(few) {
			few = append(few, name)
		} else {
			if many == nil {
				many = map[string]bool{}
			}
			many[name] = true
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
		if c, err = r.peek(); err != nil {
			return err
		}
		if c == '}' {
			break
		}
		if err := r.expect(','); err != nil {
			return err
		}
	}
	r.pos++
	r.depth--
	return nil
}

// array reads a list; item is called in front of each value and reads it.
func (r *jsonReader) array(item func() error) error {
	if err := r.open('['); err != nil {
		return err
	}
	c, err := r.peek()
	for n := 0; err == nil && (c != ']' || n > 0); n++ {
		if err = item(); err != nil {
			return err
		}
		if c, err = r.peek(); err == nil && c == ']' {
			break
		}
		if err == nil {
			err = r.expect(',')
		}
	}
	if err != nil {
		return err
	}
	r.pos++
	r.depth--
	return nil
}

func (r *jsonReader) open(bracket byte) error {
	if err := r.expect(bracket); err != nil {
		return err
	}
	if r.depth++; r.depth > maxDepth {
		r.failure = Errorf(KindExhausted, "json", "byte %d: objects and lists stand more than %d deep in each other", r.before+int64(r.pos), maxDepth)
		return r.failure
	}
	return nil
}

// scalar reads what is neither text, object nor list: a number, true, false or null.
func (r *jsonReader) scalar() (any, error) {
	if _, err := r.peek(); err != nil {
		return nil, err
	}
	var room [64]byte
	word := room[:0]
	float := false
read:
	for {
		for ; r.pos < r.end; r.pos++ {
			c := r.buf[r.pos]
			switch {
			case c >= '0' && c <= '9', c == '-', c == '+', c >= 'a' && c <= 'z':
				float = float || c == 'e'
			case c == '.', c == 'E':
				float = true
			default:
				break read
			}
			if len(word) > 400 { // the longest float has 767 digits before rounding; nobody writes them
				return nil, r.broken("a number has too many digits")
			}
			word = append(word, c)
		}
		if err := r.fill(); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) && len(word) > 0 && r.depth == 0 {
				break
			}
			return nil, err
		}
	}
	switch string(word) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	return r.number(string(word), float)
}

func (r *jsonReader) number(word string, float bool) (any, error) {
	digits := word
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' || len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return nil, r.broken("%.40q is no value", word)
	}
	if !float {
		n, err := strconv.ParseInt(word, 10, 64)
		if errors.Is(err, strconv.ErrRange) && r.loose {
			return strconv.ParseFloat(word, 64)
		}
		if err != nil {
			return nil, r.broken("the integer %.40s is larger than 64 bits or broken", word)
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil || strings.Trim(word, "0123456789+-.eE") != "" { // ParseFloat knows hexadecimals as well
		return nil, r.broken("the number %.40s is larger than 64 bits or broken", word)
	}
	return f, nil
}

// skip reads over any value.
func (r *jsonReader) skip() error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		_, err = r.text(false)
	case '{':
		err = r.object(maxList, func(string) error { return r.skip() })
	case '[':
		err = r.array(r.skip)
	default:
		r.loose = true // encoders write large floats like integers, and this is no property
		_, err = r.scalar()
		r.loose = false
	}
	return err
}

// keep reads over any value and gives its bytes.
func (r *jsonReader) keep() ([]byte, error) {
	if _, err := r.peek(); err != nil {
		return nil, err
	}
	r.keeping, r.keepPos, r.kept = true, r.pos, nil
	err := r.skip()
	if err == nil {
		r.kept = append(r.kept, r.buf[r.keepPos:r.pos]...)
	}
	r.keeping = false
	return r.kept, err
}
