package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The snapshot document, schema_version 1. Its graph comes as a stream of elements; these are the fields around it. What
// names the snapshot stands in front of the graph, what follows from the graph behind it, so that both writing and
// reading take one pass. Reading takes the fields in any order.
type documentHead struct {
	SchemaVersion     int       `json:"schema_version"`
	SnapshotID        string    `json:"snapshot_id"`
	Source            string    `json:"source"`
	Timestamp         time.Time `json:"timestamp"`
	NodeCount         *int      `json:"node_count,omitempty"`
	RelationshipCount *int      `json:"relationship_count,omitempty"`
	*documentMetadata           // nil in a document without metadata
}

type documentMetadata struct {
	Seq           int64               `json:"seq"` // in the database that it was exported from
	TriggerType   TriggerType         `json:"trigger_type"`
	TriggerReason string              `json:"trigger_reason"`
	Rule          string              `json:"rule"`
	Description   string              `json:"description"`
	Tags          []string            `json:"tags"`
	Template      string              `json:"template"`
	Retention     string              `json:"retention,omitempty"`
	Consistency   documentConsistency `json:"consistency"`
	Live          *documentLive       `json:"live"`
	Warnings      []string            `json:"warnings"`
	SameAs        string              `json:"same_as"`
	Imported      bool                `json:"imported"`
	ChainHash     string              `json:"chain_hash"` // of the database that it was exported from
}

type documentConsistency struct {
	Mode     ConsistencyMode `json:"mode"`
	Attempts int             `json:"attempts"`
	ReadMS   float64         `json:"read_ms"`
	ReadFrom *time.Time      `json:"read_from"`
	Evidence string          `json:"evidence"`
}

// documentLive is the tick that was captured.
type documentLive struct {
	Tick        int64          `json:"tick"`
	CollectedAt *time.Time     `json:"collected_at"`
	Status      string         `json:"status"`
	Message     string         `json:"message"`
	Totals      documentTotals `json:"totals"`
}

type documentTotals struct {
	TotalQPS           *float64 `json:"total_qps"`
	AvgLatencyMS       *float64 `json:"avg_latency_ms"`
	TimeMSPerS         *float64 `json:"time_ms_per_s"`
	UnattributedMSPerS *float64 `json:"unattributed_ms_per_s"`
	ErrorRate          *float64 `json:"error_rate"`
	Deadlocks          *int64   `json:"deadlocks"`
	Connections        *int64   `json:"connections"`
	ParseCoverage      *float64 `json:"parse_coverage"`
	WindowS            *float64 `json:"window_s"`
	CollectMS          *float64 `json:"collect_ms"`
}

// documentTail is what follows from the graph.
type documentTail struct {
	RootHash         string `json:"root_hash,omitempty"`
	*documentDerived        // nil in a document without metadata
}

type documentDerived struct {
	StateHash         string         `json:"state_hash"`
	Severity          Severity       `json:"severity"`
	Labels            map[string]int `json:"labels"`
	RelationshipTypes map[string]int `json:"relationship_types"`
	Summary           struct {
		TotalQPS         *float64             `json:"total_qps"`
		AvgLatency       *float64             `json:"avg_latency"`
		TimeMSPerS       *float64             `json:"time_ms_per_s"`
		BottlenecksCount int                  `json:"bottlenecks_count"`
		CriticalPaths    []string             `json:"critical_paths"`
		Bottlenecks      []documentBottleneck `json:"bottlenecks"`
	} `json:"performance_summary"`
	Metadata struct {
		DatabaseType      string     `json:"database_type"`
		DatabaseName      string     `json:"database_name"`
		DatabaseVersion   string     `json:"database_version"`
		CaptureDurationMS float64    `json:"capture_duration_ms"`
		GraphComplexity   Complexity `json:"graph_complexity"`
	} `json:"metadata"`
}

type documentBottleneck struct {
	ID       string      `json:"id"`
	Kind     ElementKind `json:"kind"`
	Type     string      `json:"type"`
	Source   string      `json:"source,omitempty"`
	Target   string      `json:"target,omitempty"`
	Severity Severity    `json:"severity"`
	Value    *float64    `json:"value"`
}

