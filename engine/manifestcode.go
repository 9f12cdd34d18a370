package engine

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math"
	"strings"
)

// manifestVersion is the first byte of an encoded manifest.
const manifestVersion = 1

// severities in the order of their codes.
var severityCodes = []Severity{"", SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}

// Encode gives the manifest as bytes: the version, then, deflated, the types, the nodes and the relationships, each list
// with its length. A key is written as the length of the beginning that it shares with the key before and the rest;
// figures as a byte that says which are there, then these as 64-bit floats.
func (m *Manifest) Encode() []byte {
	var out bytes.Buffer
	out.WriteByte(manifestVersion)
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	b := binary.AppendUvarint(nil, uint64(len(m.Types)))
	flush := func() {
		_, _ = w.Write(b) // a bytes.Buffer takes everything
		b = b[:0]
	}
	for _, t := range m.Types {
		b = appendShort(b, t)
	}
	previous := ""
	b = binary.AppendUvarint(b, uint64(len(m.Nodes)))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		b = appendKey(b, previous, n.Key)
		b = appendShort(b, n.Labels)
		b = appendEntry(b, n.Digest, n.Severity, n.TimeMS, n.Latency, n.QPS)
		previous = n.Key
		flush()
	}
	previous = ""
	b = binary.AppendUvarint(b, uint64(len(m.Relationships)))
	for i := range m.Relationships {
		r := &m.Relationships[i]
		b = appendKey(b, previous, r.Key)
		b = binary.AppendUvarint(b, uint64(r.Type))
		b = binary.AppendUvarint(b, uint64(r.From))
		b = binary.AppendUvarint(b, uint64(r.To))
		b = appendEntry(b, r.Digest, r.Severity, r.Value)
		previous = r.Key
		flush()
	}
	flush()
	_ = w.Close()
	return out.Bytes()
}

func appendShort(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendKey(b []byte, previous, key string) []byte {
	shared := 0
	for shared < len(previous) && shared < len(key) && previous[shared] == key[shared] {
		shared++
	}
	return appendShort(binary.AppendUvarint(b, uint64(shared)), key[shared:])
}

func appendEntry(b []byte, d Digest, s Severity, figures ...float64) []byte {
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(d.Full)), uint64(d.State))
	flags := byte(s.Rank()) << 4
	at := len(b)
	b = append(b, 0)
	for i, v := range figures {
		if !math.IsNaN(v) {
			flags |= 1 << i
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	b[at] = flags
	return b
}

// manifestReader reads what Encode wrote. After a fault it gives zeros.
type manifestReader struct {
	rest   []byte
	broken bool
}

func (r *manifestReader) take(n uint64) []byte {
	if r.broken || n > uint64(len(r.rest)) {
		r.broken = true
		return nil
	}
	part := r.rest[:n]
	r.rest = r.rest[n:]
	return part
}

func (r *manifestReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads the length of a list whose entries have at least so many bytes, so that a broken one asks for no memory.
func (r *manifestReader) count(atLeast int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/atLeast)+1 {
		r.broken = true
		return 0
	}
	return int(n)
}

func (r *manifestReader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *manifestReader) short() []byte { return r.take(r.uvarint()) }

func (r *manifestReader) entry(figures []float64) (d Digest, s Severity) {
	d = Digest{r.int64(), r.int64()}
	flags := r.take(1)
	if flags == nil || int(flags[0]>>4) >= len(severityCodes) {
		r.broken = true
		return d, s
	}
	for i := range figures {
		figures[i] = math.NaN()
		if flags[0]&(1<<i) != 0 {
			figures[i] = math.Float64frombits(uint64(r.int64()))
		}
	}
	return d, severityCodes[flags[0]>>4]
}

// keys reads a sorted list of keys into one text, so that a million of them are one allocation.
type keys struct {
	all  strings.Builder
	from []int // where each begins; the last one is the end
	last []byte
}

func (k *keys) read(r *manifestReader) {
	shared := r.uvarint()
	if shared > uint64(len(k.last)) {
		r.broken = true
		return
	}
	k.last = append(k.last[:shared], r.short()...)
	k.from = append(k.from, k.all.Len())
	k.all.Write(k.last)
}

func (k *keys) each(f func(i int, key string)) {
	text := k.all.String()
	for i, from := range k.from {
		end := len(text)
		if i+1 < len(k.from) {
			end = k.from[i+1]
		}
		f(i, text[from:end])
	}
}

// DecodeManifest reads what Encode gave. Kinds: invalid.
func DecodeManifest(raw []byte) (*Manifest, error) {
	broken := Errorf(KindInvalid, "manifest", "the manifest of the snapshot cannot be read")
	if len(raw) == 0 || raw[0] != manifestVersion {
		return nil, broken
	}
	content, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw[1:])))
	if err != nil {
		return nil, broken.WithCause(err)
	}
	r := &manifestReader{rest: content}
	m := &Manifest{Types: make([]string, r.count(1))}
	for i := range m.Types {
		m.Types[i] = string(r.short())
	}
	m.Nodes = make([]ManifestNode, r.count(19))
	labels := map[string]string{} // one text for each set of labels
	var nodeKeys keys
	for i := range m.Nodes {
		n := &m.Nodes[i]
		nodeKeys.read(r)
		kind := r.short()
		if _, known := labels[string(kind)]; !known {
			labels[string(kind)] = string(kind)
		}
		n.Labels = labels[string(kind)]
		var figures [3]float64
		n.Digest, n.Severity = r.entry(figures[:])
		n.TimeMS, n.Latency, n.QPS = figures[0], figures[1], figures[2]
		if r.broken {
			return nil, broken
		}
	}
	nodeKeys.each(func(i int, key string) { m.Nodes[i].Key = key })
	m.Relationships = make([]ManifestRelationship, r.count(21))
	var relKeys keys
	for i := range m.Relationships {
		rel := &m.Relationships[i]
		relKeys.read(r)
		kind, from, to := r.uvarint(), r.uvarint(), r.uvarint()
		var figures [1]float64
		rel.Digest, rel.Severity = r.entry(figures[:])
		if r.broken || kind >= uint64(len(m.Types)) || from >= uint64(len(m.Nodes)) || to >= uint64(len(m.Nodes)) {
			return nil, broken
		}
		rel.Type, rel.From, rel.To, rel.Value = uint32(kind), uint32(from), uint32(to), figures[0]
	}
	relKeys.each(func(i int, key string) { m.Relationships[i].Key = key })
	if r.broken || len(r.rest) > 0 {
		return nil, broken
	}
	return m, nil
}
