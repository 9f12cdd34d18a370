package engine

import "strings"

// totalUnits gives the unit of each figure of a whole source, by the names that rules use; plain numbers have none.
var totalUnits = map[string]string{
	"avg_latency": "ms", "avg_latency_ms": "ms", "latency": "ms",
	"queries_per_sec": "/s", "total_qps": "/s", "qps": "/s",
	"error_rate":       "%",
	"connection_usage": "%", "connections_pct": "%",
	"time_ms_per_s": "ms/s", "unattributed_ms_per_s": "ms/s",
	"parse_coverage": "ratio",
	"collect_ms":     "ms",
	"lock_chain":     "s",
	"lock_wait":      "ms", "lock_wait_ms": "ms",
	"replication_lag": "s", "replication_lag_s": "s",
	"deadlocks": "", "deadlock_count": "", "connections": "", "bottleneck_score": "", "bottlenecks": "", "bottlenecks_count": "",
	"active_sessions": "", "idle_in_transaction": "", "blocked_sessions": "",
}

// unitSuffixes are how names of properties say their unit, the longer ones first.
var unitSuffixes = []struct{ suffix, unit string }{
	{"ms_per_s", "ms/s"}, {"_per_s", "/s"}, {"_per_sec", "/s"}, {"_ms", "ms"}, {"_s", "s"}, {"_pct", "%"}, {"_percent", "%"}, {"_ratio", "ratio"},
}

// UnitOf gives the unit of a metric as rules and cases name it: that of a figure of the whole source, of a metric relationship
// type, or what the name of a property ends with. It is ms, s, ms/s, /s, % or ratio, and "" for a plain number; known is false
// where nothing tells.
func UnitOf(metric string) (unit string, known bool) {
	if unit, ok := totalUnits[metric]; ok {
		return unit, true
	}
	switch u := MetricUnits[strings.ToUpper(metric)]; {
	case u == "":
	case u == "score 0-100":
		return "", true
	case u != "ms/s" && strings.HasSuffix(u, "/s"):
		return "/s", true
	default:
		return u, true
	}
	lower := strings.ToLower(metric)
	for _, s := range unitSuffixes {
		if strings.HasSuffix(lower, s.suffix) {
			return s.unit, true
		}
	}
	return "", false
}
