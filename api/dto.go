package api

import "time"

// Row is a snapshot without its graph: an entry of a list, the answer to a capture, a side of a comparison.
type Row struct {
	SnapshotID        string             `json:"snapshot_id" doc:"snap_YYYYMMDD_HHMMSS_<slug>, UTC" example:"snap_20260131_090500_pre_deploy"`
	Seq               int64              `json:"seq" doc:"Ascending number of the snapshot, unique in this snapshot database"`
	Source            string             `json:"source" doc:"The monitored database"`
	Timestamp         time.Time          `json:"timestamp" doc:"The moment that was frozen, UTC"`
	TriggerType       string             `json:"trigger_type" enum:"manual,scheduled,threshold,incident"`
	TriggerReason     string             `json:"trigger_reason"`
	Rule              string             `json:"rule" doc:"The rule that fired; empty for manual captures"`
	Severity          string             `json:"severity" enum:"low,medium,high,critical"`
	Description       string             `json:"description"`
	Tags              []string           `json:"tags" nullable:"false"`
	Template          string             `json:"template"`
	Retention         string             `json:"retention" doc:"Retention class that was asked for; empty where it follows from trigger and severity"`
	Pin               *Pin               `json:"pin" doc:"Keeps it from retention; null where it is not pinned"`
	NodeCount         int                `json:"node_count"`
	RelationshipCount int                `json:"relationship_count"`
	Labels            map[string]int     `json:"labels" doc:"Nodes by type"`
	RelationshipTypes map[string]int     `json:"relationship_types" doc:"Relationships by type"`
	Summary           PerformanceSummary `json:"performance_summary"`
	Metadata          Metadata           `json:"metadata"`
	Consistency       Consistency        `json:"consistency"`
	RootHash          string             `json:"root_hash" doc:"SHA-256 over the frozen content, hex"`
	StateHash         string             `json:"state_hash" doc:"The same without what only says when a value was taken"`
	HeaderHash        string             `json:"header_hash" doc:"SHA-256 over what stands on the snapshot itself"`
	ManifestHash      string             `json:"manifest_hash" doc:"SHA-256 over the index of all elements"`
	ChainHash         string             `json:"chain_hash" doc:"SHA-256 over root, header and the chain hash before it in publishing order"`
	SameAs            string             `json:"same_as" doc:"The snapshot before it, where nothing but time changed since; else empty"`
	Imported          bool               `json:"imported" doc:"Brought in from an export, not captured here"`
	Warnings          []string           `json:"warnings" nullable:"false"`
}

// Timeline is a stretch of a timeline, for drawing.
type Timeline struct {
	Snapshots []TimelineRow `json:"snapshots" nullable:"false" doc:"Oldest first"`
}

// TimelineRow is a snapshot as a point of a timeline; unknown figures are null, never 0.
type TimelineRow struct {
	SnapshotID       string    `json:"snapshot_id"`
	Timestamp        time.Time `json:"timestamp" doc:"The moment that was frozen, UTC"`
	TriggerType      string    `json:"trigger_type" enum:"manual,scheduled,threshold,incident"`
	Severity         string    `json:"severity" enum:"low,medium,high,critical"`
	TotalQPS         *float64  `json:"total_qps" doc:"Statements per second; null if unknown"`
	AvgLatency       *float64  `json:"avg_latency" doc:"Milliseconds; null if unknown"`
	BottlenecksCount int       `json:"bottlenecks_count"`
}

// PerformanceSummary is what a snapshot says at a glance; unknown figures are null, never 0.
type PerformanceSummary struct {
	TotalQPS         *float64     `json:"total_qps" doc:"Statements per second by the database's own counters; null if unknown"`
	AvgLatency       *float64     `json:"avg_latency" doc:"Call-weighted mean latency, milliseconds; null if unknown"`
	TimeMSPerS       *float64     `json:"time_ms_per_s" doc:"Execution time in the database per second, ms/s; null if unknown"`
	BottlenecksCount int          `json:"bottlenecks_count"`
	CriticalPaths    []string     `json:"critical_paths" nullable:"false" doc:"Heaviest chains of joined tables by additive time" example:"[\"users->products->inventory\"]"`
	Bottlenecks      []Bottleneck `json:"bottlenecks" nullable:"false" doc:"Elements of severity high or critical, worst first, at most 50"`
}

// Bottleneck is an element of severity high or critical.
type Bottleneck struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind" enum:"node,relationship"`
	Type     string            `json:"type"`
	Source   string            `json:"source,omitempty" doc:"Key of the start node of a relationship"`
	Target   string            `json:"target,omitempty" doc:"Key of the end node of a relationship"`
	Severity string            `json:"severity"`
	Value    *float64          `json:"value"`
	History  []HistoricalValue `json:"history,omitempty" doc:"Values in earlier snapshots, newest first; only with include_historical"`
}

