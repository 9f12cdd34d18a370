package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// VerifyOptions say what is verified. The chain, the audit trail and the timelines always are.
type VerifyOptions struct {
	IDs    []string // full ids; none means all snapshots
	Subset int      // with Of: the part of the elements that is read, 1 to Of
	Of     int      // 0 and 1 read all
}

// The kinds of finding.
const (
	FindingNode         = "node"
	FindingRelationship = "relationship"
	FindingHeader       = "header"   // what stands on the snapshot itself
	FindingManifest     = "manifest" // its index
	FindingLink         = "link"     // :NEXT, :HEAD or :CONTAINS
	FindingDeletion     = "deletion" // a snapshot that is gone without a trace of who deleted it
	FindingAudit        = "audit"    // the audit trail itself
)

// Finding is one thing that is not as it was published.
type Finding struct {
	SnapshotID string `json:"snapshot_id,omitempty"`
	Kind       string `json:"kind"`
	Key        string `json:"key,omitempty"` // the element, link or event
	Problem    string `json:"problem"`
}

// VerifyReport says what was looked at and what was found.
type VerifyReport struct {
	Snapshots     int       `json:"snapshots"`
	Nodes         int       `json:"nodes"`
	Relationships int       `json:"relationships"`
	AuditEvents   int       `json:"audit_events"`
	Findings      []Finding `json:"findings" nullable:"false"`
}

// Verify reads snapshots again and holds them to what was published: every element to the manifest, the manifest to the root
// hash, the header to its hash, all of it to the chain and the audit trail, and the links to the order in time. It
// changes nothing. Kinds: invalid, not_found, unavailable.
func (e *Engine) Verify(ctx context.Context, o VerifyOptions, progress func(id string, done, total int)) (*VerifyReport, error) {
	if o.Of > 0 && (o.Subset < 1 || o.Subset > o.Of || o.Of > digestBuckets) {
		return nil, Errorf(KindInvalid, "verify", "there is no part %d of %d", o.Subset, o.Of).WithHint("write --subset 1/10 for the first of ten parts; at most %d parts", digestBuckets)
	}
	if progress == nil {
		progress = func(string, int, int) {}
	}
	r := &VerifyReport{Findings: []Finding{}}
	for _, id := range o.IDs { // a wrong id is no finding
		if _, err := e.store.Get(ctx, id); KindOf(err) == KindNotFound && err != nil {
			return nil, err
		}
	}
	sealed, chain, err := e.verifyTrail(ctx, r)
	if err != nil {
		return nil, err
	}
	ids := o.IDs
	if len(ids) == 0 {
		for _, t := range chain.Timelines {
			ids = append(ids, t.Order...)
		}
	}
	for i, id := range ids {
		progress(id, i, len(ids))
		s, err := e.store.Get(ctx, id)
		if err == nil {
			err = e.verifySnapshot(ctx, s, o, sealed, r)
		}
		switch {
		case err == nil:
			r.Snapshots++
		case KindOf(err) == KindNotFound: // deleted meanwhile; the trail of the next run says by whom
		case KindOf(err) == KindInternal:
			r.found(id, FindingHeader, "", "it cannot be read: %v", err)
		default:
			return nil, err
		}
	}
	progress("", len(ids), len(ids))
	return r, nil
}

func (r *VerifyReport) found(id, kind, key, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{id, kind, key, fmt.Sprintf(format, args...)})
}

// verifySnapshot holds one snapshot to its seals.
func (e *Engine) verifySnapshot(ctx context.Context, s *Snapshot, o VerifyOptions, sealed map[string]SealedSnapshot, r *VerifyReport) error {
	seals, err := e.store.Seals(ctx, s.ID)
	if err != nil {
		return err
	}
	if seals.HeaderHash != s.HeaderHash {
		r.found(s.ID, FindingHeader, "", "what stands on the snapshot was changed: its hash is %.12s, published was %.12s", seals.HeaderHash, s.HeaderHash)
	}
	switch seal, known := sealed[s.ID]; {
	case !known:
		r.found(s.ID, FindingAudit, "", "the audit trail does not know when it was published")
	case seal.RootHash != s.RootHash || seal.HeaderHash != s.HeaderHash || seal.ChainHash != s.ChainHash || seal.Seq != s.Seq || !seal.Timestamp.Equal(s.Timestamp):
		r.found(s.ID, FindingHeader, "", "its hashes, number or moment are not those that the audit trail has")
	}
	for _, key := range seals.Uncontained {
		r.found(s.ID, FindingLink, key, "the node is not linked to its snapshot by exactly one :CONTAINS")
	}
	for _, key := range seals.Foreign {
		r.found(s.ID, FindingRelationship, key, "it leads out of the snapshot or into it")
	}
	for _, key := range seals.Strays {
		r.found(s.ID, FindingLink, key, "it stands on the snapshot and does not belong there")
	}
	m, err := e.store.Manifest(ctx, s.ID)
	switch {
	case KindOf(err) == KindInvalid && err != nil:
		r.found(s.ID, FindingManifest, "", "the index cannot be read, so elements that are missing cannot be named")
		m = nil
	case err != nil:
		return err
	case m.Root() != s.RootHash || seals.ManifestHash != s.ManifestHash:
		r.found(s.ID, FindingManifest, "", "the index is not the one that was published")
	}
	check := &checking{r: r, id: s.ID, part: o, nodes: map[string]int64{}, rels: map[string]int64{}, indexed: m != nil}
	if m != nil {
		for i := range m.Nodes {
			check.expect(check.nodes, m.Nodes[i].Key, m.Nodes[i].Digest.Full)
		}
		for i := range m.Relationships {
			check.expect(check.rels, m.Relationships[i].Key, m.Relationships[i].Digest.Full)
		}
	}
	if err := e.store.Walk(ctx, s.ID, check); err != nil {
		return err
	}
	check.missing(FindingNode, check.nodes)
	check.missing(FindingRelationship, check.rels)
	return nil
}

