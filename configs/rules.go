package configs

import (
	"fmt"
	"slices"
	"strings"

	"graphsnap/engine"
)

// Rule says when to capture; exactly one of Schedule, Threshold, Incident and Smart is set. engine/trigger explains what
// each field does.
type Rule struct {
	Name        string   `yaml:"name"` // "": follows from what it says
	Sources     []string `yaml:"sources,omitempty"`
	When        string   `yaml:"when,omitempty"` // a calendar
	Disabled    bool     `yaml:"disabled,omitempty"`
	Cooldown    Duration `yaml:"cooldown,omitempty"`
	MaxPerHour  int      `yaml:"max_per_hour,omitempty"`
	Case        bool     `yaml:"case,omitempty"`
	Severity    string   `yaml:"severity,omitempty"`
	Template    string   `yaml:"template,omitempty"`
	Description string   `yaml:"description,omitempty"`
	Tags        []string `yaml:"tags,omitempty"`
	Retention   string   `yaml:"retention,omitempty"` // a retention class

	Schedule  Schedule  `yaml:"schedule,omitempty"`
	Threshold Threshold `yaml:"threshold,omitempty"`
	Incident  Incident  `yaml:"incident,omitempty"`
	Smart     Smart     `yaml:"smart,omitempty"`

	path    string // where it is written
	derived bool   // its name follows from what it says
}

// Schedule fires by the clock: Every or Cron is set.
type Schedule struct {
	Every         Duration `yaml:"every,omitempty"`
	Cron          string   `yaml:"cron,omitempty"`
	Zone          string   `yaml:"zone,omitempty"`
	Jitter        Duration `yaml:"jitter,omitempty"`
	SkipUnchanged bool     `yaml:"skip_unchanged,omitempty"`
}

// Threshold fires when a metric meets a condition such as "> 1000ms".
type Threshold struct {
	Metric    string   `yaml:"metric,omitempty"`
	Scope     string   `yaml:"scope,omitempty"`
	Condition string   `yaml:"condition,omitempty"`
	Clear     string   `yaml:"clear,omitempty"`
	For       Duration `yaml:"for,omitempty"`
	Count     int      `yaml:"count,omitempty"`
}

// Incident fires when a detector finds something.
type Incident struct {
	Detector  string   `yaml:"detector,omitempty"`
	Severity  Words    `yaml:"severity,omitempty"` // bottlenecks: critical|high
	Condition string   `yaml:"condition,omitempty"`
	For       Duration `yaml:"for,omitempty"`
}

// Smart fires against what is usual.
type Smart struct {
	Detector    string   `yaml:"detector,omitempty"`
	Metric      string   `yaml:"metric,omitempty"`
	Scope       string   `yaml:"scope,omitempty"`
	Sensitivity float64  `yaml:"sensitivity,omitempty"`
	Condition   string   `yaml:"condition,omitempty"`
	Lead        Duration `yaml:"lead,omitempty"`
	For         Duration `yaml:"for,omitempty"`
}

// Words are alternatives, written as critical|high.
type Words []string

func (w *Words) fromText(text string) error {
	*w = nil
	for _, word := range strings.Split(text, "|") {
		word = strings.TrimSpace(word)
		if word == "" {
			return fmt.Errorf("%q has an empty alternative; write critical|high", text)
		}
		if !slices.Contains(*w, word) {
			*w = append(*w, word)
		}
	}
	return nil
}

// String gives them as they are written.
func (w Words) String() string { return strings.Join(w, "|") }

// MarshalYAML gives them as they are written.
func (w Words) MarshalYAML() (any, error) { return w.String(), nil }

// MarshalText gives them as they are written, for JSON.
func (w Words) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

var severities = []string{string(engine.SeverityLow), string(engine.SeverityMedium), string(engine.SeverityHigh), string(engine.SeverityCritical)}

// Calendar says which times belong to it.
type Calendar struct {
	Zone     string   `yaml:"zone,omitempty"`
	Weekdays []string `yaml:"weekdays,omitempty"` // mon, mon-fri; empty: all
	From     string   `yaml:"from,omitempty"`     // HH:MM; To before From goes over midnight
	To       string   `yaml:"to,omitempty"`
	Holidays []string `yaml:"holidays,omitempty"` // YYYY-MM-DD; never belong to it
	Inverse  bool     `yaml:"inverse,omitempty"`  // all other times belong to it
}

// Maintenance is a time in which no rule fires: from Start to End once, or for Length at each time that Cron names.
type Maintenance struct {
	Name    string   `yaml:"name"`
	Sources []string `yaml:"sources,omitempty"`
	Start   string   `yaml:"start,omitempty"`
	End     string   `yaml:"end,omitempty"`
	Cron    string   `yaml:"cron,omitempty"`
	Length  Duration `yaml:"length,omitempty"`
	Zone    string   `yaml:"zone,omitempty"`
}
