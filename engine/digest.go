package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// digestBuckets is the number of key buckets between element digests and the root hash.
const digestBuckets = 256

// appendValue appends the canonical encoding of one property value: a type tag, then the value with explicit length, so
// that no two different values have the same bytes. It fails on types that Neo4j cannot store.
func appendValue(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(b, 'N'), nil
	case bool:
		if x {
			return append(b, 'T'), nil
		}
		return append(b, 'F'), nil
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(x)), nil
	case int:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(x)), nil
	case float64:
		bits := math.Float64bits(x)
		if math.IsNaN(x) {
			bits = 0x7ff8000000000000 // all NaNs are one value
		}
		if x == 0 {
			bits = 0 // and so are both zeros, as Cypher has it
		}
		return binary.BigEndian.AppendUint64(append(b, 'f'), bits), nil
	case string:
		return appendText(append(b, 's'), x), nil
	case []byte:
		return appendText(append(b, 'b'), string(x)), nil
	case time.Time:
		return appendText(append(b, 't'), ZonedText(x)), nil
	case Date:
		return appendText(append(b, 'D'), string(x)), nil
	case LocalTime:
		return appendText(append(b, 'L'), string(x)), nil
	case OffsetTime:
		return appendText(append(b, 'O'), string(x)), nil
	case LocalDateTime:
		return appendText(append(b, 'M'), string(x)), nil
	case Duration:
		return appendText(append(b, 'P'), string(x)), nil
	case Point:
		return appendText(append(b, 'p'), x.String()), nil
	}
	if list, ok := elementsOf(v); ok {
		return appendList(b, list)
	}
	return nil, Errorf(KindInvalid, "digest", "a property value of type %T cannot be frozen", v)
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func appendList(b []byte, list []any) ([]byte, error) {
	b = binary.BigEndian.AppendUint32(append(b, 'l'), uint32(len(list)))
	var err error
	for i := range list {
		if b, err = appendValue(b, list[i]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendProperties appends the properties that keep tells, by name. Absent and null are the same.
func appendProperties(b []byte, p Properties, keep func(name string) bool) ([]byte, error) {
	var room [16]string
	names := room[:0]
	for name, v := range p {
		if v != nil && keep(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b = binary.BigEndian.AppendUint32(b, uint32(len(names)))
	var err error
	for _, name := range names {
		if b, err = appendValue(appendText(b, name), p[name]); err != nil {
			return nil, fmt.Errorf("property %q: %w", name, err)
		}
	}
	return b, nil
}

// clockProperties say when a value was taken, not what it is: an element that differs in nothing else is unchanged.
var clockProperties = map[string]bool{"timestamp": true, "updated_at": true, "window_s": true}

func isClock(name string) bool  { return clockProperties[name] }
func isState(name string) bool  { return !clockProperties[name] }
func isStored(name string) bool { return true }

// Digest is what is known of an element's content: State leaves out the properties that only say when, Full has all.
// Both are the first 64 bits of SHA-256, as the signed integers that Neo4j stores. Full commits to State.
type Digest struct {
	Full, State int64
}

// digest hashes the content of an element: its identity in b, its properties in p.
func digest(b []byte, p Properties) (Digest, error) {
	b, err := appendProperties(b, p, isState)
	if err != nil {
		return Digest{}, err
	}
	state := sha256.Sum256(b)
	b, err = appendProperties(append(b[:0], state[:]...), p, isClock)
	if err != nil {
		return Digest{}, err
	}
	full := sha256.Sum256(b)
	return Digest{Full: int64(binary.BigEndian.Uint64(full[:8])), State: int64(binary.BigEndian.Uint64(state[:8]))}, nil
}

// NodeDigest gives the digest of a node's key, labels and properties. Kinds: invalid.
func NodeDigest(n Node) (Digest, error) {
	b := appendText(append(make([]byte, 0, 512), 'n'), n.Key)
	b = binary.BigEndian.AppendUint32(b, uint32(len(n.Labels)))
	for _, l := range n.Labels {
		b = appendText(b, l)
	}
	d, err := digest(b, n.Properties)
	if err != nil {
		return d, fmt.Errorf("node %q: %w", n.Key, err)
	}
	return d, nil
}

// RelationshipDigest gives the digest of a relationship's key, type, ends and properties. Kinds: invalid.
func RelationshipDigest(r Relationship) (Digest, error) {
	b := append(make([]byte, 0, 512), 'r')
	for _, s := range [...]string{r.Key, r.Type, r.From, r.To} {
		b = appendText(b, s)
	}
	d, err := digest(b, r.Properties)
	if err != nil {
		return d, fmt.Errorf("relationship %q: %w", r.Key, err)
	}
	return d, nil
}

// rootHash builds a hash over all elements of a graph. It does not depend on the order in which they are put: each
// element falls into one of 256 buckets by its key, a bucket hashes its elements in key order, the root hashes the buckets.
type rootHash struct {
	buckets [digestBuckets][]keyedDigest
}

type keyedDigest struct {
	kind   byte // 'n' or 'r'
	key    string
	digest int64
}

// BucketOf gives the bucket of an element's key, 0-255. FNV-1a is enough to spread keys; what makes the root evidence is the
// SHA-256 over them.
func BucketOf(key string) int {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * prime
	}
	return int(h % digestBuckets)
}

func (h *rootHash) put(kind byte, key string, digest int64) {
	bucket := BucketOf(key)
	h.buckets[bucket] = append(h.buckets[bucket], keyedDigest{kind, key, digest})
}

func (h *rootHash) sum() string {
	root := sha256.New()
	var b []byte
	for _, bucket := range h.buckets {
		slices.SortFunc(bucket, func(x, y keyedDigest) int {
			return cmp.Or(strings.Compare(x.key, y.key), cmp.Compare(x.kind, y.kind), cmp.Compare(x.digest, y.digest))
		})
		of := sha256.New()
		for _, e := range bucket {
			b = binary.BigEndian.AppendUint64(appendText(append(b[:0], e.kind), e.key), uint64(e.digest))
			of.Write(b)
		}
		root.Write(of.Sum(b[:0]))
	}
	return hex.EncodeToString(root.Sum(nil))
}

// HashProperties gives SHA-256 over properties in canonical form, hex: what seals the header of a snapshot.
func HashProperties(p Properties) (string, error) {
	b, err := appendProperties(nil, p, isStored)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// HashTexts gives SHA-256 over texts and their borders, hex: what chains snapshots and audit events.
func HashTexts(texts ...string) string {
	var b []byte
	for _, t := range texts {
		b = appendText(b, t)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ChainHash links a snapshot to the one published before it: SHA-256 over the earlier chain hash, the id, the root hash
// and the hash of the header, hex.
func ChainHash(previous, id, root, header string) string {
	return HashTexts(previous, id, root, header)
}
