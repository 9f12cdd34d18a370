package trigger

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"graphsnap/engine"
)

// compiled is a rule with its defaults filled in, ready to look at frames.
type compiled struct {
	Rule
	kind        string
	metric      string // canonical
	unit        string
	scope       Scope
	condition   Condition
	clear       *Condition
	held        time.Duration
	count       int
	sensitivity float64
	lead        time.Duration
	severities  []engine.Severity
	table       timetable
	calendar    *Calendar
	zone        *time.Location // of the weeks of the baseline
	form        string
	text        string
}

// compile checks a rule and fills in its defaults. Kinds: invalid.
func (s Set) compile(r Rule) (compiled, error) {
	c := compiled{Rule: r, kind: r.Kind()}
	op := "rule " + r.Name
	if err := s.checkCommon(op, r); err != nil {
		return c, err
	}
	if r.When != "" {
		calendar, ok := s.Calendar(r.When)
		if !ok {
			return c, engine.Errorf(engine.KindInvalid, op, "there is no calendar %q", r.When).WithHint("calendars are: %s", strings.Join(s.calendarNames(), ", "))
		}
		c.calendar = &calendar
	}
	usual, hourly := DefaultCooldown, DefaultMaxPerHour
	switch c.kind {
	case KindScheduled:
		usual, hourly = 0, 0
	case KindIncident:
		usual, hourly = DefaultIncidentCooldown, DefaultIncidentPerHour
	case KindSmart:
		usual, hourly = DefaultSmartCooldown, DefaultSmartPerHour
	}
	c.Cooldown, c.MaxPerHour = cmp.Or(c.Cooldown, usual), cmp.Or(c.MaxPerHour, hourly)
	var err error
	switch c.kind {
	case KindScheduled:
		c.table, err = r.Schedule.timetable(op)
	case KindThreshold:
		err = c.threshold(op, *r.Threshold)
	case KindIncident:
		c.Case = true
		err = c.incident(op, *r.Incident)
	case KindSmart:
		business, _ := s.Calendar(BusinessHours)
		c.zone = zone(business.Zone)
		err = c.smart(op, *r.Smart)
	}
	if err != nil {
		return c, err
	}
	c.form, c.text = formOf(r), c.describe()
	return c, nil
}

func (s Set) checkCommon(op string, r Rule) error {
	invalid := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.KindInvalid, op, format, args...)
	}
	n := 0
	for _, is := range []bool{r.Schedule != nil, r.Threshold != nil, r.Incident != nil, r.Smart != nil} {
		if is {
			n++
		}
	}
	switch {
	case strings.TrimSpace(r.Name) == "" || len(r.Name) > 200:
		return invalid("a rule needs a name of at most 200 bytes").WithHint("name it after what it finds, such as \"slow joins\"")
	case strings.HasPrefix(r.Name, baselinePrefix) || strings.HasPrefix(r.Name, maintenancePrefix):
		return invalid("names of rules do not begin with %s or %s", baselinePrefix, maintenancePrefix).WithHint("choose another name")
	case n != 1:
		return invalid("a rule has exactly one of schedule, threshold, incident and smart, this one has %d", n).WithHint("split it into several rules")
	case r.Cooldown < 0 || r.MaxPerHour < 0:
		return invalid("cool-down and maximum per hour are not negative").WithHint("leave them out for the defaults")
	case r.Severity != "" && r.Severity.Rank() == 0:
		return invalid("there is no severity %q", r.Severity).WithHint("severities are low, medium, high and critical")
	}
	return nil
}

func (s Set) calendarNames() []string {
	names := []string{BusinessHours, OffHours}
	for name := range s.Calendars {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (c *compiled) threshold(op string, t Threshold) error {
	invalid := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.KindInvalid, op, format, args...)
	}
	if err := c.look(op, t.Metric, t.Scope); err != nil {
		return err
	}
	if err := t.Condition.check(op, c.metricName()); err != nil {
		return err
	}
	if t.For < 0 || t.Count < 0 {
		return invalid("duration and count are not negative").WithHint("leave them out where one frame is enough")
	}
	c.condition, c.clear, c.held, c.count = t.Condition, t.Clear, t.For, max(t.Count, 1)
	c.percentOfConnections()
	if t.Clear == nil {
		return nil
	}
	if err := t.Clear.check(op, c.metricName()); err != nil {
		return err
	}
	// What clears must not fire at the same time, or the rule would clear in the frame in which it is met.
	if t.Clear.Holds(t.Condition.Value) && t.Condition.Holds(t.Condition.Value) || t.Clear.below() == t.Condition.below() || t.Clear.Holds(justPast(t.Condition)) {
		return invalid("it clears at %s, where %s is still met", t.Clear.text(c.unit), t.Condition.text(c.unit)).
			WithHint("choose a clear level on the other side, such as \"< %s\" for \"%s\"", digits(0.8*t.Condition.Value), t.Condition.text(""))
	}
	return nil
}

