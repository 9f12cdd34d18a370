package engine

import "time"

// Fault is one fault of the demo that can be started and cleared; Cause is its true cause in one line, the answer that
// an analysis should find.
type Fault struct {
	Name   string
	Cause  string
	Active bool
	Since  time.Time // zero unless active
}

// QueryClass is one kind of statement of the demo workload with the workload's own counts, the reference against which
// the collector is judged. Counts start at the start of the workload.
type QueryClass struct {
	Name    string
	Tables  []string // the tables that a statement of the class touches
	Weight  float64  // share of the rate, 0-1
	Sent    int64    // statements completed without error
	Errors  int64
	TotalMS float64 // client-side time of the completed statements, milliseconds
}

// DemoState is what the demo workload does now.
type DemoState struct {
	DSN           string
	Rate          float64 // wanted statements per second, before the day-like wave
	EffectiveRate float64 // wanted statements per second after the wave and the faults
	Classes       []QueryClass
	Faults        []Fault
}
