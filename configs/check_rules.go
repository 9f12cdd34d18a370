package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/trigger"
)

// Triggers gives the rules, calendars and maintenance windows in the form that decides. Of a configuration that was not
// loaded, what makes no sense is left out.
func (c *Config) Triggers() trigger.Set { return c.set(newReport("", nil)) }

func (c *Config) set(r *report) trigger.Set {
	set := trigger.Set{Calendars: c.calendars(r)}
	// What is fine here may still be refused there; then the place is that of the whole rule.
	for i := range c.Rules {
		before := len(r.problems)
		rule := c.rule(&c.Rules[i], r)
		set.Rules = append(set.Rules, rule)
		if err := set.CheckRule(rule); err != nil && len(r.problems) == before {
			r.cause(c.Rules[i].path, err)
		}
	}
	for i := range c.Maintenance {
		before := len(r.problems)
		window := c.window(i, r)
		set.Maintenance = append(set.Maintenance, window)
		if err := window.Check(); err != nil && len(r.problems) == before {
			r.cause(fmt.Sprintf("maintenance[%d]", i), err)
		}
	}
	return set
}

// zoneAt gives the zone that a key names, else that of the whole configuration.
func (c *Config) zoneAt(name, path string, r *report) *time.Location {
	if name == "" {
		name = c.Zone
		path = ""
	}
	zone, err := loadZone(name)
	if err != nil {
		if path != "" {
			r.at(path, zoneHint(name), "there is no time zone %q", name)
		}
		return time.UTC
	}
	return zone
}

func (c *Config) rule(in *Rule, r *report) trigger.Rule {
	path := in.path
	out := trigger.Rule{
		Name: in.Name, Sources: in.Sources, When: in.When, Disabled: in.Disabled, Cooldown: time.Duration(in.Cooldown), MaxPerHour: in.MaxPerHour,
		Case: in.Case, Severity: engine.Severity(in.Severity), Template: in.Template, Description: in.Description, Tags: in.Tags, Retention: in.Retention,
	}
	if in.Name != "" && (!nameForm.MatchString(in.Name) || len(in.Name) > maxName) {
		r.at(path+".name", "use letters, digits, _, - and ., at most 100", "%q is no name of a rule", in.Name)
	}
	checkSourceNames(c, path+".sources", in.Sources, r)
	if known := c.calendarNames(); in.When != "" && !slices.Contains(known, in.When) {
		r.at(path+".when", guess(in.When, known, "calendars are"), "there is no calendar %q", in.When)
	}
	if in.Cooldown > longest {
		r.at(path+".cooldown", "write at most 1y; disabled: true switches the rule off", "the cool-down %s is longer than a year", in.Cooldown)
	}
	if in.MaxPerHour < 0 || in.MaxPerHour == 0 && r.written(path+".max_per_hour") {
		r.at(path+".max_per_hour", "write 1 or more; disabled: true switches the rule off", "max_per_hour is %d", in.MaxPerHour)
	}
	if in.Severity != "" && !slices.Contains(severities, in.Severity) {
		r.at(path+".severity", guess(in.Severity, severities, "severities are"), "there is no severity %q", in.Severity)
	}
	if _, there := c.Templates[in.Template]; in.Template != "" && !there {
		hint := guess(in.Template, names(c.Templates), "templates are")
		if len(c.Templates) == 0 {
			hint = "define it in the section templates"
		}
		r.at(path+".template", hint, "there is no template %q", in.Template)
	}
	checkClass(c, path+".retention", in.Retention, r)
	c.body(in, &out, r)
	return out
}

// body reads the part of a rule that says when it fires.
func (c *Config) body(in *Rule, out *trigger.Rule, r *report) {
	path := in.path
	var bodies []string
	for _, b := range []struct {
		key   string
		value any
	}{{"schedule", in.Schedule}, {"threshold", in.Threshold}, {"incident", in.Incident}, {"smart", in.Smart}} {
		if !reflect.ValueOf(b.value).IsZero() || r.written(path+"."+b.key) {
			bodies = append(bodies, b.key)
		}
	}
	if len(bodies) != 1 {
		what := "nothing says when the rule fires"
		if len(bodies) > 1 {
			what = "one rule fires for one reason, not for " + strings.Join(bodies, " and ")
		}
		r.at(path, "give it exactly one of schedule, threshold, incident and smart", "%s", what)
		return
	}
	switch bodies[0] {
	case "schedule":
		out.Schedule = c.schedule(in.Schedule, path+".schedule", r)
	case "threshold":
		out.Threshold = threshold(in.Threshold, path+".threshold", r)
	case "incident":
		out.Incident, out.Case = incident(in.Incident, path+".incident", r), true
	case "smart":
		out.Smart = smart(in.Smart, path+".smart", r)
	}
}

