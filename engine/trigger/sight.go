package trigger

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/analysis"
)

// What a smart rule asks for beside deviations: that it matters.
const (
	minDegradation = 1.3 // times the usual latency
	minTraffic     = 1.5 // times the usual load, or less than the usual divided by it
	minCalls       = 20  // statements in the window, below which a mean latency is chance

	// While a baseline is young it takes for unusual what it has not seen often enough. Then a value that comes with something new in the
	// series fires as ever, and one that the series has crept to must have lasted for longer.
	unconfirmedFor  = 5 * time.Minute
	confirmedBefore = 5 * time.Minute // something new so long before a value became unusual belongs to it
)

// sight looks at a frame for a rule. runs are the elements that met it before.
func (c *compiled) sight(v *view, l *learner, m *memory) sighting {
	s := sighting{metric: c.metricName(), unit: c.unit}
	switch {
	case c.severities != nil:
		c.sightBottlenecks(v, &s)
	case c.Smart != nil && c.Smart.Detector == DetectPredicted:
		c.sightAhead(v, l, m, &s)
	case c.Smart != nil:
		c.sightUnusual(v, l, m, &s)
	default:
		c.sightCondition(v, m, &s)
	}
	return s
}

func (c *compiled) sightCondition(v *view, m *memory, s *sighting) {
	threshold := c.condition.Value
	s.threshold = &threshold
	values := v.values(c.scope, c.metric)
	worse := func(a, b value) int {
		if c.condition.below() {
			a, b = b, a
		}
		return cmp.Compare(b.value, a.value)
	}
	slices.SortStableFunc(values, worse)
	// An element that is gone is cleared; a whole source that is silent is unknown.
	s.known = len(values) > 0 || c.scope.Kind != ScopeTotals && !v.down()
	for i, x := range values {
		if i == 0 {
			s.worst = &values[0]
		}
		switch {
		case c.condition.Holds(x.value):
			s.found = append(s.found, x)
		case c.clear != nil && m.Runs[x.key].Fired && !c.clear.Holds(x.value):
			s.uncleared = append(s.uncleared, x)
		}
	}
	s.reason = func(x value, held time.Duration, more int) string {
		return ofElement(c.metricName(), x.key) + " " + amount(x.value, c.unit) + " " + c.condition.text(c.unit) + c.holding(held) + others(more)
	}
	if c.Incident != nil && c.Incident.Detector == DetectLockChain && len(s.found) > 0 {
		c.explainChain(v, s)
	}
}

// explainChain names who holds whom up.
func (c *compiled) explainChain(v *view, s *sighting) {
	head, waiting, tables := v.chain()
	if head == "" {
		return
	}
	s.affected = append(append([]string{head}, tables...), waiting...)
	s.reason = func(x value, held time.Duration, _ int) string {
		text := fmt.Sprintf("%d sessions wait behind session %s", len(waiting), engine.KeyName(head))
		if len(waiting) == 1 {
			text = fmt.Sprintf("session %s waits for session %s", engine.KeyName(waiting[0]), engine.KeyName(head))
		}
		if len(tables) > 0 {
			names := make([]string, len(tables))
			for i, t := range tables {
				names[i] = engine.KeyName(t)
			}
			text += " on " + strings.Join(names[:min(3, len(names))], ", ")
		}
		return text + ": lock_chain " + amount(x.value, c.unit) + " " + c.condition.text(c.unit) + c.holding(held)
	}
}

func (c *compiled) sightBottlenecks(v *view, s *sighting) {
	s.known = !v.down()
	s.found = v.bottlenecks(c.severities)
	if len(s.found) > 0 {
		s.worst = &s.found[0]
		s.severity = s.found[0].severity
	}
	s.reason = func(x value, held time.Duration, more int) string {
		text := string(x.severity) + " bottleneck " + display(x.key)
		if !math.IsNaN(x.value) {
			unit, _ := engine.UnitOf(x.metric)
			text += ": " + strings.ToLower(x.metric) + " " + amount(x.value, unit)
		}
		return text + c.holding(held) + others(more)
	}
}

