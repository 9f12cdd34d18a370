package api

import (
	"encoding/base64"
	"fmt"
	"math"
	"time"

	"graphsnap/engine"
)

// rowOf gives the light row of a snapshot.
func rowOf(s *engine.Snapshot) Row {
	return Row{
		SnapshotID: s.ID, Seq: s.Seq, Source: s.Source, Timestamp: s.Timestamp.UTC(),
		TriggerType: string(s.TriggerType), TriggerReason: s.TriggerReason, Rule: s.Rule, Severity: string(s.Severity),
		Description: s.Description, Tags: orEmpty(s.Tags), Template: s.Template, Retention: s.Retention, Pin: pinOf(s.Pin),
		NodeCount: s.NodeCount, RelationshipCount: s.RelationshipCount, Labels: s.Labels, RelationshipTypes: s.RelationshipTypes,
		Summary: summaryOf(s.Summary, s.Live.Totals),
		Metadata: Metadata{
			DatabaseType: s.Live.DatabaseType, DatabaseName: s.Live.DatabaseName, DatabaseVersion: s.Live.DatabaseVersion,
			CaptureDurationMS: s.CaptureDurationMS, GraphComplexity: string(s.Summary.Complexity),
		},
		Consistency: Consistency{
			Mode: string(s.Consistency.Mode), Attempts: s.Consistency.Attempts, ReadMS: s.Consistency.ReadMS,
			ReadFrom: moment(s.Consistency.ReadFrom), Evidence: s.Consistency.Evidence,
		},
		RootHash: s.RootHash, StateHash: s.StateHash, HeaderHash: s.HeaderHash, ManifestHash: s.ManifestHash, ChainHash: s.ChainHash,
		SameAs: s.SameAs, Imported: s.Imported, Warnings: orEmpty(s.Warnings),
	}
}

func summaryOf(s engine.Summary, totals engine.Totals) PerformanceSummary {
	out := PerformanceSummary{
		TotalQPS: s.TotalQPS, AvgLatency: s.AvgLatencyMS, TimeMSPerS: totals.TimeMSPerS,
		BottlenecksCount: s.BottlenecksCount, CriticalPaths: []string{}, Bottlenecks: []Bottleneck{},
	}
	for _, p := range s.CriticalPaths {
		out.CriticalPaths = append(out.CriticalPaths, p.Path)
	}
	for _, b := range s.Bottlenecks {
		out.Bottlenecks = append(out.Bottlenecks, Bottleneck{
			ID: b.Key, Kind: string(b.Kind), Type: b.Type, Source: b.From, Target: b.To, Severity: string(b.Severity), Value: b.Value,
		})
	}
	return out
}

// addHistory puts earlier values of each bottleneck into a summary.
func addHistory(s *PerformanceSummary, points []engine.HistoryPoint) {
	for i := range s.Bottlenecks {
		for _, p := range points {
			if v, ok := p.Values[s.Bottlenecks[i].ID]; ok {
				s.Bottlenecks[i].History = append(s.Bottlenecks[i].History, HistoricalValue{p.SnapshotID, p.Timestamp, v})
			}
		}
	}
}

func graphOf(g *engine.Graph) GraphState {
	out := GraphState{Nodes: make([]GraphNode, len(g.Nodes)), Relationships: make([]GraphRelationship, len(g.Relationships))}
	for i, n := range g.Nodes {
		out.Nodes[i] = nodeOf(n)
	}
	for i, r := range g.Relationships {
		out.Relationships[i] = relationshipOf(r)
	}
	return out
}

func nodeOf(n engine.Node) GraphNode {
	return GraphNode{ID: n.Key, Type: n.Type(), Labels: orEmpty(n.Labels), Properties: propertiesOf(n.Properties)}
}

func relationshipOf(r engine.Relationship) GraphRelationship {
	return GraphRelationship{ID: r.Key, Source: r.From, Target: r.To, Type: r.Type, Properties: propertiesOf(r.Properties)}
}

func propertiesOf(p engine.Properties) map[string]any {
	out := make(map[string]any, len(p))
	for name, v := range p {
		out[name] = jsonValue(v)
	}
	return out
}

// jsonValue gives a property in the form that JSON can carry: bytes in base64, times in RFC 3339, and what JSON has no
// number for as text.
func jsonValue(v any) any {
	switch x := v.(type) {
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Sprint(x)
		}
		return x
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case time.Time:
		return x.Format(time.RFC3339Nano)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = jsonValue(x[i])
		}
		return out
	case fmt.Stringer:
		return x.String()
	}
	return v
}

func liveOf(r *engine.LiveRead, g *engine.Graph) LiveDocument {
	return LiveDocument{
		Source: r.State.Source, Tick: r.State.Tick, CollectedAt: r.State.CollectedAt, Status: r.State.Status, Message: r.State.Message,
		GraphState: graphOf(g),
		Summary:    summaryOf(engine.Summarise(g, r.State.Totals), r.State.Totals),
		Metadata:   Metadata{DatabaseType: r.State.DatabaseType, DatabaseName: r.State.DatabaseName, DatabaseVersion: r.State.DatabaseVersion},
	}
}

func number(n int) *float64 { return ptr(float64(n)) }

func ptr[T any](v T) *T { return &v }

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// moment gives a time as it is in JSON: null where it is unknown.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return ptr(t.UTC())
}