// HistoricalValue is one earlier value of an element.
type HistoricalValue struct {
	SnapshotID string    `json:"snapshot_id"`
	Timestamp  time.Time `json:"timestamp"`
	Value      float64   `json:"value"`
}

// Metadata tells what was captured and at what cost.
type Metadata struct {
	DatabaseType      string  `json:"database_type"`
	DatabaseName      string  `json:"database_name"`
	DatabaseVersion   string  `json:"database_version"`
	CaptureDurationMS float64 `json:"capture_duration_ms"`
	GraphComplexity   string  `json:"graph_complexity" enum:"low,medium,high"`
}

// Consistency is the evidence that the captured state existed as a whole.
type Consistency struct {
	Mode     string     `json:"mode" enum:"quiet,tick,double,gate,fuzzy," doc:"quiet: nothing was committed during the read; tick: the collector wrote no tick during it; double: two readings were equal; gate: the collector was held off; fuzzy: nothing is proven"`
	Attempts int        `json:"attempts" doc:"Readings until one was proven"`
	ReadMS   float64    `json:"read_ms" doc:"Duration of the reading that was used, milliseconds"`
	ReadFrom *time.Time `json:"read_from" doc:"When that reading began, UTC"`
	Evidence string     `json:"evidence" doc:"Bookmarks, ticks or digests before and after"`
}

// Document is the snapshot document, schema_version 1.
type Document struct {
	Row
	SchemaVersion int        `json:"schema_version" example:"1"`
	GraphState    GraphState `json:"graph_state"`
}

// GraphState is the frozen graph.
type GraphState struct {
	Nodes         []GraphNode         `json:"nodes" nullable:"false"`
	Relationships []GraphRelationship `json:"relationships" nullable:"false"`
}

// GraphNode is one frozen node; ID is its key.
type GraphNode struct {
	ID         string         `json:"id" example:"users:Table"`
	Type       string         `json:"type" example:"Table"`
	Labels     []string       `json:"labels" nullable:"false"`
	Properties map[string]any `json:"properties"`
}

// GraphRelationship is one frozen relationship; ID is its key, Source and Target are keys of nodes.
type GraphRelationship struct {
	ID         string         `json:"id" example:"users:Table-[AVG_LATENCY_MS]->products:Table"`
	Source     string         `json:"source"`
	Target     string         `json:"target"`
	Type       string         `json:"type" example:"AVG_LATENCY_MS"`
	Properties map[string]any `json:"properties"`
}

// LiveDocument is the live graph of one source, now.
type LiveDocument struct {
	Source      string             `json:"source"`
	Tick        int64              `json:"tick"`
	CollectedAt time.Time          `json:"collected_at"`
	Status      string             `json:"status" enum:"ok,partial,down,"`
	Message     string             `json:"message"`
	GraphState  GraphState         `json:"graph_state"`
	Summary     PerformanceSummary `json:"performance_summary"`
	Metadata    Metadata           `json:"metadata"`
}

// Page is one page of a list of snapshots, newest first.
type Page struct {
	Snapshots  []Row  `json:"snapshots" nullable:"false"`
	NextCursor string `json:"next_cursor" doc:"Opaque; empty on the last page"`
}

// CaptureRequest asks for a snapshot.
type CaptureRequest struct {
	TriggerType       string   `json:"trigger_type,omitempty" enum:"manual,scheduled,threshold,incident" default:"manual"`
	Description       string   `json:"description,omitempty" maxLength:"2000"`
	IncludeHistorical bool     `json:"include_historical,omitempty" doc:"Add earlier values of each bottleneck to the answer"`
	Source            string   `json:"source,omitempty" doc:"Needed only where several sources are monitored and none is the default"`
	Template          string   `json:"template,omitempty" doc:"Name of the scope that is captured; everything where it is missing"`
	Retention         string   `json:"retention,omitempty" maxLength:"40" doc:"Retention class, where it shall not follow from trigger and severity"`
	Tags              []string `json:"tags,omitempty" maxItems:"50"`
	Severity          string   `json:"severity,omitempty" enum:"low,medium,high,critical" doc:"Overrides the severity found"`
	TriggerReason     string   `json:"trigger_reason,omitempty" maxLength:"2000"`
	AllowFuzzy        bool     `json:"allow_fuzzy,omitempty" doc:"Rather a reading that nothing proves than none; it is marked as fuzzy"`
	SkipUnchanged     bool     `json:"skip_unchanged,omitempty" doc:"Freeze nothing where nothing but time changed since the snapshot before; that one is the answer then"`
	CaptureID         string   `json:"capture_id,omitempty" maxLength:"64" doc:"Chosen by the client to follow the progress on the WebSocket"`
}

// Captured answers a capture.
type Captured struct {
	Row
	Unchanged bool `json:"unchanged" doc:"Nothing was frozen, because nothing but time changed; the row is the snapshot before"`
}
