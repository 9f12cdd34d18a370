package neo4jdb

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"

	"graphsnap/engine"
)

// fingerprint tells whether two readings saw the same elements with the same values, whatever the order in which they came.
// It is the sum of 64-bit hashes of the elements under a seed of this process, so it costs little and says nothing elsewhere.
type fingerprint struct {
	seed  maphash.Seed
	hash  maphash.Hash
	count int
	sum   uint64
}

func newFingerprint() *fingerprint {
	f := &fingerprint{seed: maphash.MakeSeed()}
	f.hash.SetSeed(f.seed)
	return f
}

// another begins a second reading under the same seed.
func (f *fingerprint) another() *fingerprint {
	g := &fingerprint{seed: f.seed}
	g.hash.SetSeed(f.seed)
	return g
}

func (f *fingerprint) same(g *fingerprint) bool {
	return f.seed == g.seed && f.count == g.count && f.sum == g.sum
}

func (f *fingerprint) node(id int64, labels []string, p engine.Properties) {
	values := f.properties(p)
	f.hash.Reset()
	f.whole('n', id)
	for _, l := range labels {
		f.text('l', l)
	}
	f.end(values)
}

func (f *fingerprint) relationship(from int64, l leaving) {
	values := f.properties(l.p)
	f.hash.Reset()
	f.whole('r', l.id)
	f.whole('f', from)
	f.whole('t', l.to)
	f.text('y', l.relType)
	f.end(values)
}

// properties gives a sum over the properties, which have no order.
func (f *fingerprint) properties(p engine.Properties) (sum uint64) {
	for name, v := range p {
		f.hash.Reset()
		f.text('p', name)
		switch v := v.(type) {
		case string:
			f.text('s', v)
		case int64:
			f.whole('i', v)
		case float64:
			f.whole('d', int64(math.Float64bits(v)))
		case bool:
			f.text('b', fmt.Sprint(v))
		default:
			f.text('v', fmt.Sprintf("%T %#v", v, v))
		}
		sum += f.hash.Sum64()
	}
	return sum
}

func (f *fingerprint) end(values uint64) {
	f.whole('p', int64(values))
	f.count++
	f.sum += f.hash.Sum64()
}

// whole and text write a value behind its kind and, for a text, its length, so that no two sequences look the same.
func (f *fingerprint) whole(kind byte, v int64) {
	var b [9]byte
	b[0] = kind
	binary.LittleEndian.PutUint64(b[1:], uint64(v))
	_, _ = f.hash.Write(b[:])
}

func (f *fingerprint) text(kind byte, s string) {
	f.whole(kind, int64(len(s)))
	_, _ = f.hash.WriteString(s)
}