func (c *compiled) sightUnusual(v *view, l *learner, m *memory, s *sighting) {
	if !l.known {
		return
	}
	x := value{key: l.scopeKey(v), value: l.value}
	s.worst = &x
	if l.verdict.Cold {
		s.cold = "its baseline is cold: it needs three working days and two days at the weekend with this hour of the day"
		return
	}
	s.known = true
	d := l.verdict
	if edge := d.Upper; d.Deviations < 0 {
		edge = d.Lower
		s.threshold = &edge
	} else {
		s.threshold = &edge
	}
	ratio := x.value / max(d.Expected, 1e-9)
	found := d.Deviations >= c.sensitivity && ratio >= minDegradation
	if c.Smart.Detector == DetectTraffic {
		found = math.Abs(d.Deviations) >= c.sensitivity && (ratio >= minTraffic || ratio <= 1/minTraffic)
	} else if rate, ok := v.total(MetricQueriesPerSec); ok && c.scope.Kind == ScopeTotals {
		window := 60.0
		if w := v.frame.State.Totals.WindowS; w != nil {
			window = *w
		}
		found = found && rate*window >= minCalls
	}
	if found && l.Young(l.at) && !l.confirms(m.Runs[x.key].Since, v.frame.At) {
		s.held = unconfirmedFor
	}
	switch {
	case found:
		s.found = []value{x}
	case m.Runs[x.key].Fired && math.Abs(d.Deviations) > 3:
		s.uncleared = []value{x}
	}
	s.reason = func(x value, held time.Duration, _ int) string {
		times := fmt.Sprintf("%s times the usual %s", digits(ratio), amount(d.Expected, c.unit))
		if ratio < 1 {
			times = fmt.Sprintf("%s %% of the usual %s", digits(100*ratio), amount(d.Expected, c.unit))
		}
		return fmt.Sprintf("%s %s is %s at this hour (%s to %s)%s", ofElement(c.metricName(), x.key), amount(x.value, c.unit), times,
			amount(d.Lower, c.unit), amount(d.Upper, c.unit), c.holding(held))
	}
}

func (c *compiled) sightAhead(v *view, l *learner, m *memory, s *sighting) {
	if !l.known {
		return
	}
	x := value{key: l.scopeKey(v), value: l.value}
	s.worst = &x
	threshold := c.condition.Value
	s.threshold = &threshold
	if m.Ahead == nil {
		m.Ahead = &analysis.Predictor{}
	}
	bin := m.Ahead.Bin
	eta, ahead := m.Ahead.Observe(l.at, x.value, analysis.Threshold{Value: threshold, Below: c.condition.below()}, c.lead, l.Expected)
	m.changed = m.changed || bin != m.Ahead.Bin
	if l.verdict.Cold {
		s.cold = "its baseline is cold: it needs three working days and two days at the weekend with this hour of the day"
		return
	}
	s.known = true
	switch {
	case ahead:
		s.found = []value{x}
	case m.Runs[x.key].Fired && c.condition.Holds(x.value):
		s.uncleared = []value{x} // it has come as predicted
	}
	s.reason = func(x value, held time.Duration, _ int) string {
		return fmt.Sprintf("%s %s is on its way to %s, in about %s", ofElement(c.metricName(), x.key), amount(x.value, c.unit), c.condition.text(c.unit), spanText(max(eta.Seconds(), 1)))
	}
}

// confirms says that something new came with a value that has been unusual since a time; zero is now.
func (l *learner) confirms(since, now time.Time) bool {
	if since.IsZero() {
		since = now
	}
	return !l.newAt.Before(since.Add(-confirmedBefore))
}

// scopeKey is the key of the element that the learner looks at; "" for the whole source.
func (l *learner) scopeKey(v *view) string {
	if values := v.values(l.scope, l.metric); len(values) > 0 {
		return values[0].key
	}
	return ""
}

// learn takes the value of a frame into the baseline.
func (l *learner) learn(v *view, zone *time.Location) {
	l.known = false
	values := v.values(l.scope, l.metric)
	if len(values) == 0 {
		return
	}
	at := v.frame.At.In(zone)
	if !at.After(l.at) && l.at.Sub(at) < time.Minute {
		return
	}
	l.at, l.value, l.known = at, values[0].value, true
	for _, x := range values[1:] {
		l.value = max(l.value, x.value)
	}
	l.verdict = l.Observe(at, l.value)
	if ratio, known := l.novelty.Observe(at, analysis.Logarithm(l.value)); known && ratio >= analysis.NovelRatio {
		l.newAt = at
	}
}

func ofElement(metric, key string) string {
	if key == "" {
		return metric
	}
	return strings.ToLower(metric) + " of " + display(key)
}

func (c *compiled) holding(held time.Duration) string {
	if held <= 0 {
		return ""
	}
	return " for " + spanText(math.Round(held.Seconds()))
}

func others(more int) string {
	switch {
	case more <= 0:
		return ""
	case more == 1:
		return ", and 1 more"
	}
	return fmt.Sprintf(", and %d more", more)
}
