// Package trigger decides when to capture: rules look at frames of the live graph and at the clock.
package trigger

import (
	"time"

	"graphsnap/engine"
)

// The kinds of rules.
const (
	KindScheduled = "scheduled"
	KindThreshold = "threshold"
	KindIncident  = "incident"
	KindSmart     = "smart"
)

// Set is all that decides about captures. The zero value decides nothing.
type Set struct {
	Rules       []Rule
	Calendars   map[string]Calendar // business_hours and off_hours are there even where nobody configures them
	Maintenance []Window
}

// Rule is one rule; exactly one of Schedule, Threshold, Incident and Smart is set.
type Rule struct {
	Name     string   // unique in a set
	Sources  []string // empty: all
	When     string   // name of a calendar; "": always
	Disabled bool

	Schedule  *Schedule
	Threshold *Threshold
	Incident  *Incident
	Smart     *Smart

	Cooldown    time.Duration // after a firing; 0 means the default of the kind
	MaxPerHour  int           // 0 means the default of the kind
	Case        bool          // opens a case; always so for incidents
	Severity    engine.Severity
	Template    string
	Description string
	Tags        []string
	Retention   string // retention class; "" follows from trigger and severity
}

// Schedule fires by the clock: Every or Cron is set.
type Schedule struct {
	Every         time.Duration // at multiples of it since midnight of the zone, so that restarts do not shift it
	Cron          string        // six fields, the first one seconds; five are taken as from second 0; descriptors such as @hourly
	Zone          *time.Location
	Jitter        time.Duration // each run is put off by a part of this that follows from rule, source and time
	SkipUnchanged bool
}

// Threshold fires when a metric meets a condition for long enough.
type Threshold struct {
	Metric    string    // of totals (avg_latency, queries_per_sec, error_rate, deadlocks, connections, bottleneck_score ...) or of elements
	Scope     string    // "" totals; users:Table; users->products; label:Table; type:AVG_LATENCY_MS; ParseScope explains
	Condition Condition // fires
	Clear     *Condition
	For       time.Duration // how long it must have held
	Count     int           // in so many frames in a row; 0 means 1
}

// The detectors of incidents.
const (
	DetectBottleneck     = "bottleneck"
	DetectDeadlocks      = "deadlocks"
	DetectErrorRate      = "error_rate"
	DetectLockChain      = "lock_chain"
	DetectConnections    = "connections"
	DetectReplicationLag = "replication_lag"
)

// Incident fires when something is wrong whatever the metric says.
type Incident struct {
	Detector   string
	Severities []engine.Severity // bottleneck only
	Condition  *Condition        // the others; nil means the default of the detector
	For        time.Duration
}

// The detectors of smart rules.
const (
	DetectDegradation = "degradation" // latency above the seasonal baseline
	DetectTraffic     = "traffic"     // load outside the seasonal baseline, up or down
	DetectPredicted   = "predicted"   // a metric on its way over a threshold
)

// Smart fires against what is usual at this hour of the week; silent while that is not known.
type Smart struct {
	Detector    string
	Metric      string        // "" means avg_latency, queries_per_sec, or that of Condition
	Scope       string        // as in Threshold
	Sensitivity float64       // how many robust deviations above the usual; 0 means the default
	Condition   *Condition    // predicted only: the threshold
	Lead        time.Duration // predicted only: how far ahead
	For         time.Duration
}

// Window is a maintenance window: no rule fires in it, but one capture is taken before and one after.
type Window struct {
	Name       string
	Sources    []string // empty: all
	Start, End time.Time
	Cron       string // instead of Start and End: repeats, for Length
	Length     time.Duration
	Zone       *time.Location
}

// Calendar says which times belong to it.
type Calendar struct {
	Zone     *time.Location
	Weekdays []time.Weekday
	From, To time.Duration // since midnight; To before From goes over midnight
	Holidays []string      // YYYY-MM-DD, in the zone; never belong to it
	Inverse  bool          // all other times belong to it
}

// The defaults of rules, by kind.
const (
	DefaultCooldown         = 10 * time.Minute // of thresholds
	DefaultIncidentCooldown = 2 * time.Minute  // while a case is open its firings join it, and the next incident may follow soon
	DefaultSmartCooldown    = 30 * time.Minute
	DefaultMaxPerHour       = 6 // of thresholds
	DefaultIncidentPerHour  = 12
	DefaultSmartPerHour     = 2
	DefaultSensitivity      = 4.0              // robust deviations; the usual range ends at 3
	DefaultSmartFor         = 90 * time.Second // longer than the window of a collector, so that one slow report never lasts long enough
	DefaultLead             = 5 * time.Minute
)

// Kind gives scheduled, threshold, incident or smart; "" where a rule has none of them.
func (r Rule) Kind() string {
	switch {
	case r.Schedule != nil:
		return KindScheduled
	case r.Threshold != nil:
		return KindThreshold
	case r.Incident != nil:
		return KindIncident
	case r.Smart != nil:
		return KindSmart
	}
	return ""
}

// Rule gives a rule by name.
func (s Set) Rule(name string) (Rule, bool) {
	for _, r := range s.Rules {
		if r.Name == name {
			return r, true
		}
	}
	return Rule{}, false
}

// DefaultCondition gives what an incident's detector takes for trouble where no condition is configured; bottlenecks go by severity.
//
//	deadlocks        > 0 within the collector's window (60 s by default)
//	error_rate       > 5 % of all transactions
//	lock_chain       > 3 s that a session waits for another
//	connections      > 90 % of those that the server allows
//	replication_lag  > 30 s
func DefaultCondition(detector string) Condition {
	switch detector {
	case DetectErrorRate:
		return Condition{Op: ">", Value: 5, Unit: "%"}
	case DetectLockChain:
		return Condition{Op: ">", Value: 3, Unit: "s"}
	case DetectConnections:
		return Condition{Op: ">", Value: 90, Unit: "%"}
	case DetectReplicationLag:
		return Condition{Op: ">", Value: 30, Unit: "s"}
	}
	return Condition{Op: ">", Value: 0}
}
