package trigger

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"graphsnap/engine"
)

// surroundings are what the decider knows besides the rule when it judges a frame.
type surroundings struct {
	source  string
	now     time.Time
	window  string // the maintenance window that is open; "" for none
	history *history
}

// outcome is what a rule made of a frame.
type outcome struct {
	firing      *engine.Firing
	suppression *engine.Suppression
	met         *engine.Firing // what the rule is met by now, fired or not
}

// evaluate looks at one frame: it moves the memory on and says whether to fire.
func (c *compiled) evaluate(m *memory, v *view, l *learner, w surroundings) outcome {
	before := m.At
	fresh, broken := m.step(v.frame.At)
	if !fresh {
		return outcome{}
	}
	if broken {
		// What fired is taken for the same trouble still, unless so much time has passed that it may have come and gone.
		anew := v.frame.At.Sub(before) >= c.Cooldown
		for key, r := range m.Runs {
			if !r.Fired || anew {
				delete(m.Runs, key)
				m.changed = true
			}
		}
	}
	s := c.sight(v, l, m)
	if s.worst != nil && !math.IsNaN(s.worst.value) {
		last := s.worst.value
		m.Last, m.LastAt = &last, v.frame.At
	}
	if s.cold != "" {
		m.Runs = nil
		m.phase(stateCold, s.cold, w.now)
		return outcome{}
	}
	if !s.known {
		return c.unknown(m, v, w)
	}
	c.follow(m, s, v.frame.At)
	ready := c.ready(m, s, v.frame.At)
	var o outcome
	why, detail := c.blocked(m, w)
	switch {
	case len(ready) == 0 && m.Hold != nil && m.Hold.Why == why: // it may be met again before that is over
	case len(ready) == 0:
		o.suppression = c.release(m, w)
	case why != "":
		o.suppression = c.holdBack(m, w, why, c.say(m, s, ready[0], len(s.found)-1, v.frame.At)+": "+detail, ready[0].value)
	default:
		o.suppression = c.release(m, w)
		o.firing = c.fire(m, s, ready, v.frame.At, w)
	}
	o.met = c.met(m, s, v.frame.At, w)
	c.settle(m, w, max(c.held, s.held), len(ready) > 0 && why != "")
	return o
}

// unknown keeps what was met for as long as frames come without the figure, up to a gap.
func (c *compiled) unknown(m *memory, v *view, w surroundings) outcome {
	if !m.LastAt.IsZero() && v.frame.At.Sub(m.LastAt).Seconds() > shortestGap {
		for key, r := range m.Runs {
			if !r.Fired {
				delete(m.Runs, key)
			}
		}
	}
	if len(m.Runs) == 0 {
		m.phase(stateIdle, "the source does not tell this figure just now", w.now)
	}
	if len(m.Runs) == 0 || m.Last == nil {
		return outcome{}
	}
	f := c.firing(w)
	f.Metric, f.At, f.Severity = c.metricName(), v.frame.At, c.Severity
	f.Reason = "the figure is not known just now; the last one met the rule"
	return outcome{met: &f}
}

// follow moves the runs of the elements on.
func (c *compiled) follow(m *memory, s sighting, at time.Time) {
	runs := make(map[string]run, len(s.found)+len(s.uncleared))
	for _, x := range s.found {
		if len(runs) == mostRuns {
			break
		}
		r, known := m.Runs[x.key]
		if !known {
			r.Since = at
			m.changed = true
		}
		r.Frames++
		r.Value, r.Metric = finite(x.value), x.metric
		runs[x.key] = r
	}
	for _, x := range s.uncleared {
		r := m.Runs[x.key]
		r.Value = finite(x.value)
		runs[x.key] = r
	}
	m.changed = m.changed || len(runs) != len(m.Runs)
	m.Runs = runs
}

// finite is for JSON, which has no NaN.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// ready gives the elements that have met the rule for long enough and had no firing yet.
func (c *compiled) ready(m *memory, s sighting, at time.Time) []value {
	var out []value
	for _, x := range s.found {
		if r, ok := m.Runs[x.key]; ok && !r.Fired && at.Sub(r.Since) >= max(c.held, s.held) && r.Frames >= c.count {
			out = append(out, x)
		}
	}
	return out
}

// blocked says what keeps the rule from firing now.
func (c *compiled) blocked(m *memory, w surroundings) (why, detail string) {
	last := m.lastFired()
	n := m.lastHour(w.now)
	switch {
	case w.window != "":
		return "maintenance", fmt.Sprintf("maintenance window %s", w.window)
	case !c.within(w.now):
		return "calendar", fmt.Sprintf("outside %s", c.When)
	case !last.IsZero() && w.now.Sub(last) < c.Cooldown:
		return "cooldown", fmt.Sprintf("cool-down until %s, it fired at %s", clockText(last.Add(c.Cooldown)), clockText(last))
	case c.MaxPerHour > 0 && n >= c.MaxPerHour:
		return "max_per_hour", fmt.Sprintf("it fired %d times within the hour, the maximum is %d", n, c.MaxPerHour)
	}
	return "", ""
}

