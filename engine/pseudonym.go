package engine

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MinPseudonymKey is the least size of the key of pseudonyms, bytes: below it, guessing the key is cheaper than guessing names.
const MinPseudonymKey = 16

// Pseudonymiser replaces what a snapshot says about whose database it is: names in keys, labels, types, properties and
// texts become pseudonyms under a key (HMAC-SHA256, 80 bits), other text, such as statements with their literals, becomes
// one opaque word. Numbers, moments and Graphsnap's own vocabulary stay. The same name under the same key is always the
// same pseudonym, and two names never share one, so what differs between two snapshots differs between their
// pseudonymised forms, element by element. It is not for several goroutines at once.
type Pseudonymiser struct {
	mac   hash.Hash
	words map[string]string
}

// NewPseudonymiser takes the secret key. Kinds: invalid (it is shorter than MinPseudonymKey).
func NewPseudonymiser(key []byte) (*Pseudonymiser, error) {
	if len(key) < MinPseudonymKey {
		return nil, Errorf(KindInvalid, "pseudonymise", "the key has %d bytes", len(key)).
			WithHint("use at least %d random bytes, such as `head -c 32 /dev/urandom > keyfile`, and keep them: the same key gives the same pseudonyms", MinPseudonymKey)
	}
	return &Pseudonymiser{hmac.New(sha256.New, key), map[string]string{}}, nil
}

// vocabulary holds the words that are Graphsnap's and tell nothing of a database: labels, relationship types, property
// names, and the values of properties that are chosen from a list.
var vocabulary = func() map[string]bool {
	words := strings.Fields(`
		Table View MaterializedView ForeignTable Partition Index Query Pool Lock Database Schema REFERENCES
		Setting Extension Session Wait Replica Statement Plan Predicate HAS_INDEX HAS_SETTING HAS_EXTENSION HAS_WAIT HAS_SESSION
		REPLICATES_TO WAITS_FOR LOCK_WAIT USES HAS_PLAN FK_CHECK FILTERS_BY
		value unit timestamp updated_at trend severity window_s quality basis name schema table column columns referenced_columns
		on_delete has_index index size_bytes dead_rows row_count partitioned seq_scans_per_s index_scans_per_s index_efficiency
		cache_hit total_queries queries_per_sec avg_latency_ms time_ms_per_s hotspot_score source source_name target_name
		active_sessions blocked_sessions idle_in_transaction waited_ms transaction_s latency_ms deviation_ms execution_ms_per_s calls_per_s
		rows_per_call rows_tested_per_call rows_filtered_per_call rows_examined_per_call blocks_read_per_call temp_blocks_per_call
		wal_bytes_per_call estimated_rows pending_restart not_planned statements_not_planned replay_paused primary valid unique digest shape
		low medium high critical increasing decreasing stable volatile exact lower_bound unknown
		join co_access observed CASCADE RESTRICT`)
	m := map[string]bool{"queries/s": true, "NO ACTION": true, "SET NULL": true, "SET DEFAULT": true}
	for _, w := range words {
		m[w] = true
	}
	for relType, unit := range MetricUnits {
		m[relType], m[unit] = true, true
	}
	return m
}()

// hashed gives the first bytes of the MAC of a text; what says what the text is.
func (p *Pseudonymiser) hashed(what byte, s string) []byte {
	p.mac.Reset()
	_, _ = p.mac.Write(append([]byte{what}, s...)) // hashes take everything
	return p.mac.Sum(nil)
}

var pseudonymEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// mostWords bounds the memory of pseudonyms that were given already.
const mostWords = 1 << 17

func (p *Pseudonymiser) word(w string) string {
	if vocabulary[w] {
		return w
	}
	if known, ok := p.words[w]; ok {
		return known
	}
	pseudonym := "x" + strings.ToLower(pseudonymEncoding.EncodeToString(p.hashed('w', w)[:10]))
	if len(p.words) == mostWords {
		clear(p.words)
	}
	p.words[w] = pseudonym
	return pseudonym
}

