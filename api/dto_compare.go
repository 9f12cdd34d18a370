package api

import "time"

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
	TotalChanges   int                `json:"total_changes" doc:"Changes that the filters select, on all pages"`
	NextOffset     *int               `json:"next_offset" doc:"Offset of the next page of changes; null on the last one"`
	TotalPairs     int                `json:"total_pairs"`
}

// ComparisonCounts counts all elements.
type ComparisonCounts struct {
	Nodes         StatusCounts `json:"nodes"`
	Relationships StatusCounts `json:"relationships"`
	Worse         int          `json:"worse"`
	Better        int          `json:"better"`
	Structural    int          `json:"structural" doc:"Differing elements whose aspect is structure"`
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
	Aspect       string           `json:"aspect" enum:"structure,metric" doc:"structure: an element that came, went or changed its labels, or one without a value; metric: a figure that moved"`
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

// ComparisonBrief is a diff in five numbers. For neighbours on the timeline they stand in the database already.
type ComparisonBrief struct {
	Baseline string `json:"baseline"`
	Target   string `json:"target"`
	Added    int    `json:"added"`
	Removed  int    `json:"removed"`
	Changed  int    `json:"changed"`
	Worse    int    `json:"worse"`
	Better   int    `json:"better"`
}

// ElementHistory is one element over time, oldest first.
type ElementHistory struct {
	Key      string         `json:"key"`
	Property string         `json:"property" doc:"The property that value shows"`
	Unit     string         `json:"unit" doc:"Of value; empty where it has none or it is unknown"`
	Points   []ElementPoint `json:"points" nullable:"false"`
}

// ElementPoint is one element in one snapshot.
type ElementPoint struct {
	SnapshotID string         `json:"snapshot_id"`
	Timestamp  time.Time      `json:"timestamp"`
	Present    bool           `json:"present" doc:"Whether the snapshot holds the element"`
	Value      *float64       `json:"value" doc:"null where the element or the property is missing or no number"`
	Severity   string         `json:"severity"`
	Properties map[string]any `json:"properties,omitempty" doc:"Only with properties=true"`
}