func headOf(s *Snapshot, metadata bool) documentHead {
	h := documentHead{
		SchemaVersion: SchemaVersion, SnapshotID: s.ID, Source: s.Source, Timestamp: s.Timestamp.UTC(),
		NodeCount: &s.NodeCount, RelationshipCount: &s.RelationshipCount,
	}
	if !metadata {
		return h
	}
	c := s.Consistency
	h.documentMetadata = &documentMetadata{
		Seq: s.Seq, TriggerType: s.TriggerType, TriggerReason: s.TriggerReason, Rule: s.Rule, Description: s.Description,
		Tags: some(s.Tags), Template: s.Template, Retention: s.Retention, Warnings: some(s.Warnings), SameAs: s.SameAs, Imported: s.Imported, ChainHash: s.ChainHash,
		Consistency: documentConsistency{c.Mode, c.Attempts, c.ReadMS, moment(c.ReadFrom), c.Evidence},
		Live: &documentLive{
			Tick: s.Live.Tick, CollectedAt: moment(s.Live.CollectedAt), Status: s.Live.Status, Message: s.Live.Message,
			Totals: totalsOf(s.Live.Totals),
		},
	}
	return h
}

func tailOf(s *Snapshot, metadata bool) documentTail {
	t := documentTail{RootHash: s.RootHash}
	if !metadata {
		return t
	}
	d := &documentDerived{StateHash: s.StateHash, Severity: s.Severity, Labels: s.Labels, RelationshipTypes: s.RelationshipTypes}
	totals := totalsOf(s.Live.Totals)
	d.Summary.TotalQPS, d.Summary.AvgLatency, d.Summary.TimeMSPerS = totals.TotalQPS, totals.AvgLatencyMS, totals.TimeMSPerS
	d.Summary.BottlenecksCount, d.Summary.CriticalPaths, d.Summary.Bottlenecks = s.Summary.BottlenecksCount, []string{}, []documentBottleneck{}
	for _, p := range s.Summary.CriticalPaths {
		d.Summary.CriticalPaths = append(d.Summary.CriticalPaths, p.Path)
	}
	for _, b := range s.Summary.Bottlenecks {
		d.Summary.Bottlenecks = append(d.Summary.Bottlenecks, documentBottleneck{b.Key, b.Kind, b.Type, b.From, b.To, b.Severity, finite(b.Value)})
	}
	m := &d.Metadata
	m.DatabaseType, m.DatabaseName, m.DatabaseVersion = s.Live.DatabaseType, s.Live.DatabaseName, s.Live.DatabaseVersion
	m.CaptureDurationMS, m.GraphComplexity = s.CaptureDurationMS, s.Summary.Complexity
	t.documentDerived = d
	return t
}

// some gives an empty list for none, as documents have it.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func totalsOf(t Totals) documentTotals {
	for _, v := range []**float64{&t.TotalQPS, &t.AvgLatencyMS, &t.TimeMSPerS, &t.UnattributedMSPerS, &t.ErrorRate, &t.ParseCoverage, &t.WindowS, &t.CollectMS} {
		*v = finite(*v)
	}
	return documentTotals(t)
}

// finite gives nil for what JSON has no number for; the element itself has the exact value.
func finite(v *float64) *float64 {
	if v == nil || *v-*v != 0 {
		return nil
	}
	return v
}

// snapshotOf gives the snapshot that the fields of a document describe, without what follows from its graph; root is the
// hash that its graph must have, "" where none is given. Kinds: invalid.
func snapshotOf(fields map[string]json.RawMessage) (s *Snapshot, counts [2]*int, root string, err error) {
	const op = "import"
	d := struct {
		documentHead
		documentTail
	}{documentHead{documentMetadata: &documentMetadata{}}, documentTail{documentDerived: &documentDerived{}}}
	for _, name := range sortedNames(fields) {
		one, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err == nil {
			err = json.Unmarshal(one, &d)
		}
		if err != nil {
			return nil, counts, "", Errorf(KindInvalid, op, "the field %.60q is not as a snapshot document has it", name).WithCause(err)
		}
	}
	live := d.Live
	if live == nil {
		live = &documentLive{Totals: documentTotals{TotalQPS: d.Summary.TotalQPS, AvgLatencyMS: d.Summary.AvgLatency, TimeMSPerS: d.Summary.TimeMSPerS}}
	}
	s = &Snapshot{
		ID: d.SnapshotID, Source: d.Source, Timestamp: d.Timestamp.UTC(), TriggerType: d.TriggerType, TriggerReason: d.TriggerReason,
		Rule: d.Rule, Severity: d.Severity, Description: d.Description, Tags: d.Tags, Template: d.Template, Retention: d.Retention, Warnings: d.Warnings,
		Consistency:       Consistency{d.Consistency.Mode, d.Consistency.Attempts, d.Consistency.ReadMS, given(d.Consistency.ReadFrom), d.Consistency.Evidence},
		CaptureDurationMS: d.Metadata.CaptureDurationMS, Imported: true,
		Live: LiveState{
			Source: d.Source, Tick: live.Tick, CollectedAt: given(live.CollectedAt), Status: live.Status, Message: live.Message, Totals: Totals(live.Totals),
			DatabaseType: d.Metadata.DatabaseType, DatabaseName: d.Metadata.DatabaseName, DatabaseVersion: d.Metadata.DatabaseVersion,
		},
	}
	return s, [2]*int{d.NodeCount, d.RelationshipCount}, d.RootHash, nil
}