// checking is a sink that holds elements to a manifest.
type checking struct {
	r           *VerifyReport
	id          string
	part        VerifyOptions
	nodes, rels map[string]int64 // what was not seen yet
	indexed     bool
}

func (c *checking) covers(key string) bool {
	return c.part.Of <= 1 || BucketOf(key)%c.part.Of == c.part.Subset-1
}

func (c *checking) expect(list map[string]int64, key string, digest int64) {
	if c.covers(key) {
		list[key] = digest
	}
}

func (c *checking) element(kind, key string, list map[string]int64, stored int64, content func() (Digest, error)) {
	if !c.covers(key) {
		return
	}
	d, err := content()
	wanted, expected := list[key]
	delete(list, key)
	switch {
	case err != nil:
		c.r.found(c.id, kind, key, "its content cannot be read: %v", err)
	case !c.indexed && d.Full != stored:
		c.r.found(c.id, kind, key, "its content was changed: its digest is %x, stored is %x", uint64(d.Full), uint64(stored))
	case !c.indexed:
	case !expected:
		c.r.found(c.id, kind, key, "it was added after the snapshot was published, or is there twice")
	case d.Full != wanted:
		c.r.found(c.id, kind, key, "its content was changed: its digest is %x, published was %x", uint64(d.Full), uint64(wanted))
	case stored != wanted:
		c.r.found(c.id, kind, key, "its stored digest, or its mark as a bottleneck, was changed")
	}
}

func (c *checking) Nodes(_ context.Context, nodes []Node, stored []int64) error {
	for i, n := range nodes {
		c.r.Nodes++
		c.element(FindingNode, n.Key, c.nodes, stored[i], func() (Digest, error) { return NodeDigest(n) })
	}
	return nil
}

func (c *checking) Relationships(_ context.Context, rels []Relationship, stored []int64) error {
	for i, rel := range rels {
		c.r.Relationships++
		if rel.Key == "" { // not written by us: name it by its ends
			rel.Key = RelationshipKey(rel.From, rel.Type, rel.To, "")
		}
		c.element(FindingRelationship, rel.Key, c.rels, stored[i], func() (Digest, error) { return RelationshipDigest(rel) })
	}
	return nil
}

func (c *checking) missing(kind string, list map[string]int64) {
	keys := make([]string, 0, len(list))
	for key := range list {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		c.r.found(c.id, kind, key, "it was published and is gone")
	}
}

// verifyTrail checks the audit trail, the chain and the timelines, and gives what the trail knows of each snapshot that
// must still be there, with the state of the chain.
func (e *Engine) verifyTrail(ctx context.Context, r *VerifyReport) (map[string]SealedSnapshot, *ChainState, error) {
	chain, err := e.store.Chain(ctx)
	if err != nil {
		return nil, nil, err
	}
	sealed := map[string]SealedSnapshot{}
	hash, chainHash, next := "", "", int64(1)
	for next <= chain.AuditNo {
		events, err := e.store.Audit(ctx, AuditFilter{From: next, Limit: maxPage})
		if err != nil {
			return nil, nil, err
		}
		if len(events) == 0 {
			break
		}
		for i := range events {
			if events[i].No > chain.AuditNo {
				break // written after the head was read
			}
			r.AuditEvents++
			hash, chainHash = e.verifyEvent(&events[i], &next, hash, chainHash, sealed, r)
		}
	}
	if next != chain.AuditNo+1 {
		r.found("", FindingAudit, fmt.Sprint(next), "the trail should go on to event %d; events are missing", chain.AuditNo)
	} else if hash != chain.AuditHash {
		r.found("", FindingAudit, fmt.Sprint(chain.AuditNo), "the last event is not the one that the head of the trail names")
	}
	if chainHash != chain.ChainHash {
		r.found("", FindingAudit, "chain", "the head of the chain of snapshots is not the one that the trail names")
	}
	if chain.AuditEvents > chain.AuditNo {
		r.found("", FindingAudit, "trail", "there are %d events, but only %d were written through Graphsnap", chain.AuditEvents, chain.AuditNo)
	}
	for _, no := range chain.OddEvents {
		r.found("", FindingAudit, no, "properties or labels were added to the event or taken from it")
	}
	for _, id := range slices.Sorted(maps.Keys(sealed)) {
		if s := sealed[id]; s.Seq > chain.LastSeq {
			r.found(id, FindingHeader, "seq", "its number %d is above the last that was given out, %d: the counter was set back, and new snapshots would take numbers twice", s.Seq, chain.LastSeq)
		}
	}
	e.verifyTimelines(chain, sealed, r)
	return sealed, chain, nil
}

