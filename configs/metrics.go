package configs

import (
	"maps"
	"slices"
	"strings"

	"graphsnap/engine"
)

// totalMetrics are the metrics of a whole source with their units.
var totalMetrics = map[string]string{
	"avg_latency": "ms", "avg_latency_ms": "ms", "queries_per_sec": "/s", "total_qps": "/s", "error_rate": "%",
	"deadlocks": "", "deadlock_count": "", "connections": "", "bottleneck_score": "", "bottlenecks": "", "bottlenecks_count": "",
	"time_ms_per_s": "ms/s", "unattributed_ms_per_s": "ms/s", "parse_coverage": "", "collect_ms": "ms",
}

// elementMetrics are those of nodes and relationships that our collectors write; other producers may write any.
func elementMetrics() map[string]string {
	m := map[string]string{
		"avg_latency": "ms", "queries_per_sec": "/s", "total_queries": "", "row_count": "", "size_bytes": "", "dead_rows": "", "dead_rows_pct": "%",
		"modified_since_analyze": "", "seq_scans_per_s": "/s", "index_scans_per_s": "/s", "cache_hit": "%", "bottleneck_score": "",
	}
	for relType, unit := range engine.MetricUnits {
		switch {
		case unit == "%" || unit == "ms" || unit == "ms/s":
		case strings.HasSuffix(unit, "/s"):
			unit = "/s"
		default:
			unit = ""
		}
		m[strings.ToLower(relType)] = unit
	}
	return m
}

// fitting are the units in which a condition on a metric of a unit may be written.
var fitting = map[string][]string{
	"ms": {"ms", "s", "min", "h"}, "%": {"%"}, "/s": {"/s"}, "ms/s": {}, "": {},
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
