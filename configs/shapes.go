package configs

import (
	"fmt"
	"reflect"
	"sort"
	"strings"

	"graphsnap/engine/trigger"
)

// document is what a file may hold: the configuration, and two other ways to write parts of it.
type document struct {
	Config
	SnapshotTriggers  snapshotTriggers `yaml:"snapshot_triggers"`
	RetentionPolicies Retention        `yaml:"retention_policies"`
	Performance       performance      `yaml:"performance"`
}

type snapshotTriggers struct {
	Scheduled []struct {
		Name      string   `yaml:"name"`
		Interval  Duration `yaml:"interval"`
		Cron      string   `yaml:"cron"`
		Condition string   `yaml:"condition"` // a calendar
	} `yaml:"scheduled"`
	ThresholdBased []struct {
		Name      string   `yaml:"name"`
		Metric    string   `yaml:"metric"`
		Threshold string   `yaml:"threshold"`
		Duration  Duration `yaml:"duration"`
	} `yaml:"threshold_based"`
	IncidentBased []struct {
		Name               string   `yaml:"name"`
		BottleneckDetected *toggle  `yaml:"bottleneck_detected"`
		Severity           Words    `yaml:"severity"`
		DeadlockCount      string   `yaml:"deadlock_count"`
		ErrorRate          string   `yaml:"error_rate"`
		LockChain          string   `yaml:"lock_chain"`
		Connections        string   `yaml:"connections"`
		ReplicationLag     string   `yaml:"replication_lag"`
		Duration           Duration `yaml:"duration"`
	} `yaml:"incident_based"`
}

type performance struct {
	Snapshots struct {
		Enabled     *toggle `yaml:"enabled"`
		Storage     Storage `yaml:"storage"`
		AutoCapture struct {
			Enabled  *toggle `yaml:"enabled"`
			Triggers struct {
				Scheduled  []string          `yaml:"scheduled"`
				Thresholds map[string]string `yaml:"thresholds"`
			} `yaml:"triggers"`
		} `yaml:"auto_capture"`
		Retention Retention `yaml:"retention"`
		Export    Export    `yaml:"export"`
	} `yaml:"snapshots"`
}

// toggle is true or false, where a missing key is neither.
type toggle bool

func (f *toggle) off() bool { return f != nil && !bool(*f) }

// merge turns the other shapes into rules and settings of the configuration.
func (d *document) merge(r *report) Config {
	c := d.Config
	d.triggers(&c, r)
	d.autoCapture(&c, r)
	nameRules(&c, r)
	fold(&c.Retention, d.RetentionPolicies, "retention", "retention_policies", r)
	snapshots := "performance.snapshots"
	fold(&c.Retention, d.Performance.Snapshots.Retention, "retention", snapshots+".retention", r)
	fold(&c.Storage, d.Performance.Snapshots.Storage, "storage", snapshots+".storage", r)
	fold(&c.Export, d.Performance.Snapshots.Export, "export", snapshots+".export", r)
	if d.Performance.Snapshots.Enabled.off() {
		// Whoever switches snapshots off does not want any to be taken by itself, wherever the rule stands.
		for i := range c.Rules {
			c.Rules[i].Disabled = true
		}
		c.Recorder.Length = 0
	}
	return c
}

// add adds a rule that is written at a path of another shape; fields say where each part of it stands.
func add(c *Config, r *report, rule Rule, path string, fields map[string]string) {
	own := fmt.Sprintf("rules[%d]", len(c.Rules))
	r.alias(own, path)
	for field, written := range fields {
		r.alias(own+"."+field, written)
	}
	c.Rules = append(c.Rules, rule)
}