func (e *Engine) verifyEvent(ev *AuditEvent, next *int64, hash, chainHash string, sealed map[string]SealedSnapshot, r *VerifyReport) (string, string) {
	key := fmt.Sprint(ev.No)
	if ev.No != *next {
		r.found("", FindingAudit, fmt.Sprint(*next), "event %d is missing", *next)
	} else if ev.PreviousHash != hash {
		r.found(ev.SnapshotID, FindingAudit, key, "the event does not follow the one before it")
	}
	if ev.Sign() != ev.Hash {
		r.found(ev.SnapshotID, FindingAudit, key, "the event was changed")
	}
	*next = ev.No + 1
	switch ev.Action {
	case ActionPublished, ActionImported:
		var s SealedSnapshot
		if json.Unmarshal([]byte(ev.After), &s) != nil {
			r.found(ev.SnapshotID, FindingAudit, key, "the event cannot be read")
			break
		}
		if s.PreviousHash != chainHash || ChainHash(s.PreviousHash, ev.SnapshotID, s.RootHash, s.HeaderHash) != s.ChainHash {
			r.found(ev.SnapshotID, FindingAudit, key, "the chain of snapshots is broken here")
		}
		chainHash = s.ChainHash
		sealed[ev.SnapshotID] = s
	case ActionDeleted:
		delete(sealed, ev.SnapshotID)
	}
	return ev.Hash, chainHash
}

// ChainState is where the hash chains end, and how the timelines are linked.
type ChainState struct {
	ChainHash string
	AuditHash string
	AuditNo   int64
	// AuditEvents counts all that there are; OddEvents names those that say more or less than an event does.
	AuditEvents int64
	OddEvents   []string
	LastSeq     int64 // the last number that was given to a snapshot
	Timelines   []TimelineState
}

// TimelineState is one timeline as it is stored.
type TimelineState struct {
	Source string
	Heads  []string    // ids that :HEAD names; one where all is well
	Order  []string    // ids by time and seq
	Links  [][2]string // :NEXT from the first to the second
}

// Seals is what a database holds beside the frozen elements.
type Seals struct {
	HeaderHash   string   // over what stands on the snapshot now
	ManifestHash string   // over the stored manifest
	Uncontained  []string // nodes that are not linked to the snapshot by exactly one :CONTAINS
	Foreign      []string // relationships that join one of its elements with something else
	Strays       []string // what hangs on the snapshot itself and does not belong there
}

func (e *Engine) verifyTimelines(chain *ChainState, sealed map[string]SealedSnapshot, r *VerifyReport) {
	there := map[string]bool{}
	for _, t := range chain.Timelines {
		want := map[[2]string]bool{}
		for i, id := range t.Order {
			there[id] = true
			if i > 0 {
				want[[2]string{t.Order[i-1], id}] = true
			}
		}
		for _, l := range t.Links {
			if !want[l] {
				r.found(l[0], FindingLink, "NEXT "+l[0]+" -> "+l[1], "this link does not belong there, or is there twice")
			}
			delete(want, l)
		}
		for _, l := range sortedLinks(want) {
			r.found(l[0], FindingLink, "NEXT "+l[0]+" -> "+l[1], "this link is missing")
		}
		if len(t.Order) == 0 {
			for _, head := range t.Heads {
				r.found(head, FindingLink, "HEAD of "+t.Source, "the timeline has no snapshot, but a head")
			}
			continue
		}
		if len(t.Heads) != 1 || t.Heads[0] != t.Order[len(t.Order)-1] {
			r.found(t.Order[len(t.Order)-1], FindingLink, "HEAD of "+t.Source, "it should name the newest snapshot and names %q", strings.Join(t.Heads, ", "))
		}
	}
	gone := []string{}
	for id := range sealed {
		if !there[id] {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	for _, id := range gone {
		r.found(id, FindingDeletion, id, "it was published at %s and is gone, but nobody deleted it through Graphsnap", sealed[id].Timestamp.Format(time.RFC3339))
	}
}

func sortedLinks(m map[[2]string]bool) [][2]string {
	out := make([][2]string, 0, len(m))
	for l := range m {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
	return out
}
