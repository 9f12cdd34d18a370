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
	NodeCount         int                `json:"node_count"`
	RelationshipCount int                `json:"relationship_count"`
	Labels            map[string]int     `json:"labels" doc:"Nodes by type"`
	RelationshipTypes map[string]int     `json:"relationship_types" doc:"Relationships by type"`
	Summary           PerformanceSummary `json:"performance_summary"`
	Metadata          Metadata           `json:"metadata"`
	Consistency       Consistency        `json:"consistency"`
	RootHash          string             `json:"root_hash" doc:"SHA-256 over the frozen content, hex"`
	Warnings          []string           `json:"warnings" nullable:"false"`
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
	Mode     string  `json:"mode" enum:"quiet,tick,fuzzy"`
	Attempts int     `json:"attempts"`
	ReadMS   float64 `json:"read_ms"`
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
	Template          string   `json:"template,omitempty"`
	Tags              []string `json:"tags,omitempty" maxItems:"50"`
	Severity          string   `json:"severity,omitempty" enum:"low,medium,high,critical" doc:"Overrides the severity found"`
	TriggerReason     string   `json:"trigger_reason,omitempty" maxLength:"2000"`
	CaptureID         string   `json:"capture_id,omitempty" maxLength:"64" doc:"Chosen by the client to follow the progress on the WebSocket"`
}

// Delta is a figure on both sides. Absolute is to-from, Relative (to-from)/|from|; null where a side is unknown.
type Delta struct {
	From     *float64 `json:"from"`
	To       *float64 `json:"to"`
	Absolute *float64 `json:"absolute"`
	Relative *float64 `json:"relative"`
}