func (d *document) triggers(c *Config, r *report) {
	const section = "snapshot_triggers"
	for i, s := range d.SnapshotTriggers.Scheduled {
		path := fmt.Sprintf("%s.scheduled[%d]", section, i)
		add(c, r, Rule{Name: s.Name, When: s.Condition, Schedule: Schedule{Every: s.Interval, Cron: s.Cron}}, path, map[string]string{
			"name": path + ".name", "when": path + ".condition", "schedule": path, "schedule.every": path + ".interval", "schedule.cron": path + ".cron",
		})
	}
	for i, t := range d.SnapshotTriggers.ThresholdBased {
		path := fmt.Sprintf("%s.threshold_based[%d]", section, i)
		add(c, r, Rule{Name: t.Name, Threshold: Threshold{Metric: t.Metric, Condition: t.Threshold, For: t.Duration}}, path, map[string]string{
			"name": path + ".name", "threshold": path, "threshold.metric": path + ".metric", "threshold.condition": path + ".threshold", "threshold.for": path + ".duration",
		})
	}
	for i, t := range d.SnapshotTriggers.IncidentBased {
		path := fmt.Sprintf("%s.incident_based[%d]", section, i)
		rule := Rule{Name: t.Name, Case: true, Incident: Incident{Severity: t.Severity, For: t.Duration}}
		var written []string
		for _, one := range []struct{ key, detector, condition string }{
			{"deadlock_count", trigger.DetectDeadlocks, t.DeadlockCount}, {"error_rate", trigger.DetectErrorRate, t.ErrorRate},
			{"lock_chain", trigger.DetectLockChain, t.LockChain}, {"connections", trigger.DetectConnections, t.Connections},
			{"replication_lag", trigger.DetectReplicationLag, t.ReplicationLag},
		} {
			if one.condition != "" {
				written = append(written, one.key)
				rule.Incident.Detector, rule.Incident.Condition = one.detector, one.condition
			}
		}
		if t.BottleneckDetected != nil {
			written = append(written, "bottleneck_detected")
			rule.Incident.Detector, rule.Disabled = trigger.DetectBottleneck, t.BottleneckDetected.off()
		}
		switch len(written) {
		case 0:
			r.at(path, "write bottleneck_detected: true, deadlock_count, error_rate, lock_chain, connections or replication_lag", "the entry does not say what to detect")
			continue
		case 1:
		default:
			sort.Strings(written)
			r.at(path, "make each an entry of its own, beginning with \"- \"", "one entry detects one thing, not %s", strings.Join(written, " and "))
			continue
		}
		add(c, r, rule, path, map[string]string{
			"name": path + ".name", "incident": path, "incident.detector": path + "." + written[0], "incident.condition": path + "." + written[0],
			"incident.severity": path + ".severity", "incident.for": path + ".duration",
		})
	}
}

func (d *document) autoCapture(c *Config, r *report) {
	const section = "performance.snapshots.auto_capture.triggers"
	auto := d.Performance.Snapshots.AutoCapture
	off := auto.Enabled.off()
	for i, cron := range auto.Triggers.Scheduled {
		path := fmt.Sprintf("%s.scheduled[%d]", section, i)
		rule := Rule{Disabled: off, Schedule: Schedule{Cron: cron}}
		fields := map[string]string{"schedule.cron": path}
		if span, err := parseDuration(cron); err == nil {
			rule.Schedule, fields = Schedule{Every: Duration(span)}, map[string]string{"schedule.every": path}
		}
		add(c, r, rule, path, fields)
	}
	metrics := make([]string, 0, len(auto.Triggers.Thresholds))
	for metric := range auto.Triggers.Thresholds {
		metrics = append(metrics, metric)
	}
	sort.Strings(metrics)
	for _, metric := range metrics {
		path := join(section+".thresholds", metric)
		add(c, r, Rule{Disabled: off, Threshold: Threshold{Metric: metric, Condition: auto.Triggers.Thresholds[metric]}}, path, map[string]string{
			"threshold.condition": path,
		})
		own := fmt.Sprintf("rules[%d].threshold.metric", len(c.Rules)-1)
		r.values[own] = find(r.keys, path) // the metric is the key itself
	}
}

// fold takes values of another place over; two places that say different things contradict each other.
func fold[T any](into *T, from T, path, other string, r *report) {
	a, b := reflect.ValueOf(into).Elem(), reflect.ValueOf(from)
	for i := range b.NumField() {
		name := yamlName(b.Type().Field(i))
		below := join(other, name)
		if _, written := r.keys[below]; !written {
			continue
		}
		value, here := b.Field(i), join(path, name)
		if _, twice := r.keys[here]; twice && !reflect.DeepEqual(a.Field(i).Interface(), value.Interface()) {
			r.at(below, "keep one of the two, or make them equal", "%s is %s here and %s in %s", name, show(value), show(a.Field(i)), r.where(here))
			continue
		}
		a.Field(i).Set(value)
		r.aliasAll(here, below)
	}
}

func show(v reflect.Value) string { return fmt.Sprint(v.Interface()) }