// justPast is a value that meets a condition by a little.
func justPast(c Condition) float64 {
	step := 1e-9 * max(1, c.Value, -c.Value)
	if c.below() {
		return c.Value - step
	}
	return c.Value + step
}

// look settles which figures a rule looks at.
func (c *compiled) look(op, metric, scope string) (err error) {
	if c.scope, err = ParseScope(scope); err != nil {
		return engine.Errorf(engine.KindInvalid, op, "scope").WithCause(err)
	}
	whole, known := total(metric)
	if c.scope.Kind == ScopeTotals {
		if !known {
			return unknownMetric(op, metric)
		}
		c.metric, c.unit = whole.Name, whole.Unit
		return nil
	}
	byType := c.scope.Kind == ScopeType || c.scope.Kind == ScopeRelationship
	switch {
	case metric == "" && byType, propertyForm.MatchString(metric):
	case metric == "":
		return engine.Errorf(engine.KindInvalid, op, "no metric is named").WithHint("name a metric such as avg_latency, a property of nodes or a type of relationships")
	default:
		return engine.Errorf(engine.KindInvalid, op, "%q is no metric", metric).WithHint("metrics of elements are avg_latency, queries_per_sec, a property of nodes such as dead_rows_pct, or a type of relationships such as %s", engine.RelLockWaitMS)
	}
	if known && !byType {
		if _, held := elementNames[whole.Name]; !held {
			return engine.Errorf(engine.KindInvalid, op, "%s is a figure of the whole source, no element has one", metric).WithHint("leave the scope out")
		}
	}
	if c.scope.Kind == ScopeType && !typeForm.MatchString(c.scope.Name) {
		return engine.Errorf(engine.KindInvalid, op, "%q is no type of relationships", c.scope.Name).WithHint("write it as the graph holds it, such as type:%s", engine.RelAvgLatencyMS)
	}
	c.metric = metric
	if known && !byType {
		c.metric = whole.Name
	}
	c.unit, _ = engine.UnitOf(c.metricName())
	return nil
}

// metricName is the metric, or the type of the relationships whose value is looked at.
func (c *compiled) metricName() string {
	switch {
	case c.metric != "" && c.metric != "value":
		return c.metric
	case c.scope.Kind == ScopeType:
		return c.scope.Name
	case c.scope.Kind == ScopeRelationship:
		_, rest, _ := strings.Cut(c.scope.Name, "-[")
		relType, _, _ := strings.Cut(rest, "]->")
		relType, _, _ = strings.Cut(relType, ":")
		return relType
	}
	return c.metric
}

// percentOfConnections turns "connections > 90 %" into what it means.
func (c *compiled) percentOfConnections() {
	if c.metric == MetricConnections && c.scope.Kind == ScopeTotals && c.condition.Unit == "%" {
		c.metric, c.unit = MetricConnectionUsage, "%"
	}
}

func (c *compiled) incident(op string, i Incident) error {
	metrics := map[string]string{
		DetectDeadlocks: MetricDeadlocks, DetectErrorRate: MetricErrorRate, DetectLockChain: MetricLockChain,
		DetectConnections: MetricConnections, DetectReplicationLag: MetricReplicationLag,
	}
	c.scope, c.held, c.count = Scope{Kind: ScopeTotals}, i.For, 1
	if i.For < 0 {
		return engine.Errorf(engine.KindInvalid, op, "the duration is negative").WithHint("leave it out where one frame is enough")
	}
	if i.Detector == DetectBottleneck {
		c.severities = i.Severities
		if len(c.severities) == 0 {
			c.severities = []engine.Severity{engine.SeverityCritical, engine.SeverityHigh}
		}
		for _, s := range c.severities {
			if s.Rank() == 0 {
				return engine.Errorf(engine.KindInvalid, op, "there is no severity %q", s).WithHint("severities are low, medium, high and critical")
			}
		}
		if i.Condition != nil {
			return engine.Errorf(engine.KindInvalid, op, "bottlenecks go by severity, not by a condition").WithHint("name severities, or make a threshold on bottleneck_score")
		}
		c.metric = DetectBottleneck
		return nil
	}
	metric, ok := metrics[i.Detector]
	if !ok {
		return engine.Errorf(engine.KindInvalid, op, "there is no incident %q", i.Detector).
			WithHint("incidents are bottleneck, deadlocks, error_rate, lock_chain, connections and replication_lag")
	}
	if len(i.Severities) > 0 {
		return engine.Errorf(engine.KindInvalid, op, "only bottlenecks go by severities").WithHint("give %s a condition, such as \"%s\"", i.Detector, DefaultCondition(i.Detector).text(""))
	}
	c.condition = DefaultCondition(i.Detector)
	if i.Condition != nil {
		c.condition = *i.Condition
	}
	m, _ := total(metric)
	c.metric, c.unit = m.Name, m.Unit
	c.percentOfConnections()
	if c.Severity == "" {
		c.Severity = engine.SeverityHigh
	}
	return c.condition.check(op, metric)
}

