package engine

import "time"

// Totals are the figures of a whole source at one tick. A nil pointer means unknown, which is never the same as 0.
type Totals struct {
	TotalQPS           *float64 // statements per second by the database's own counters
	AvgLatencyMS       *float64 // call-weighted mean execution time, milliseconds
	TimeMSPerS         *float64 // execution time inside the database per second of wall time, ms/s
	UnattributedMSPerS *float64 // the part of TimeMSPerS that no element carries, ms/s
	ErrorRate          *float64 // rolled back transactions per 100 transactions, %
	Deadlocks          *int64   // deadlocks within the window
	Connections        *int64
	ParseCoverage      *float64 // share of execution time whose statements were parsed, 0-1
	WindowS            *float64 // seconds between the two readings, by the database's clock
	CollectMS          *float64 // what the tick cost the monitored database, ms
}

// Properties gives the totals under the names of the live graph; unknown figures are absent.
func (t Totals) Properties() Properties {
	p := Properties{}
	for name, v := range map[string]*float64{
		"total_qps": t.TotalQPS, "avg_latency_ms": t.AvgLatencyMS, "time_ms_per_s": t.TimeMSPerS,
		"unattributed_ms_per_s": t.UnattributedMSPerS, "error_rate": t.ErrorRate, "parse_coverage": t.ParseCoverage,
		"window_s": t.WindowS, "collect_ms": t.CollectMS,
	} {
		if v != nil {
			p[name] = *v
		}
	}
	for name, v := range map[string]*int64{"deadlocks": t.Deadlocks, "connections": t.Connections} {
		if v != nil {
			p[name] = *v
		}
	}
	return p
}

// LiveState is the `:LiveGraph` node of one source: when and from what the live graph was collected.
type LiveState struct {
	Source          string
	Tick            int64 // rises by one with every collection round; 0 when no collector of ours writes this source
	CollectedAt     time.Time
	DatabaseType    string // postgresql, mysql, mariadb ...; "" if unknown
	DatabaseName    string
	DatabaseVersion string
	Totals          Totals
	Status          string // ok, partial or down
	Message         string // why it is not ok, and the fix
}

// Tick is one collection round of one source: everything that its live graph shall hold afterwards. Elements of the
// source that are not in it vanish. State.Tick is assigned by the writer.
type Tick struct {
	State LiveState
	Graph Graph
}