func given(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// checkImported holds the header of a document to what a capture would have let through. Kinds: invalid.
func checkImported(s *Snapshot) error {
	const op = "import"
	if s.TriggerType == "" {
		s.TriggerType = TriggerManual
	}
	slices.Sort(s.Tags)
	s.Tags = slices.Compact(s.Tags)
	switch {
	case !IsSnapshotID(s.ID) || len(s.ID) > 200:
		return Errorf(KindInvalid, op, "%.60q is no snapshot id", s.ID).WithHint("ids look like snap_20260131_090500_pre_deploy")
	case s.Source == "" || len(s.Source) > maxDescription:
		return Errorf(KindInvalid, op, "the document does not say which source it is of").WithHint("name the source for the import")
	case s.Timestamp.Year() < 1970 || s.Timestamp.Year() > 9998:
		return Errorf(KindInvalid, op, "the document has no timestamp, or one that cannot be").WithHint("timestamps look like 2026-01-31T09:05:00Z")
	case !slices.Contains(TriggerTypes, s.TriggerType):
		return Errorf(KindInvalid, op, "there is no trigger %.40q", string(s.TriggerType)).WithHint("triggers are manual, scheduled, threshold and incident")
	case s.Severity != "" && s.Severity.Rank() == 0:
		return Errorf(KindInvalid, op, "there is no severity %.40q", string(s.Severity)).WithHint("severities are low, medium, high and critical")
	case len(s.Tags) > maxTags || slices.ContainsFunc(s.Tags, func(t string) bool { return t == "" || len(t) > maxTag }):
		return Errorf(KindInvalid, op, "there are more than %d tags, or one is empty or longer than %d bytes", maxTags, maxTag)
	case len(s.Description) > maxDescription:
		return Errorf(KindInvalid, op, "the description has %d bytes", len(s.Description)).WithHint("keep it under %d", maxDescription)
	}
	switch s.Consistency.Mode {
	case "", ConsistencyQuiet, ConsistencyTick, ConsistencyDouble, ConsistencyGate, ConsistencyFuzzy:
	default:
		return Errorf(KindInvalid, op, "there is no consistency mode %.40q", string(s.Consistency.Mode))
	}
	for _, at := range []time.Time{s.Live.CollectedAt, s.Consistency.ReadFrom} {
		if err := checkYear(at); err != nil {
			return err
		}
	}
	return nil
}

// checkImportedNode holds a node from outside to what Neo4j can store. Kinds: invalid, exhausted.
func checkImportedNode(n *Node) error {
	for _, l := range n.Labels {
		if err := checkName("label", l); err != nil {
			return err
		}
	}
	slices.Sort(n.Labels)
	n.Labels = slices.Compact(n.Labels)
	return checkImportedElement(n.Key, n.Properties)
}

func checkImportedRelationship(r *Relationship) error {
	if err := checkName("relationship type", r.Type); err != nil {
		return err
	}
	return checkImportedElement(r.Key, r.Properties)
}

func checkImportedElement(key string, p Properties) error {
	if key == "" || len(key) > maxKeyBytes {
		return Errorf(KindInvalid, "import", "a key is empty or longer than %d bytes", maxKeyBytes)
	}
	for name := range p {
		if err := checkName("property", name); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses names that Neo4j does.
func checkName(what, name string) error {
	if name == "" || len(name) > maxKeyBytes || strings.IndexByte(name, 0) >= 0 {
		return Errorf(KindInvalid, "import", "the name of a %s is empty, longer than %d bytes or holds a NUL: %.40q", what, maxKeyBytes, name)
	}
	return nil
}