func (c *compiled) smart(op string, s Smart) error {
	invalid := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.KindInvalid, op, format, args...)
	}
	metric := s.Metric
	switch s.Detector {
	case DetectDegradation, DetectPredicted:
		if metric == "" {
			metric = MetricAvgLatency
		}
	case DetectTraffic:
		if metric == "" {
			metric = MetricQueriesPerSec
		}
	default:
		return invalid("there is no smart detector %q", s.Detector).WithHint("smart detectors are degradation, traffic and predicted")
	}
	if err := c.look(op, metric, s.Scope); err != nil {
		return err
	}
	if !c.scope.single() {
		return invalid("a baseline is of one element, %s is of many", s.Scope).WithHint("name one, such as users->products or users:Table, or make a rule for each")
	}
	if s.Sensitivity < 0 || s.Lead < 0 || s.For < 0 {
		return invalid("sensitivity, lead and duration are not negative").WithHint("leave them out for the defaults")
	}
	if (s.Detector == DetectPredicted) != (s.Condition != nil) {
		return invalid("a condition belongs to predicted, and only to it").WithHint("write detector predicted with the threshold that must not be crossed, such as \"> 1000ms\"")
	}
	c.sensitivity, c.lead, c.held, c.count = s.Sensitivity, s.Lead, s.For, 1
	if c.sensitivity == 0 {
		c.sensitivity = DefaultSensitivity
	}
	if c.lead == 0 {
		c.lead = DefaultLead
	}
	if s.Condition != nil {
		if s.Condition.Op == "==" || s.Condition.Op == "!=" {
			return invalid("%s has no side to come from", s.Condition.text(c.unit)).WithHint("write > or <")
		}
		c.condition = *s.Condition
		c.percentOfConnections()
		return s.Condition.check(op, c.metricName())
	}
	if c.held == 0 {
		c.held = DefaultSmartFor
	}
	return nil
}

// formOf tells forms of a rule apart: a memory of another one is of no use. What says how a capture is described does not matter.
func formOf(r Rule) string {
	type schedule struct {
		Every  time.Duration
		Cron   string
		Zone   string
		Jitter time.Duration
	}
	form := struct {
		Schedule  *schedule
		Threshold *Threshold
		Incident  *Incident
		Smart     *Smart
	}{Threshold: r.Threshold, Incident: r.Incident, Smart: r.Smart}
	if s := r.Schedule; s != nil {
		form.Schedule = &schedule{s.Every, s.Cron, zone(s.Zone).String(), s.Jitter}
	}
	raw, err := json.Marshal(form)
	if err != nil { // a threshold that is no number, which check refuses
		raw = fmt.Append(nil, form)
	}
	h := fnv.New64a()
	_, _ = h.Write(raw)
	return strconv.FormatUint(h.Sum64(), 36)
}

// describe writes the rule in one line.
func (c *compiled) describe() string {
	var b strings.Builder
	of := ""
	if c.scope.Kind != ScopeTotals && c.kind != KindScheduled {
		of = " of " + c.scope.String()
	}
	switch {
	case c.Schedule != nil && c.Schedule.Cron != "":
		fmt.Fprintf(&b, "cron %s (%s)", c.Schedule.Cron, c.table.zone)
	case c.Schedule != nil:
		fmt.Fprintf(&b, "every %s", spanText(c.Schedule.Every.Seconds()))
	case c.severities != nil:
		names := make([]string, len(c.severities))
		for i, s := range c.severities {
			names[i] = string(s)
		}
		fmt.Fprintf(&b, "bottleneck of severity %s", strings.Join(names, " or "))
	case c.Smart != nil && c.Smart.Detector == DetectPredicted:
		fmt.Fprintf(&b, "%s%s on its way to %s within %s", c.metricName(), of, c.condition.text(c.unit), spanText(c.lead.Seconds()))
	case c.Smart != nil:
		fmt.Fprintf(&b, "%s%s %s deviations %s its baseline", c.metricName(), of, digits(c.sensitivity), map[string]string{DetectDegradation: "above", DetectTraffic: "off"}[c.Smart.Detector])
	default:
		fmt.Fprintf(&b, "%s%s %s", c.metricName(), of, c.condition.text(c.unit))
	}
	if c.held > 0 {
		fmt.Fprintf(&b, " for %s", spanText(c.held.Seconds()))
	}
	if c.count > 1 {
		fmt.Fprintf(&b, " in %d frames", c.count)
	}
	if c.clear != nil {
		fmt.Fprintf(&b, ", clear at %s", c.clear.text(c.unit))
	}
	if c.When != "" {
		fmt.Fprintf(&b, " in %s", c.When)
	}
	return b.String()
}

// watches says whether a rule is for a source.
func (c *compiled) watches(source string) bool {
	return (len(c.Sources) == 0 || slices.Contains(c.Sources, source)) && (c.scope.Source == "" || c.scope.Source == source)
}

// within says whether the rule is at work at a moment.
func (c *compiled) within(t time.Time) bool { return c.calendar == nil || c.calendar.Contains(t) }
