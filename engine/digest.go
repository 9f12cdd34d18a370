package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"sort"
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
		// The zone is content: Neo4j keeps it, and a document shows it.
		return appendText(append(b, 't'), x.Format(time.RFC3339Nano)+" "+x.Location().String()), nil
	case []any:
		return appendList(b, len(x), func(i int) any { return x[i] })
	case []string:
		return appendList(b, len(x), func(i int) any { return x[i] })
	case []float64:
		return appendList(b, len(x), func(i int) any { return x[i] })
	case []int64:
		return appendList(b, len(x), func(i int) any { return x[i] })
	case []bool:
		return appendList(b, len(x), func(i int) any { return x[i] })
	case fmt.Stringer:
		// Dates, local times, durations and points of the driver: their text form is exact, the type name tells them apart.
		return appendText(appendText(append(b, 'o'), fmt.Sprintf("%T", v)), x.String()), nil
	}
	return nil, Errorf(KindInvalid, "digest", "a property value of type %T cannot be frozen", v)
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func appendList(b []byte, n int, at func(int) any) ([]byte, error) {
	b = binary.BigEndian.AppendUint32(append(b, 'l'), uint32(n))
	var err error
	for i := range n {
		if b, err = appendValue(b, at(i)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendProperties(b []byte, p Properties) ([]byte, error) {
	names := make([]string, 0, len(p))
	for name, v := range p {
		if v != nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	b = binary.BigEndian.AppendUint32(b, uint32(len(names)))
	var err error
	for _, name := range names {
		if b, err = appendValue(appendText(b, name), p[name]); err != nil {
			return nil, fmt.Errorf("property %q: %w", name, err)
		}
	}
	return b, nil
}

// digestOf gives the first 64 bits of SHA-256, as the signed integer that Neo4j stores.
func digestOf(content []byte) int64 {
	sum := sha256.Sum256(content)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// NodeDigest gives the 64-bit digest of a node's key, labels and properties.
func NodeDigest(n Node) (int64, error) {
	b := appendText([]byte{'n'}, n.Key)
	b = binary.BigEndian.AppendUint32(b, uint32(len(n.Labels)))
	for _, l := range n.Labels {
		b = appendText(b, l)
	}
	b, err := appendProperties(b, n.Properties)
	if err != nil {
		return 0, fmt.Errorf("node %q: %w", n.Key, err)
	}
	return digestOf(b), nil
}

// RelationshipDigest gives the 64-bit digest of a relationship's key, type, ends and properties.
func RelationshipDigest(r Relationship) (int64, error) {
	b := []byte{'r'}
	for _, s := range []string{r.Key, r.Type, r.From, r.To} {
		b = appendText(b, s)
	}
	b, err := appendProperties(b, r.Properties)
	if err != nil {
		return 0, fmt.Errorf("relationship %q: %w", r.Key, err)
	}
	return digestOf(b), nil
}

// Digests are the digests of a graph: one per node and relationship in the graph's order, and the root over all.
type Digests struct {
	Nodes, Relationships []int64
	Root                 string // SHA-256, hex
}

// DigestGraph computes all digests of a graph. The root does not depend on the order of the elements: each element
// falls into one of 256 buckets by its key, a bucket hashes its elements in key order, the root hashes the buckets.
func DigestGraph(g *Graph) (*Digests, error) {
	type keyed struct {
		key    string
		digest int64
	}
	var buckets [digestBuckets][]keyed
	d := &Digests{Nodes: make([]int64, len(g.Nodes)), Relationships: make([]int64, len(g.Relationships))}
	put := func(kind, key string, digest int64) {
		i := sha256.Sum256([]byte(key))[0]
		buckets[i] = append(buckets[i], keyed{kind + key, digest})
	}
	var err error
	for i, n := range g.Nodes {
		if d.Nodes[i], err = NodeDigest(n); err != nil {
			return nil, err
		}
		put("n", n.Key, d.Nodes[i])
	}
	for i, r := range g.Relationships {
		if d.Relationships[i], err = RelationshipDigest(r); err != nil {
			return nil, err
		}
		put("r", r.Key, d.Relationships[i])
	}
	root := sha256.New()
	for _, bucket := range buckets {
		sort.Slice(bucket, func(i, j int) bool { return bucket[i].key < bucket[j].key })
		h := sha256.New()
		for _, e := range bucket {
			h.Write(binary.BigEndian.AppendUint64(appendText(nil, e.key), uint64(e.digest)))
		}
		root.Write(h.Sum(nil))
	}
	d.Root = hex.EncodeToString(root.Sum(nil))
	return d, nil
}

// ChainHash links a snapshot to the one written before it: SHA-256 over the earlier chain hash, the id and the root.
func ChainHash(previous, id, root string) string {
	sum := sha256.Sum256(appendText(appendText(appendText(nil, previous), id), root))
	return hex.EncodeToString(sum[:])
}
