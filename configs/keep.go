package configs

import (
	"maps"
	"net/url"
)

// Retention says how long snapshots are kept. What nothing is said about is kept for ever; the zero value removes nothing.
type Retention struct {
	ManualSnapshots    Age `yaml:"manual_snapshots,omitempty"`
	ScheduledSnapshots Age `yaml:"scheduled_snapshots,omitempty"`
	ThresholdSnapshots Age `yaml:"threshold_snapshots,omitempty"`
	AutoSnapshots      Age `yaml:"auto_snapshots,omitempty"` // scheduled and threshold ones, where theirs are not set
	IncidentSnapshots  Age `yaml:"incident_snapshots,omitempty"`
	HighSeverity       Age `yaml:"high_severity,omitempty"` // severity high or critical, whatever took them

	Classes map[string]Age `yaml:"classes,omitempty"` // of your own, which rules and templates name

	// The keep rules keep the newest of each of the last so many hours, days ... that have snapshots; -1 is all.
	KeepLast    int `yaml:"keep_last,omitempty"`
	KeepHourly  int `yaml:"keep_hourly,omitempty"`
	KeepDaily   int `yaml:"keep_daily,omitempty"`
	KeepWeekly  int `yaml:"keep_weekly,omitempty"`
	KeepMonthly int `yaml:"keep_monthly,omitempty"`
	KeepYearly  int `yaml:"keep_yearly,omitempty"`
	KeepWithin  Age `yaml:"keep_within,omitempty"` // all that are at most so much older than the newest of their source

	MaxSnapshots int `yaml:"max_snapshots,omitempty"` // of all sources; 0: no limit
}

// Spans gives how long each class is kept, by the names of retention classes; auto stands for scheduled and threshold
// where these have no span of their own.
func (r Retention) Spans() map[string]Age {
	spans := map[string]Age{}
	maps.Copy(spans, r.Classes)
	for class, span := range map[string]Age{
		"manual": r.ManualSnapshots, "scheduled": r.ScheduledSnapshots, "threshold": r.ThresholdSnapshots, "auto": r.AutoSnapshots,
		"incident": r.IncidentSnapshots, "high_severity": r.HighSeverity,
	} {
		if span != 0 {
			spans[class] = span
		}
	}
	return spans
}

// retentionClasses are what a rule or a template may put its snapshots into, beside those of Retention.Classes.
var retentionClasses = []string{"manual", "scheduled", "threshold", "incident", "high_severity", "permanent"}

// Template is a named scope of a capture. Empty lists select everything.
type Template struct {
	Description       string   `yaml:"description,omitempty"`
	Sources           []string `yaml:"sources,omitempty"`
	Labels            []string `yaml:"labels,omitempty"`
	RelationshipTypes []string `yaml:"relationship_types,omitempty"`
	Keys              []string `yaml:"keys,omitempty"`       // patterns: order*:Table
	Properties        []string `yaml:"properties,omitempty"` // the only ones that are kept
	Tags              []string `yaml:"tags,omitempty"`
	Retention         string   `yaml:"retention,omitempty"` // a retention class
}

// Recorder is the flight recorder: the frames kept in memory per source, and how a case goes on.
type Recorder struct {
	Length        Duration `yaml:"length"`          // of the ring of frames; 0 switches the recorder off
	MemoryMB      int      `yaml:"memory_mb"`       // of all rings together, MiB; the oldest frames give way
	Before        int      `yaml:"before"`          // frames from before the trigger that a case gets
	FollowUpEvery Duration `yaml:"follow_up_every"` // while a case is open
	FollowUps     int      `yaml:"follow_ups"`      // most follow-ups of a case
	Recovery      Duration `yaml:"recovery"`        // a case ends when all was well for so long
	Limit         Duration `yaml:"limit"`           // a case ends after this at the latest
}

// Webhook is told of events by signed CloudEvents. The secret comes from secret_file where that is set.
type Webhook struct {
	Name       string   `yaml:"name,omitempty"` // "": the host of the URL
	URL        Secret   `yaml:"url"`            // chat services put their token into it
	Secret     Secret   `yaml:"secret,omitempty"`
	SecretFile string   `yaml:"secret_file,omitempty"`
	Events     []string `yaml:"events,omitempty"` // empty: cases
	Sources    []string `yaml:"sources,omitempty"`
}

// WebhookEvents are what a webhook may be told of.
var WebhookEvents = []string{
	"case.opened", "case.updated", "case.ended", "snapshot.created", "snapshot.deleted", "capture.failed", "rule.fired", "rule.suppressed",
}

// Label gives the name of a webhook, or the host of its URL.
func (w Webhook) Label() string {
	if w.Name != "" {
		return w.Name
	}
	u, err := url.Parse(string(w.URL))
	if err != nil {
		return ""
	}
	return u.Host
}

// ReadSecret gives the secret, from its file where it has one. Kinds: denied.
func (w Webhook) ReadSecret() (string, error) { return readSecret(string(w.Secret), w.SecretFile) }

// The stores beside Neo4j, which always holds the snapshots.
const (
	StorageNeo4j      = "neo4j"
	StorageFilesystem = "filesystem"
	StorageTimeseries = "timeseries"
)

// Storage is where copies of snapshots go besides Neo4j.
type Storage struct {
	Type        string `yaml:"type"`
	Path        string `yaml:"path"`
	Compression bool   `yaml:"compression"`
}

// Export is how copies in the storage are written.
type Export struct {
	Formats         []string `yaml:"formats"`
	Compression     bool     `yaml:"compression"`
	IncludeMetadata bool     `yaml:"include_metadata"`
}