// Name gives a name, or a key made of names, with each word replaced and what stands between the words kept, so that
// `public.users` and `users` still show that they are related.
func (p *Pseudonymiser) Name(s string) string {
	if vocabulary[s] {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		end := strings.IndexFunc(s, func(r rune) bool { return !inWord(r) })
		if end < 0 {
			end = len(s)
		}
		if end > 0 {
			b.WriteString(p.word(s[:end]))
			s = s[end:]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		b.WriteString(s[:size])
		s = s[size:]
	}
	return b.String()
}

// inWord takes everything for a part of a name that is not plain ASCII punctuation or space.
func inWord(r rune) bool {
	return r >= utf8.RuneSelf || r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// longestName is the longest text that is taken for names, bytes; statements, definitions and plans are longer or hold quotes.
const longestName = 200

// text gives a text that may be a name, a list of names, or anything else.
func (p *Pseudonymiser) text(s string) string {
	if s == "" || vocabulary[s] {
		return s
	}
	if len(s) > longestName || strings.ContainsAny(s, `'"`) {
		return "text_" + strings.ToLower(pseudonymEncoding.EncodeToString(p.hashed('t', s)[:10]))
	}
	return p.Name(s)
}

func (p *Pseudonymiser) texts(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = p.text(s)
	}
	return out
}

func (p *Pseudonymiser) value(v any) any {
	switch x := v.(type) {
	case string:
		return p.text(x)
	case []byte:
		return p.hashed('b', string(x))[:16]
	case Point: // where something is, is a literal
		return "text_" + strings.ToLower(pseudonymEncoding.EncodeToString(p.hashed('p', x.String())[:10]))
	case []string:
		return p.texts(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = p.value(x[i])
		}
		return out
	}
	return v
}

// Properties gives properties with their names and values replaced.
func (p *Pseudonymiser) Properties(in Properties) Properties {
	out := make(Properties, len(in))
	for name, v := range in {
		if name == "severity" && SeverityOf(in).Rank() > 0 {
			out[name] = v // in whatever case it is written
			continue
		}
		out[p.Name(name)] = p.value(v)
	}
	return out
}

// Node gives a node with its names replaced.
func (p *Pseudonymiser) Node(n Node) Node {
	labels := make([]string, len(n.Labels))
	for i, l := range n.Labels {
		labels[i] = p.Name(l)
	}
	slices.Sort(labels)
	return Node{Key: p.Name(n.Key), Labels: labels, Properties: p.Properties(n.Properties)}
}

// Relationship gives a relationship with its names replaced.
func (p *Pseudonymiser) Relationship(r Relationship) Relationship {
	return Relationship{Key: p.Name(r.Key), Type: p.Name(r.Type), From: p.Name(r.From), To: p.Name(r.To), Properties: p.Properties(r.Properties)}
}

// SnapshotID gives the id under which a snapshot is exported: the slug is made of its description.
func (p *Pseudonymiser) SnapshotID(id string) string {
	const moment = len("snap_20260131_090500")
	if !IsSnapshotID(id) {
		return p.text(id)
	}
	return id[:moment] + "_" + p.word(id)
}

// Snapshot gives the header of a snapshot with its names replaced, without what follows from the graph and without what
// commits to the names: hashes, evidence, warnings.
func (p *Pseudonymiser) Snapshot(s *Snapshot) *Snapshot {
	out := &Snapshot{
		ID: p.SnapshotID(s.ID), Seq: s.Seq, Source: p.Name(s.Source), Timestamp: s.Timestamp,
		TriggerType: s.TriggerType, Rule: p.Name(s.Rule), TriggerReason: p.text(s.TriggerReason), Severity: s.Severity,
		Description: p.text(s.Description), Tags: p.texts(s.Tags), Template: p.Name(s.Template), Retention: s.Retention,
		NodeCount: s.NodeCount, RelationshipCount: s.RelationshipCount,
		Live: s.Live, Consistency: s.Consistency, Imported: s.Imported, CaptureDurationMS: s.CaptureDurationMS, SchemaVersion: s.SchemaVersion,
	}
	slices.Sort(out.Tags)
	if s.SameAs != "" {
		out.SameAs = p.SnapshotID(s.SameAs)
	}
	out.Live.Source, out.Live.DatabaseName, out.Live.Message = out.Source, p.Name(s.Live.DatabaseName), ""
	out.Consistency.Evidence = ""
	return out
}

// pseudonymised is a sink that replaces names before it hands elements on.
type pseudonymised struct {
	*Pseudonymiser
	next Sink
}

func (p *pseudonymised) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	out := make([]Node, len(nodes))
	for i, n := range nodes {
		out[i] = p.Node(n)
	}
	return p.next.Nodes(ctx, out, nil)
}

func (p *pseudonymised) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	out := make([]Relationship, len(rels))
	for i, r := range rels {
		out[i] = p.Relationship(r)
	}
	return p.next.Relationships(ctx, out, nil)
}