// StatusCounts counts elements by status.
type StatusCounts struct {
	Added     int `json:"added"`
	Removed   int `json:"removed"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// Comparison is the diff of two snapshots.
type Comparison struct {
	Baseline       Row                `json:"baseline"`
	Target         Row                `json:"target"`
	SecondsBetween float64            `json:"seconds_between"`
	SameDatabase   bool               `json:"same_database"`
	NothingChanged bool               `json:"nothing_changed"`
	Warnings       []string           `json:"warnings" nullable:"false"`
	Counts         ComparisonCounts   `json:"counts"`
	Summary        ComparisonSummary  `json:"summary"`
	Pairs          []ComparisonPair   `json:"pairs" nullable:"false" doc:"Table pairs by change of additive time, largest first; source equals target for a table by itself"`
	Changes        []ComparisonChange `json:"changes" nullable:"false" doc:"Elements that changed, by contribution, largest first"`
	TotalChanges   int                `json:"total_changes"`
	TotalPairs     int                `json:"total_pairs"`
}

// ComparisonCounts counts all elements.
type ComparisonCounts struct {
	Nodes         StatusCounts `json:"nodes"`
	Relationships StatusCounts `json:"relationships"`
	Worse         int          `json:"worse"`
	Better        int          `json:"better"`
}

// ComparisonSummary compares the totals.
type ComparisonSummary struct {
	TotalQPS         Delta `json:"total_qps"`
	AvgLatency       Delta `json:"avg_latency"`
	TimeMSPerS       Delta `json:"time_ms_per_s"`
	BottlenecksCount Delta `json:"bottlenecks_count"`
}

// ComparisonPair ranks one pair of tables.
type ComparisonPair struct {
	Source        string  `json:"source" example:"users:Table"`
	Target        string  `json:"target" example:"products:Table"`
	TimeMSPerS    Delta   `json:"time_ms_per_s"`
	AvgLatencyMS  Delta   `json:"avg_latency_ms"`
	QueriesPerSec Delta   `json:"queries_per_sec"`
	DeltaMSPerS   float64 `json:"delta_ms_per_s"`
	Share         float64 `json:"share" doc:"Part of all movement, 0-1"`
}

// ComparisonChange is one changed element.
type ComparisonChange struct {
	Status       string           `json:"status" enum:"added,removed,changed"`
	Kind         string           `json:"kind" enum:"node,relationship"`
	ID           string           `json:"id"`
	Type         string           `json:"type"`
	Source       string           `json:"source,omitempty"`
	Target       string           `json:"target,omitempty"`
	Value        *Delta           `json:"value" doc:"The metric's value on both sides; null where the element has none"`
	SeverityFrom string           `json:"severity_from,omitempty"`
	SeverityTo   string           `json:"severity_to,omitempty"`
	Direction    string           `json:"direction" enum:"worse,better,"`
	Contribution float64          `json:"contribution" doc:"Change of additive time, ms/s"`
	Properties   []ChangeProperty `json:"properties" nullable:"false"`
}

// ChangeProperty is one property that differs.
type ChangeProperty struct {
	Name     string   `json:"name"`
	From     any      `json:"from"`
	To       any      `json:"to"`
	Absolute *float64 `json:"absolute"`
	Relative *float64 `json:"relative"`
}

// Health is "ok" or the plain cause of the trouble, with the next step in Hint.
type Health struct {
	Health string `json:"health" doc:"ok, or what is wrong"`
	Hint   string `json:"hint,omitempty" doc:"What to do next"`
}

// APIStatus tells where the API is.
type APIStatus struct {
	URL string `json:"url"`
	Health
}

// ServerStatus tells where a Neo4j server is and how it feels.
type ServerStatus struct {
	Bolt         string `json:"bolt"`
	HTTP         string `json:"http"`
	User         string `json:"user"`
	PasswordFile string `json:"password_file" doc:"Empty where the password comes from the configuration"`
	Version      string `json:"version"`
	Health
}

// SourceStatus tells how the collecting of one source goes. The DSN never holds a password.
type SourceStatus struct {
	Name          string     `json:"name"`
	Type          string     `json:"type"`
	DSN           string     `json:"dsn"`
	Default       bool       `json:"default"`
	Tick          int64      `json:"tick"`
	CollectedAt   *time.Time `json:"collected_at"`
	ParseCoverage *float64   `json:"parse_coverage" doc:"Share of execution time whose statements were understood, 0-1"`
	CollectMS     *float64   `json:"collect_ms" doc:"What the last tick cost the monitored database, milliseconds"`
	Health
}

// Status is the state of the whole product.
type Status struct {
	API       APIStatus      `json:"api"`
	Live      ServerStatus   `json:"live"`
	Snapshots ServerStatus   `json:"snapshots"`
	Sources   []SourceStatus `json:"sources" nullable:"false"`
	Version   string         `json:"version"`
}

// DemoFault is one fault of the demo.
type DemoFault struct {
	Name   string     `json:"name"`
	Cause  string     `json:"cause"`
	Active bool       `json:"active"`
	Since  *time.Time `json:"since"`
}

// DemoClass is one query class of the demo workload with the workload's own counts.
type DemoClass struct {
	Name    string   `json:"name"`
	Tables  []string `json:"tables" nullable:"false"`
	Weight  float64  `json:"weight"`
	Sent    int64    `json:"sent"`
	Errors  int64    `json:"errors"`
	TotalMS float64  `json:"total_ms"`
}

// DemoStatus is what the demo workload does now.
type DemoStatus struct {
	DSN           string      `json:"dsn"`
	Rate          float64     `json:"rate" doc:"Wanted statements per second"`
	EffectiveRate float64     `json:"effective_rate" doc:"After the wave and the faults"`
	Classes       []DemoClass `json:"classes" nullable:"false"`
	Faults        []DemoFault `json:"faults" nullable:"false"`
}

// DemoLoad sets the rate of the demo workload.
type DemoLoad struct {
	Rate float64 `json:"rate" minimum:"0" maximum:"5000" doc:"Statements per second"`
}

// Event is the one envelope of the WebSocket: CloudEvents 1.0 JSON with a rising seq.
type Event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Seq             int64     `json:"seq"`
	Data            any       `json:"data"`
}

// The types of Event and what Data holds.
const (
	EventHello           = "graphsnap.hello"            // HelloData; the first message of a connection
	EventHeartbeat       = "graphsnap.heartbeat"        // {}
	EventTick            = "graphsnap.tick"             // TickData
	EventCaptureProgress = "graphsnap.capture.progress" // CaptureProgressData
	EventCaptureFailed   = "graphsnap.capture.failed"   // CaptureFailedData
	EventSnapshotCreated = "graphsnap.snapshot.created" // Row
	EventSnapshotDeleted = "graphsnap.snapshot.deleted" // SnapshotDeletedData
)

// HelloData opens a connection.
type HelloData struct {
	Version string `json:"version"`
	LastSeq int64  `json:"last_seq"`
	Resumed bool   `json:"resumed" doc:"Whether all events since ?since= follow; else reload what you show"`
}

// TickData says that a collection round was written.
type TickData struct {
	Source      string    `json:"source"`
	Tick        int64     `json:"tick"`
	CollectedAt time.Time `json:"collected_at"`
	TotalQPS    *float64  `json:"total_qps"`
	AvgLatency  *float64  `json:"avg_latency"`
	TimeMSPerS  *float64  `json:"time_ms_per_s"`
	Status      string    `json:"status"`
	Message     string    `json:"message"`
}

// CaptureProgressData says how far a capture is; stages are read, summarise, freeze, verify, publish.
type CaptureProgressData struct {
	CaptureID string `json:"capture_id"`
	Source    string `json:"source"`
	Stage     string `json:"stage"`
	Done      int    `json:"done"`
	Total     int    `json:"total"`
}

// CaptureFailedData says why a capture failed.
type CaptureFailedData struct {
	CaptureID string `json:"capture_id"`
	Source    string `json:"source"`
	Error     string `json:"error"`
	Hint      string `json:"hint"`
}

// SnapshotDeletedData names a deleted snapshot.
type SnapshotDeletedData struct {
	SnapshotID string `json:"snapshot_id"`
	Source     string `json:"source"`
}
