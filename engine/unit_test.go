package engine

import "testing"

func TestUnitOf(t *testing.T) {
	for metric, want := range map[string]string{
		"avg_latency": "ms", "qps": "/s", "deadlocks": "", "parse_coverage": "ratio",
		RelAvgLatencyMS: "ms", "index_efficiency": "%", "rows_per_sec": "/s", "TIME_MS_PER_S": "ms/s", RelHotspotScore: "", RelLoadFactor: "ratio",
		"wal_lag_s": "s", "cpu_pct": "%", "io_ms_per_s": "ms/s", "flushes_per_s": "/s",
	} {
		if unit, known := UnitOf(metric); !known || unit != want {
			t.Errorf("the unit of %s is %q, known %v, want %q", metric, unit, known, want)
		}
	}
	for _, metric := range []string{"", "rows", "s"} {
		if unit, known := UnitOf(metric); known {
			t.Errorf("the unit of %q is said to be %q", metric, unit)
		}
	}
}
