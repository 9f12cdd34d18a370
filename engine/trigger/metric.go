package trigger

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"graphsnap/engine"
)

// The metrics of a whole source, by the names that rules use.
const (
	MetricAvgLatency      = "avg_latency"
	MetricQueriesPerSec   = "queries_per_sec"
	MetricErrorRate       = "error_rate"
	MetricDeadlocks       = "deadlocks"
	MetricConnections     = "connections"
	MetricConnectionUsage = "connection_usage"
	MetricBottleneckScore = "bottleneck_score"
	MetricBottlenecks     = "bottlenecks"
	MetricTime            = "time_ms_per_s"
	MetricUnattributed    = "unattributed_ms_per_s"
	MetricParseCoverage   = "parse_coverage"
	MetricCollectMS       = "collect_ms"
	MetricActiveSessions  = "active_sessions"
	MetricIdleInTx        = "idle_in_transaction"
	MetricBlockedSessions = "blocked_sessions"
	MetricLockChain       = "lock_chain"
	MetricLockWait        = "lock_wait"
	MetricReplicationLag  = "replication_lag"
)

// Metric describes a metric of a whole source.
type Metric struct {
	Name    string
	Aliases []string
	Unit    string // "" for a plain number
	Text    string // what it is
}

// Metrics lists the metrics of a whole source. Where a source does not tell a figure, rules on it stay silent.
func Metrics() []Metric {
	return []Metric{
		{MetricAvgLatency, []string{"avg_latency_ms", "latency"}, "ms", "call-weighted mean execution time of statements"},
		{MetricQueriesPerSec, []string{"total_qps", "qps"}, "/s", "statements a second"},
		{MetricErrorRate, nil, "%", "transactions rolled back, of all"},
		{MetricDeadlocks, []string{"deadlock_count"}, "", "deadlocks within the window of the collector, 60 s by default"},
		{MetricConnections, nil, "", "connections; with % of those that the server allows"},
		{MetricConnectionUsage, []string{"connections_pct"}, "%", "connections, of those that the server allows"},
		{MetricBottleneckScore, nil, "", "0 to 100, of the worst element: its hotspot score, kept within what its severity allows: low below 40, medium 40 to 70, high 70 to 90, critical from 90 on"},
		{MetricBottlenecks, []string{"bottlenecks_count"}, "", "elements of high or critical severity"},
		{MetricTime, nil, "ms/s", "execution time in the database for each second"},
		{MetricUnattributed, nil, "ms/s", "the part of it that no element carries"},
		{MetricParseCoverage, nil, "ratio", "execution time whose statements could be parsed, of all"},
		{MetricCollectMS, nil, "ms", "what a tick costs the monitored database"},
		{MetricActiveSessions, nil, "", "sessions at work"},
		{MetricIdleInTx, nil, "", "sessions that hold a transaction open and do nothing"},
		{MetricBlockedSessions, nil, "", "sessions that wait for a lock"},
		{MetricLockChain, nil, "s", "how long the longest waiting session of a lock chain has waited now"},
		{MetricLockWait, []string{"lock_wait_ms"}, "ms", "the longest wait for a lock within the window of the collector"},
		{MetricReplicationLag, []string{"replication_lag_s"}, "s", "how far the slowest replica is behind, or this server where it is one"},
	}
}

// metricNames finds metrics by name and alias.
var metricNames = func() map[string]Metric {
	names := map[string]Metric{}
	for _, m := range Metrics() {
		for _, name := range append([]string{m.Name}, m.Aliases...) {
			names[name] = m
		}
	}
	return names
}()

// total finds a metric of a whole source by name or alias.
func total(name string) (Metric, bool) {
	m, ok := metricNames[name]
	return m, ok
}

// canonical gives the name of a metric for one of its aliases; other names stay.
func canonical(name string) string {
	if m, ok := total(name); ok {
		return m.Name
	}
	return name
}

// elementNames say where elements hold a metric that is named as one of a whole source: the type of the relationships, and the
// property of the nodes.
var elementNames = map[string]struct{ relType, property string }{
	MetricAvgLatency:      {engine.RelAvgLatencyMS, "avg_latency_ms"},
	MetricQueriesPerSec:   {engine.RelQueriesPerSec, "queries_per_sec"},
	MetricErrorRate:       {engine.RelErrorRate, "error_rate"},
	MetricBottleneckScore: {engine.RelHotspotScore, "hotspot_score"},
	MetricTime:            {engine.RelTimeMSPerS, "time_ms_per_s"},
	MetricLockWait:        {engine.RelLockWaitMS, "lock_wait_ms"},
	MetricReplicationLag:  {"", "lag_s"},
	MetricConnections:     {"", "connections"},
	MetricDeadlocks:       {"", "deadlocks"},
}

var (
	typeForm     = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	propertyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// places says where elements hold a metric: rows_per_sec is the value of ROWS_PER_SEC relationships and the property rows_per_sec.
func places(metric string) (relType, property string) {
	name := canonical(metric)
	if p, ok := elementNames[name]; ok {
		return p.relType, p.property
	}
	return strings.ToUpper(name), name
}

// amount writes a value for people: three digits that count, times in the unit that reads best.
func amount(v float64, unit string) string {
	switch unit {
	case "ms":
		return spanText(v / 1000)
	case "s":
		return spanText(v)
	case "ratio":
		return digits(100*v) + " %"
	case "":
		return digits(v)
	case "/s":
		return digits(v) + "/s"
	}
	return digits(v) + " " + unit
}

// spanText writes a time given in seconds.
func spanText(s float64) string {
	switch a := math.Abs(s); {
	case a == 0:
		return "0 s"
	case a < 1:
		return digits(s*1000) + " ms"
	case a < 120:
		return digits(s) + " s"
	case a < 7200:
		return digits(s/60) + " min"
	}
	return digits(s/3600) + " h"
}

func digits(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) || math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	if a := math.Abs(v); a >= 100 || v == math.Trunc(v) {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// unknownMetric names the metrics that there are.
func unknownMetric(op, metric string) error {
	var names []string
	for _, m := range Metrics() {
		names = append(names, m.Name)
	}
	return engine.Errorf(engine.KindInvalid, op, "there is no metric %q of a whole source", metric).
		WithHint("metrics are: %s; figures of elements need a scope, such as users->products, users:Table or label:Table", strings.Join(names, ", "))
}

// display writes the key of an element as people say it.
func display(key string) string {
	from, rest, ok := strings.Cut(key, "-[")
	if !ok {
		return engine.KeyName(key)
	}
	relType, to, _ := strings.Cut(rest, "]->")
	if from == to {
		return fmt.Sprintf("%s (%s)", engine.KeyName(from), relType)
	}
	return fmt.Sprintf("%s->%s", engine.KeyName(from), engine.KeyName(to))
}
