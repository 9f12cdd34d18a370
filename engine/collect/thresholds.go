package collect

import "graphsnap/engine"

// Levels are the values from which a metric is of medium, high or critical severity.
type Levels struct {
	Medium   float64 `json:"medium"`
	High     float64 `json:"high"`
	Critical float64 `json:"critical"`
}

// Thresholds are the severity rules of all metrics. INDEX_EFFICIENCY is bad when low, the others when high. QUERIES_PER_SEC,
// JOIN_FREQUENCY and ROWS_PER_SEC are load, not trouble, and always low.
type Thresholds struct {
	AvgLatencyMS    Levels `json:"avg_latency_ms"`       // ms
	TimeMSPerS      Levels `json:"time_ms_per_s"`        // ms/s
	HotspotScore    Levels `json:"hotspot_score"`        // 0-100
	IndexEfficiency Levels `json:"index_efficiency_pct"` // %, rows read by index
	// MinShare is the part of the database's time that an element must have to be more than low: a slow report that runs
	// once an hour is no bottleneck. 0-1.
	MinShare float64 `json:"min_share"`
	// MinLatencyMS is the mean latency from which INDEX_EFFICIENCY matters: reading a small table as a whole is no
	// trouble while nobody feels it. ms
	MinLatencyMS float64 `json:"min_latency_ms"`
}

// DefaultThresholds suit a database that answers people: half a second is felt, a second is a complaint.
func DefaultThresholds() Thresholds {
	return Thresholds{
		AvgLatencyMS:    Levels{50, 200, 1000},
		TimeMSPerS:      Levels{200, 500, 2000},
		HotspotScore:    Levels{40, 70, 90},
		IndexEfficiency: Levels{50, 20, 5},
		MinShare:        0.02,
		MinLatencyMS:    5,
	}
}

// severityOf judges a metric of an element with this part of the database's time (0-1) and this mean latency (ms).
func (t Thresholds) severityOf(relType string, value, share, latencyMS float64) engine.Severity {
	if share < t.MinShare {
		return engine.SeverityLow
	}
	switch relType {
	case engine.RelAvgLatencyMS:
		return t.AvgLatencyMS.above(value)
	case engine.RelTimeMSPerS:
		return t.TimeMSPerS.above(value)
	case engine.RelHotspotScore:
		return t.HotspotScore.above(value)
	case engine.RelIndexEfficiency:
		if latencyMS < t.MinLatencyMS {
			return engine.SeverityLow
		}
		return t.IndexEfficiency.below(value)
	}
	return engine.SeverityLow
}

// lockWaitLevels say from when a wait for a lock is felt: by then a person waits for the session that waits. ms
var lockWaitLevels = Levels{Medium: 100, High: 1000, Critical: 5000}

func (t Thresholds) lockWait(ms float64) engine.Severity { return lockWaitLevels.above(ms) }

func (l Levels) above(v float64) engine.Severity {
	switch {
	case v >= l.Critical:
		return engine.SeverityCritical
	case v >= l.High:
		return engine.SeverityHigh
	case v >= l.Medium:
		return engine.SeverityMedium
	}
	return engine.SeverityLow
}

func (l Levels) below(v float64) engine.Severity {
	switch {
	case v <= l.Critical:
		return engine.SeverityCritical
	case v <= l.High:
		return engine.SeverityHigh
	case v <= l.Medium:
		return engine.SeverityMedium
	}
	return engine.SeverityLow
}
