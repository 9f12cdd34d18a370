package configs

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"graphsnap/engine/trigger"
)

func load(t *testing.T, text string) (Config, []string) {
	t.Helper()
	c, warnings, err := Parse([]byte(text), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c, warnings
}

func shape(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func namesOf(set trigger.Set) []string {
	var list []string
	for _, rule := range set.Rules {
		list = append(list, rule.Name)
	}
	return list
}

func TestSnapshotTriggers(t *testing.T) {
	c, warnings := load(t, shape(t, "triggers"))
	if len(warnings) != 0 {
		t.Errorf("warnings: %q", warnings)
	}
	set := c.Triggers()
	want := []string{
		"every_5m_business_hours", "every_30m_off_hours", "avg_latency_gt_1000ms", "queries_per_sec_gt_500",
		"incident_bottleneck_critical_high", "incident_deadlocks_gt_5", "incident_error_rate_gt_5pct",
	}
	if got := namesOf(set); !slices.Equal(got, want) {
		t.Fatalf("rules are %q", got)
	}
	if r := set.Rules[0]; r.Schedule.Every != 5*time.Minute || r.When != "business_hours" {
		t.Errorf("the first rule is %+v", r)
	}
	if r := set.Rules[2].Threshold; r.Metric != "avg_latency" || r.Condition.Op != ">" || r.Condition.Unit != "ms" || r.For != 30*time.Second {
		t.Errorf("the threshold is %+v", r)
	}
	if r := set.Rules[4]; len(r.Incident.Severities) != 2 || r.Incident.Severities[0] != "critical" || !r.Case {
		t.Errorf("the incident is %+v", r.Incident)
	}
	if r := set.Rules[5].Incident; r.Detector != trigger.DetectDeadlocks || r.Condition.Value != 5 {
		t.Errorf("deadlocks are %+v", r)
	}
	spans := map[string]string{"manual": "90d", "scheduled": "30d", "incident": "1y", "high_severity": "permanent"}
	got := map[string]string{}
	for class, span := range c.Retention.Spans() {
		got[class] = span.String()
	}
	if !reflect.DeepEqual(got, spans) {
		t.Errorf("retention is %v", got)
	}
}

func TestPerformanceSnapshots(t *testing.T) {
	c, warnings := load(t, shape(t, "performance"))
	if len(warnings) != 1 || !strings.Contains(warnings[0], "x.yaml:4:22: storage.type filesystem") {
		t.Errorf("warnings: %q", warnings)
	}
	want := []string{"cron_0_every5", "avg_latency_gt_1000ms", "bottleneck_score_gt_80", "error_rate_gt_2pct"}
	if got := namesOf(c.Triggers()); !slices.Equal(got, want) {
		t.Errorf("rules are %q", got)
	}
	if c.Retention.AutoSnapshots.String() != "30d" || c.Retention.MaxSnapshots != 10000 || c.Storage.Path != "./snapshots" || !c.Storage.Compression {
		t.Errorf("got %+v %+v", c.Retention, c.Storage)
	}
	if !slices.Equal(c.Export.Formats, []string{"json", "cypher", "csv"}) || !c.Export.Compression || !c.Export.IncludeMetadata {
		t.Errorf("export is %+v", c.Export)
	}
}

// TestBothShapes: one file may use both; rules that differ by their duration alone both stay.
func TestBothShapes(t *testing.T) {
	c, warnings := load(t, shape(t, "triggers")+shape(t, "performance"))
	got := namesOf(c.Triggers())
	if len(got) != 11 || !slices.Contains(got, "avg_latency_gt_1000ms") || !slices.Contains(got, "avg_latency_gt_1000ms_for_30s") || len(warnings) != 1 {
		t.Errorf("rules are %q, warnings %q", got, warnings)
	}
}

func TestNamesFollowFromContent(t *testing.T) {
	const a, b = "  - threshold: {metric: avg_latency, condition: \"> 1s\"}\n", "  - threshold: {metric: avg_latency, scope: users->orders, condition: \">= 20ms\"}\n    sources: [shop]\n"
	first, _ := load(t, "rules:\n"+a+b+a)
	second, _ := load(t, "rules:\n"+b+a)
	x, y := namesOf(first.Triggers()), namesOf(second.Triggers())
	if want := []string{"avg_latency_gt_1s", "avg_latency_users_to_orders_ge_20ms_shop"}; !slices.Equal(x, want) {
		t.Errorf("rules are %q", x)
	}
	slices.Sort(y)
	if !slices.Equal(x, y) {
		t.Errorf("another order gives %q", y)
	}
}

func TestDisabled(t *testing.T) {
	off := func(text string) (list []string) {
		c, _ := load(t, text)
		for _, rule := range c.Triggers().Rules {
			if rule.Disabled {
				list = append(list, rule.Name)
			}
		}
		return list
	}
	text := shape(t, "triggers") + shape(t, "performance")
	if got := off(strings.Replace(text, "      enabled: true", "      enabled: false", 1)); len(got) != 4 || slices.Contains(got, "every_5m_business_hours") {
		t.Errorf("auto_capture off disables %q", got)
	}
	whole := strings.Replace(text, "    enabled: true", "    enabled: false", 1)
	if got := off(whole); len(got) != 11 {
		t.Errorf("snapshots off disables %q", got)
	}
	if c, _ := load(t, whole); c.Recorder.Length != 0 {
		t.Errorf("the recorder is on: %+v", c.Recorder)
	}
	if got := off(strings.Replace(text, "bottleneck_detected: true", "bottleneck_detected: false", 1)); !slices.Equal(got, []string{"incident_bottleneck_critical_high"}) {
		t.Errorf("bottleneck_detected: false disables %q", got)
	}
}

func TestCalendars(t *testing.T) {
	c, _ := load(t, "zone: UTC\ncalendars:\n  business_hours: {zone: Europe/Prague, weekdays: [mon-thu, Saturday], from: \"08:00\", holidays: [2026-12-24]}\n  night: {from: \"22:00\", to: \"06:00\"}\n")
	set := c.Triggers()
	business, off, night := set.Calendars["business_hours"], set.Calendars["off_hours"], set.Calendars["night"]
	if business.Zone.String() != "Europe/Prague" || len(business.Weekdays) != 5 || business.From != 8*time.Hour || business.To != 24*time.Hour || len(business.Holidays) != 1 {
		t.Errorf("business hours are %+v", business)
	}
	business.Inverse = true
	if !reflect.DeepEqual(off, business) {
		t.Errorf("off hours are %+v", off)
	}
	if night.Zone != time.UTC || night.From != 22*time.Hour || night.To != 6*time.Hour || len(night.Weekdays) != 7 {
		t.Errorf("night is %+v", night)
	}
	plain := Default()
	if built := plain.Triggers().Calendars["business_hours"]; built.From != 9*time.Hour || built.To != 17*time.Hour || len(built.Weekdays) != 5 || built.Zone != time.Local {
		t.Errorf("built in is %+v", built)
	}
}

func TestMaintenance(t *testing.T) {
	c, _ := load(t, "maintenance:\n  - {name: a, start: 2026-12-24T22:00, end: 2026-12-25T02:00, zone: Europe/Prague}\n  - {name: b, cron: \"0 0 3 * * sun\", length: 2h, zone: UTC}\n")
	m := c.Triggers().Maintenance
	if got := m[0].Start.UTC(); !got.Equal(time.Date(2026, 12, 24, 21, 0, 0, 0, time.UTC)) || m[0].End.Sub(m[0].Start) != 4*time.Hour {
		t.Errorf("got %+v", m[0])
	}
	if m[1].Length != 2*time.Hour || m[1].Zone != time.UTC || m[1].Cron == "" {
		t.Errorf("got %+v", m[1])
	}
}

// TestShownIsReadAgain: what `config show` prints of a configuration means the same.
func TestShownIsReadAgain(t *testing.T) {
	c, _ := load(t, "zone: UTC\n"+shape(t, "triggers")+shape(t, "performance")+"recorder: {length: 5m}\n")
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := load(t, text)
	if !reflect.DeepEqual(c.Triggers(), again.Triggers()) || !reflect.DeepEqual(c.Retention, again.Retention) || c.Recorder != again.Recorder {
		t.Errorf("printed:\n%s", text)
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	c, _ := load(t, "rules:\n  - &slow\n    threshold: &latency {metric: avg_latency, condition: \"> 1s\"}\n    cooldown: 5m\n  - <<: *slow\n    name: slower\n    threshold:\n      <<: *latency\n      condition: \"> 2s\"\n")
	set := c.Triggers()
	if r := set.Rules[1]; r.Name != "slower" || r.Cooldown != 5*time.Minute || r.Threshold.Metric != "avg_latency" || r.Threshold.Condition.Op != ">" {
		t.Errorf("got %+v", r)
	}
}