func (c *Config) calendarNames() []string {
	list := names(c.Calendars)
	for _, name := range []string{trigger.BusinessHours, trigger.OffHours} {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

func (c *Config) schedule(in Schedule, path string, r *report) *trigger.Schedule {
	out := &trigger.Schedule{Every: time.Duration(in.Every), Cron: in.Cron, Zone: c.zoneAt(in.Zone, path+".zone", r), Jitter: time.Duration(in.Jitter), SkipUnchanged: in.SkipUnchanged}
	switch {
	case in.Cron != "" && (in.Every != 0 || r.written(path+".every")):
		r.at(path, "keep one of the two", "the schedule has both an interval and a cron expression")
	case in.Cron != "":
		noteWorded(r, path+".cron", checkCron(in.Cron))
	case in.Every < Duration(time.Second) || in.Every > longest:
		r.at(path+".every", "write an interval of 1s to 1y such as 5m, or a cron expression", "the interval is %s", in.Every)
	}
	if in.Jitter > 0 && in.Every > 0 && in.Jitter >= in.Every {
		r.at(path+".jitter", "write less than the interval", "the jitter %s is as long as the interval %s", in.Jitter, in.Every)
	}
	return out
}

// noteWorded notes an error whose text is "what; hint".
func noteWorded(r *report, path string, err error) {
	if err != nil {
		message, hint, _ := strings.Cut(err.Error(), "; ")
		r.at(path, hint, "%s", message)
	}
}

// condition reads a condition on a metric.
func condition(text, metric, path string, r *report) trigger.Condition {
	v, err := trigger.ParseCondition(text, metric)
	if err != nil {
		r.cause(path, err)
	}
	return v
}

func threshold(in Threshold, path string, r *report) *trigger.Threshold {
	out := &trigger.Threshold{Metric: in.Metric, Scope: in.Scope, For: time.Duration(in.For), Count: in.Count}
	if in.Metric == "" {
		r.at(path, "write metric: avg_latency", "no metric is named")
		return out
	}
	if !checkMetric(in.Metric, in.Scope, path, r) {
		return out
	}
	if in.Condition == "" {
		r.at(path, "write a condition such as \"> 1000ms\"", "the threshold of %s has no condition", in.Metric)
		return out
	}
	out.Condition = condition(in.Condition, in.Metric, path+".condition", r)
	if in.Clear != "" {
		v := condition(in.Clear, in.Metric, path+".clear", r)
		out.Clear = &v
	}
	if in.Count < 0 || in.Count == 0 && r.written(path+".count") {
		r.at(path+".count", "write in how many frames one after the other the condition must hold, 1 or more", "count is %d", in.Count)
	}
	tooLong(r, path+".for", in.For)
	return out
}

// tooLong looks at how long a rule must be met.
func tooLong(r *report, path string, span Duration) {
	if span > Duration(day) {
		r.at(path, "write at most 1d, such as 30s", "the condition must hold for %s", span)
	}
}

// checkMetric looks whether a metric can be found where a scope leads. Elements may carry metrics of other producers.
func checkMetric(metric, scope, path string, r *report) (ok bool) {
	where, err := trigger.ParseScope(scope)
	if err != nil {
		r.cause(path+".scope", err)
		return false
	}
	if where.Kind == trigger.ScopeTotals {
		known := totalMetrics()
		if !slices.Contains(known, metric) {
			hint := guess(metric, known, "metrics are")
			if slices.Contains(elementMetrics(), metric) {
				hint = "elements have it: add a scope, such as users->products, users:Table or label:Table"
			}
			r.at(path+".metric", hint, "there is no metric %q of a whole source", metric)
			return false
		}
		return true
	}
	if known := elementMetrics(); !slices.Contains(known, metric) && !slices.Contains(totalMetrics(), metric) {
		r.warn("%sthe metric %q is none of ours; elements that have a property or a relationship of that name are looked at (%s)",
			r.position(find(r.values, path+".metric")), metric, guess(metric, known, "ours are"))
	}
	return true
}

// detectors are the detectors of incidents, with the metric that a condition of each compares.
var detectors = map[string]string{
	trigger.DetectBottleneck: "", trigger.DetectDeadlocks: trigger.MetricDeadlocks, trigger.DetectErrorRate: trigger.MetricErrorRate,
	trigger.DetectLockChain: trigger.MetricLockChain, trigger.DetectConnections: trigger.MetricConnections, trigger.DetectReplicationLag: trigger.MetricReplicationLag,
}

func incident(in Incident, path string, r *report) *trigger.Incident {
	out := &trigger.Incident{Detector: in.Detector, For: time.Duration(in.For)}
	tooLong(r, path+".for", in.For)
	metric, ok := detectors[in.Detector]
	switch {
	case in.Detector == "":
		r.at(path, "write detector: "+quoted(names(detectors)), "the incident has no detector")
		return out
	case !ok:
		r.at(path+".detector", guess(in.Detector, names(detectors), "detectors are"), "there is no detector %q", in.Detector)
		return out
	}
	for _, word := range in.Severity {
		if !slices.Contains(severities, word) {
			r.at(path+".severity", guess(word, severities, "severities are"), "there is no severity %q", word)
		}
		out.Severities = append(out.Severities, engine.Severity(word))
	}
	if len(in.Severity) > 0 && in.Detector != trigger.DetectBottleneck {
		r.at(path+".severity", "leave it out; severity beside incident sets that of the snapshot", "only bottlenecks are told apart by severity, not %s", in.Detector)
	}
	if in.Condition == "" {
		return out
	}
	if in.Detector == trigger.DetectBottleneck {
		r.at(path+".condition", "write severity: critical|high", "bottlenecks have no condition")
		return out
	}
	v := condition(in.Condition, metric, path+".condition", r)
	out.Condition = &v
	return out
}

var smartDetectors = []string{trigger.DetectDegradation, trigger.DetectTraffic, trigger.DetectPredicted}

func smart(in Smart, path string, r *report) *trigger.Smart {
	out := &trigger.Smart{Detector: in.Detector, Metric: in.Metric, Scope: in.Scope, Sensitivity: in.Sensitivity, Lead: time.Duration(in.Lead), For: time.Duration(in.For)}
	tooLong(r, path+".for", in.For)
	if in.Detector == "" {
		r.at(path, "write detector: "+quoted(smartDetectors), "the smart rule has no detector")
		return out
	}
	if !slices.Contains(smartDetectors, in.Detector) {
		r.at(path+".detector", guess(in.Detector, smartDetectors, "detectors are"), "there is no smart detector %q", in.Detector)
		return out
	}
	ok := in.Metric == "" || checkMetric(in.Metric, in.Scope, path, r)
	if in.Sensitivity < 0 || in.Sensitivity == 0 && r.written(path+".sensitivity") || in.Sensitivity > 100 {
		r.at(path+".sensitivity", "write how many robust deviations above the usual, such as 4", "sensitivity is %g", in.Sensitivity)
	}
	if in.Detector != trigger.DetectPredicted {
		for _, key := range []string{"condition", "lead"} {
			if r.written(path + "." + key) {
				r.atKey(path+"."+key, "write detector: predicted, or leave it out", "only predicted has a %s, not %s", key, in.Detector)
			}
		}
		return out
	}
	switch {
	case in.Metric == "":
		r.at(path, "write metric: connections", "no metric is named to predict")
	case in.Condition == "":
		r.at(path, "write the threshold as a condition such as \"> 500\"", "nothing says what is predicted of %s", in.Metric)
	case ok:
		v := condition(in.Condition, in.Metric, path+".condition", r)
		out.Condition = &v
	}
	if in.Lead > Duration(week) {
		r.at(path+".lead", "write at most 7d, such as 15m", "the lead is %s", in.Lead)
	}
	return out
}

func (c *Config) window(i int, r *report) trigger.Window {
	in, path := c.Maintenance[i], fmt.Sprintf("maintenance[%d]", i)
	out := trigger.Window{Name: in.Name, Sources: in.Sources, Cron: in.Cron, Length: time.Duration(in.Length), Zone: c.zoneAt(in.Zone, path+".zone", r)}
	checkSourceNames(c, path+".sources", in.Sources, r)
	if in.Name == "" {
		r.at(path, "give it one: name: weekly-vacuum", "the maintenance window has no name")
	}
	for k := range i {
		if c.Maintenance[k].Name == in.Name && in.Name != "" {
			r.at(path+".name", "names tell windows apart", "two maintenance windows are called %q: this one and that in %s", in.Name, r.where(fmt.Sprintf("maintenance[%d]", k)))
		}
	}
	moment := func(key, text string) time.Time {
		t, err := parseMoment(text, out.Zone)
		if err != nil {
			r.at(path+"."+key, "write 2026-12-24T22:00, in the zone of the window, or 2026-12-24T22:00:00Z", "%s is %q, which is no moment", key, text)
		}
		return t
	}
	switch {
	case in.Cron != "" && (in.Start != "" || in.End != ""):
		r.at(path, "keep either cron and length, or start and end", "the maintenance window both repeats and happens once")
	case in.Cron != "":
		noteWorded(r, path+".cron", checkCron(in.Cron))
		if in.Length <= 0 || in.Length > Duration(week) {
			r.at(path+".length", "write how long it takes, such as 2h, at most 7d", "the maintenance window has the length %s", in.Length)
		}
	case in.Start == "" || in.End == "":
		r.at(path, "write start and end, or cron and length", "the maintenance window has no start and end")
	default:
		out.Start, out.End = moment("start", in.Start), moment("end", in.End)
		if !out.Start.IsZero() && !out.End.IsZero() && !out.End.After(out.Start) {
			r.at(path+".end", "write a moment after start", "the maintenance window ends before it begins")
		}
	}
	return out
}

func parseMoment(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	var t time.Time
	var err error
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err = time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, err
}
