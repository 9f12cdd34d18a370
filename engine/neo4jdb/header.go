package neo4jdb

import (
	"encoding/json"

	"graphsnap/engine"
)

// sealHeader gives the properties of a :Snapshot node with the hashes that seal them: the header's own, and the chain's
// over the one before. Both are filled in.
func sealHeader(s *engine.Snapshot, previous string) (map[string]any, error) {
	p, err := engine.HeaderProperties(s)
	if err != nil {
		return nil, err
	}
	if s.HeaderHash, err = headerHash(p); err != nil {
		return nil, err
	}
	s.ChainHash = engine.ChainHash(previous, s.ID, s.RootHash, s.HeaderHash)
	p["header_hash"], p["chain_hash"] = s.HeaderHash, s.ChainHash
	return p, nil
}

// headerHash seals what stands on a :Snapshot node but for the seals themselves.
func headerHash(stored map[string]any) (string, error) {
	p := make(engine.Properties, len(stored))
	for name, v := range stored {
		if name != "header_hash" && name != "chain_hash" {
			p[name] = fromDriver(v)
		}
	}
	return engine.HashProperties(p)
}

// snapshotOf reads a :Snapshot node. Kinds: internal where another wrote what cannot be read.
func snapshotOf(p engine.Properties) (engine.Snapshot, error) {
	w := stored(p)
	word, whole, at := w.word, w.whole, w.at
	float := func(name string) float64 { v, _ := p.Number(name); return v }
	s := engine.Snapshot{
		ID: word("snapshot_id"), Seq: int64(whole("seq")), CaptureID: word("capture_id"), Source: word("source"), Timestamp: at("timestamp"),
		TriggerType: engine.TriggerType(word("trigger_type")), Rule: word("rule"), TriggerReason: word("trigger_reason"),
		Severity: engine.Severity(word("severity")), Description: word("description"), Tags: texts(p["tags"]), Template: word("template"), Retention: word("retention"),
		SchemaVersion: whole("schema_version"), RootHash: word("root_hash"), ChainHash: word("chain_hash"),
		StateHash: word("state_hash"), HeaderHash: word("header_hash"), ManifestHash: word("manifest_hash"), SameAs: word("same_as"), Imported: p["imported"] == true,
		NodeCount: whole("node_count"), RelationshipCount: whole("relationship_count"),
		CaptureDurationMS: float("capture_duration_ms"), Warnings: texts(p["warnings"]),
		Consistency: engine.Consistency{Mode: engine.ConsistencyMode(word("consistency")), Attempts: whole("consistency_attempts"), ReadMS: float("consistency_read_ms"),
			ReadFrom: at("consistency_read_from"), Evidence: word("consistency_evidence")},
	}
	s.Live = engine.LiveState{
		Source: s.Source, Tick: int64(whole("tick")), CollectedAt: at("collected_at"), DatabaseType: word("database_type"),
		DatabaseName: word("database_name"), DatabaseVersion: word("database_version"), Status: word("live_status"), Message: word("live_message"),
		Totals: totals(p),
	}
	if v, ok := p.Number("avg_latency"); ok {
		s.Live.Totals.AvgLatencyMS = &v
	}
	s.Summary = engine.Summary{
		TotalQPS: s.Live.Totals.TotalQPS, AvgLatencyMS: s.Live.Totals.AvgLatencyMS,
		BottlenecksCount: whole("bottlenecks_count"), Complexity: engine.Complexity(word("graph_complexity")),
	}
	times, _ := p["critical_path_ms_per_s"].([]any)
	for i, path := range texts(p["critical_paths"]) {
		c := engine.CriticalPath{Path: path}
		if i < len(times) {
			c.TimeMSPer, _ = times[i].(float64)
		}
		s.Summary.CriticalPaths = append(s.Summary.CriticalPaths, c)
	}
	for name, into := range map[string]any{
		"labels_json": &s.Labels, "relationship_types_json": &s.RelationshipTypes, "bottlenecks_json": &s.Summary.Bottlenecks,
	} {
		if err := json.Unmarshal([]byte(word(name)), into); err != nil {
			return s, engine.Errorf(engine.KindInternal, "read snapshot", "property %s of %s cannot be read", name, s.ID).WithCause(err)
		}
	}
	return s, nil
}
