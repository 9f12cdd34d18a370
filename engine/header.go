package engine

import "encoding/json"

// HeaderProperties gives the properties of a :Snapshot node but for the seals, header_hash and chain_hash. What a person
// reads in Neo4j Browser stands as plain values; lists of records are JSON text, because properties cannot nest.
func HeaderProperties(s *Snapshot) (Properties, error) {
	p := s.Live.Totals.Properties()
	// The snapshot calls its mean latency as the document does.
	if v, known := p["avg_latency_ms"]; known {
		p["avg_latency"] = v
		delete(p, "avg_latency_ms")
	}
	paths := make([]string, len(s.Summary.CriticalPaths))
	times := make([]float64, len(s.Summary.CriticalPaths))
	for i, c := range s.Summary.CriticalPaths {
		paths[i], times[i] = c.Path, c.TimeMSPer
	}
	for name, v := range map[string]any{
		"snapshot_id": s.ID, "seq": s.Seq, "source": s.Source, "timestamp": s.Timestamp.UTC(),
		"trigger_type": string(s.TriggerType), "rule": s.Rule, "trigger_reason": s.TriggerReason,
		"severity": string(s.Severity), "description": s.Description, "tags": append([]string{}, s.Tags...), "template": s.Template,
		"schema_version": s.SchemaVersion, "consistency": string(s.Consistency.Mode),
		"consistency_attempts": s.Consistency.Attempts, "consistency_read_ms": s.Consistency.ReadMS,
		"consistency_read_from": s.Consistency.ReadFrom.UTC(), "consistency_evidence": s.Consistency.Evidence,
		"root_hash": s.RootHash, "state_hash": s.StateHash, "manifest_hash": s.ManifestHash, "same_as": s.SameAs, "imported": s.Imported,
		"node_count": s.NodeCount, "relationship_count": s.RelationshipCount,
		"bottlenecks_count": s.Summary.BottlenecksCount, "critical_paths": paths, "critical_path_ms_per_s": times,
		"graph_complexity": string(s.Summary.Complexity), "capture_duration_ms": s.CaptureDurationMS,
		"database_type": s.Live.DatabaseType, "database_name": s.Live.DatabaseName, "database_version": s.Live.DatabaseVersion,
		"tick": s.Live.Tick, "live_status": s.Live.Status, "live_message": s.Live.Message, "warnings": append([]string{}, s.Warnings...),
	} {
		p[name] = v
	}
	// Snapshots from before there were classes have no such property, and their hash is over what they have.
	if s.Retention != "" {
		p["retention"] = s.Retention
	}
	if s.CaptureID != "" { // absent where there is none: null is what the unique constraint leaves alone
		p["capture_id"] = s.CaptureID
	}
	if !s.Live.CollectedAt.IsZero() {
		p["collected_at"] = s.Live.CollectedAt.UTC()
	}
	for name, v := range map[string]any{
		"labels_json": s.Labels, "relationship_types_json": s.RelationshipTypes, "bottlenecks_json": s.Summary.Bottlenecks,
	} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, Errorf(KindInternal, "header", "the header of the snapshot cannot be written").WithCause(err)
		}
		p[name] = string(text)
	}
	return p, nil
}