func clockText(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// holdBack notes a firing that something kept from happening, once for each reason.
func (c *compiled) holdBack(m *memory, w surroundings, why, text string, x float64) *engine.Suppression {
	if m.Hold != nil && m.Hold.Why == why {
		m.Hold.Count++
		if m.Hold.Peak != nil && math.Abs(x) > math.Abs(*m.Hold.Peak) {
			m.Hold.Peak = &x
		}
		m.phase(stateSuppressed, text, w.now)
		return nil
	}
	m.Hold = &hold{Why: why, Since: w.now, Count: 1}
	if !math.IsNaN(x) {
		m.Hold.Peak = &x
	}
	m.changed = true
	m.phase(stateSuppressed, text, w.now)
	return &engine.Suppression{Rule: c.Name, Source: w.source, Reason: text, At: w.now}
}

// release sums up what was held back, where it was more than the once that was told.
func (c *compiled) release(m *memory, w surroundings) *engine.Suppression {
	h := m.Hold
	if h == nil {
		return nil
	}
	m.Hold, m.changed = nil, true
	if h.Count < 2 {
		return nil
	}
	text := fmt.Sprintf("held back by %s %d times from %s to %s", strings.ReplaceAll(h.Why, "_", " "), h.Count, clockText(h.Since), clockText(w.now))
	if h.Peak != nil {
		text += ", the worst " + amount(*h.Peak, c.unit)
	}
	return &engine.Suppression{Rule: c.Name, Source: w.source, Reason: text, At: w.now}
}

func (c *compiled) say(m *memory, s sighting, x value, more int, at time.Time) string {
	held := at.Sub(m.Runs[x.key].Since)
	if c.held == 0 {
		held = 0
	}
	return s.reason(x, held, more)
}

// firing begins the description of a firing or of what is met.
func (c *compiled) firing(w surroundings) engine.Firing {
	f := engine.Firing{
		Rule: c.Name, Kind: c.kind, Source: w.source, At: w.now, Severity: c.Severity, Case: c.Case, Template: c.Template,
		Description: c.Description, Tags: c.Tags, Retention: c.Retention, State: engine.FiringPending,
	}
	switch {
	case c.kind == KindScheduled:
		f.Trigger = engine.TriggerScheduled
	case c.kind == KindIncident, c.kind == KindSmart && c.Case:
		f.Trigger = engine.TriggerIncident
	default:
		f.Trigger = engine.TriggerThreshold
	}
	return f
}

// mostAffected bounds the elements that a firing lists.
const mostAffected = 50

func (c *compiled) describeFinding(f *engine.Firing, m *memory, s sighting, x value, at time.Time, h *history) {
	f.Metric, f.Key, f.Threshold = s.metric, x.key, s.threshold
	if x.metric != "" {
		f.Metric = x.metric
	}
	if !math.IsNaN(x.value) {
		f.Value = &x.value
	}
	if f.Severity == "" {
		f.Severity = s.severity
	}
	f.Affected = s.affected
	if f.Affected == nil {
		for _, y := range s.found {
			if y.key != "" {
				f.Affected = append(f.Affected, y.key)
			}
		}
	}
	f.Affected = f.Affected[:min(len(f.Affected), mostAffected)]
	f.Reason = c.say(m, s, x, len(s.found)-1, at)
	if r := m.Runs[x.key]; h != nil {
		f.Onset = h.onset(f.Metric, x.key, r.Since)
	}
}

func (c *compiled) fire(m *memory, s sighting, ready []value, at time.Time, w surroundings) *engine.Firing {
	f := c.firing(w)
	f.ID, f.At = firingID(c.Name, w.source, at), at // frames before that one are from before the trigger
	c.describeFinding(&f, m, s, ready[0], at, w.history)
	for _, x := range ready {
		r := m.Runs[x.key]
		r.Fired = true
		m.Runs[x.key] = r
	}
	m.fired(w.now)
	return &f
}

// firings is the name space of the IDs of firings.
var firings = uuid.MustParse("6f1c1df4-6e0b-4f0b-9a52-6b0c2c1f8a11")

// firingID follows from what was decided, so that a decision made twice is one firing.
func firingID(rule, source string, at time.Time) string {
	return uuid.NewSHA1(firings, []byte(rule+"\x00"+source+"\x00"+at.UTC().Format(time.RFC3339Nano))).String()
}

// met tells what the rule is met by, for those who wait for it to end.
func (c *compiled) met(m *memory, s sighting, at time.Time, w surroundings) *engine.Firing {
	all := append(append([]value(nil), s.found...), s.uncleared...)
	for _, x := range all {
		if _, ok := m.Runs[x.key]; !ok {
			continue
		}
		f := c.firing(w)
		f.At, f.State = at, ""
		c.describeFinding(&f, m, s, x, at, nil)
		f.Onset = m.Runs[x.key].Since
		return &f
	}
	return nil
}

// settle notes the state of the rule for people.
func (c *compiled) settle(m *memory, w surroundings, held time.Duration, heldBack bool) {
	firedNow, waiting := false, time.Time{}
	var key string
	for k, r := range m.Runs {
		firedNow = firedNow || r.Fired
		if !r.Fired && (waiting.IsZero() || r.Since.Before(waiting)) {
			waiting, key = r.Since, k
		}
	}
	last := m.lastFired()
	switch {
	case heldBack: // noted by holdBack
	case firedNow:
		m.phase(stateFired, fmt.Sprintf("fired at %s, and still met", clockText(last)), w.now)
	case len(m.Runs) > 0:
		detail := fmt.Sprintf("met since %s", clockText(waiting))
		if held > 0 {
			detail += fmt.Sprintf(", fires after %s", spanText(held.Seconds()))
		}
		if key != "" {
			detail += " (" + display(key) + ")"
		}
		m.phase(stateMet, detail, w.now)
	case !last.IsZero() && w.now.Sub(last) < c.Cooldown:
		m.phase(stateCooldown, fmt.Sprintf("until %s, it fired at %s", clockText(last.Add(c.Cooldown)), clockText(last)), w.now)
	case !c.within(w.now):
		m.phase(stateSuppressed, "outside "+c.When, w.now)
	default:
		m.phase(stateIdle, "", w.now)
	}
}
