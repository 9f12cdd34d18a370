package configs

import (
	"maps"
	"slices"
	"strings"

	"graphsnap/engine"
	"graphsnap/engine/trigger"
)

// totalMetrics lists the metrics of a whole source, with the other names that each has.
func totalMetrics() []string {
	var list []string
	for _, m := range trigger.Metrics() {
		list = append(append(list, m.Name), m.Aliases...)
	}
	return list
}

// elementMetrics lists those of nodes and relationships that our collectors write; other producers may write any.
func elementMetrics() []string {
	list := strings.Fields(`avg_latency queries_per_sec error_rate bottleneck_score lock_wait replication_lag total_queries row_count size_bytes dead_rows
		dead_rows_pct modified_since_analyze seq_scans_per_s index_scans_per_s index_efficiency cache_hit`)
	for relType := range engine.MetricUnits {
		list = append(list, strings.ToLower(relType))
	}
	return list
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
