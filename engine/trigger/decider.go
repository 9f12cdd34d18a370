package trigger

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"graphsnap/engine"
)

// decider holds the rules and what they remember, and decides. It is pure: frames and times go in, decisions come out. It is not for
// use from several goroutines.
type decider struct {
	set     Set
	rules   []*compiled
	windows []window
	sources map[string]*sourceState
	noted   []string // properties of nodes that rules look at
}

type sourceState struct {
	rules    map[string]*memory // by name of the rule, or of the window with its prefix
	learners map[string]*learner
	history  history
	seen     bool // a frame has come
}

// decision is a firing with the memory to be written with it, or a suppression.
type decision struct {
	firing      *engine.Firing
	memory      engine.RuleMemory
	suppression *engine.Suppression
	late        bool // it could not be written at once
}

// newDecider checks a set and makes it ready. before gives the memories of another decider, nil for none; those of rules that have not
// changed go on. Kinds: invalid.
func newDecider(set Set, before *decider) (*decider, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	d := &decider{set: set, sources: map[string]*sourceState{}, noted: []string{"hotspot_score"}}
	for _, r := range set.Rules {
		c, err := set.compile(r)
		if err != nil {
			return nil, err
		}
		d.rules = append(d.rules, &c)
		if _, property := places(c.metric); c.scope.Kind == ScopeNode || c.scope.Kind == ScopeLabel {
			if !slices.Contains(d.noted, property) {
				d.noted = append(d.noted, property)
			}
		}
	}
	for _, w := range set.Maintenance {
		c, err := w.compile()
		if err != nil {
			return nil, err
		}
		d.windows = append(d.windows, c)
	}
	if before == nil {
		return d, nil
	}
	for name, old := range before.sources {
		s := d.source(name)
		s.history, s.seen = old.history, old.seen
		for key, l := range old.learners {
			s.learners[key] = l
		}
		for key, m := range old.rules {
			if strings.HasPrefix(key, maintenancePrefix) {
				s.rules[key] = m
			}
		}
		for _, c := range d.rules {
			if m := old.rules[c.Name]; m != nil && m.Form == c.form {
				m.next = time.Time{}
				s.rules[c.Name] = m
			}
		}
	}
	return d, nil
}

func (d *decider) source(name string) *sourceState {
	s := d.sources[name]
	if s == nil {
		s = &sourceState{rules: map[string]*memory{}, learners: map[string]*learner{}}
		d.sources[name] = s
	}
	return s
}

func (s *sourceState) memory(c *compiled) *memory {
	m := s.rules[c.Name]
	if m == nil {
		m = &memory{Form: c.form}
		s.rules[c.Name] = m
	}
	return m
}

// learner gives the baseline that a smart rule looks at.
func (s *sourceState) learner(c *compiled) *learner {
	name := baselineName(c.metric, c.scope)
	l := s.learners[name]
	if l == nil {
		l = &learner{}
		s.learners[name] = l
	}
	l.metric, l.scope = c.metric, c.scope
	return l
}

// observe takes a frame into the history without deciding; replicas that do not hold the lease do so.
func (d *decider) observe(f *engine.Frame) *view {
	s, v := d.source(f.Source), newView(f)
	s.seen = true
	if n := len(s.history.times); n == 0 || f.At.After(s.history.times[n-1]) || s.history.times[n-1].Sub(f.At) >= time.Minute {
		s.history.note(v, d.noted)
	}
	return v
}

// frame decides about one frame. met are the rules whose condition holds in it.
func (d *decider) frame(f *engine.Frame, now time.Time) (out []decision, met []engine.Firing) {
	v := d.observe(f)
	s := d.source(f.Source)
	w := surroundings{source: f.Source, now: now, window: d.window(f.Source, now), history: &s.history}
	learnt := map[*learner]bool{}
	for _, c := range d.rules {
		if c.kind == KindScheduled || c.Disabled || !c.watches(f.Source) {
			continue
		}
		var l *learner
		if c.kind == KindSmart {
			if l = s.learner(c); !learnt[l] {
				learnt[l] = true
				l.learn(v, c.zone)
			}
		}
		m := s.memory(c)
		o := c.evaluate(m, v, l, w)
		if o.suppression != nil {
			out = append(out, decision{suppression: o.suppression})
		}
		if o.firing != nil {
			out = append(out, decision{firing: o.firing, memory: s.written(c.Name, f.Source, now)})
		}
		if o.met != nil {
			met = append(met, *o.met)
		}
	}
	return out, met
}

// written gives the memory of a rule as the store keeps it.
func (s *sourceState) written(name, source string, now time.Time) engine.RuleMemory {
	m := s.rules[name]
	m.changed = false
	return engine.RuleMemory{Rule: name, Source: source, Data: m.encode(), At: now}
}

// known lists the sources that rules by the clock are for: those of which frames came, and those that are named.
func (d *decider) known(names []string) []string {
	if len(names) > 0 {
		return names
	}
	var out []string
	for name, s := range d.sources {
		if s.seen {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// clock decides what the time alone decides: schedules, and the captures before and after maintenance.
func (d *decider) clock(now time.Time) (out []decision) {
	for _, w := range d.windows {
		for _, source := range d.known(w.Sources) {
			out = append(out, d.maintain(w, source, now)...)
		}
	}
	for _, c := range d.rules {
		if c.kind != KindScheduled || c.Disabled {
			continue
		}
		for _, source := range d.known(c.Sources) {
			out = append(out, d.schedule(c, source, now)...)
		}
	}
	return out
}

// schedule runs a rule by the clock. However many runs were missed, there is one, for the newest.
func (d *decider) schedule(c *compiled, source string, now time.Time) (out []decision) {
	s := d.source(source)
	m := s.memory(c)
	switch {
	case m.Slot.IsZero():
		m.Slot, m.changed = now, true // nothing was missed before the rule was there
	case m.Slot.Sub(now) > clockBack, m.LastAt.Sub(now) > clockBack:
		m.rewind(now)
	}
	m.LastAt = now
	if !m.next.IsZero() && now.Before(m.next) {
		return nil
	}
	delay := func(slot time.Time) time.Duration { return putOff(c.Schedule.Jitter, c.Name, source, slot) }
	slot, missed, next := c.table.due(m.Slot, now, c.within, delay)
	m.next = next
	if slot.IsZero() {
		if m.Phase == "" {
			m.phase(stateIdle, "", now)
		}
		return nil
	}
	m.Slot, m.changed = slot, true
	w := surroundings{source: source, now: now, window: d.window(source, now)}
	late := now.Sub(slot) - delay(slot)
	text := fmt.Sprintf("%s: the run of %s", c.text, slot.UTC().Format(time.RFC3339))
	if missed > 0 {
		text += fmt.Sprintf("; %d runs before it were missed", missed)
	}
	why, detail := c.blocked(m, w)
	if why == "calendar" && late < time.Minute {
		why = "" // the slot was within, and only the jitter has led out of it
	}
	if why != "" {
		if h := c.holdBack(m, w, why, text+": "+detail, 0); h != nil {
			out = append(out, decision{suppression: h})
		}
		m.Hold.Peak = nil
		return out
	}
	if h := c.release(m, w); h != nil {
		out = append(out, decision{suppression: h})
	}
	f := c.firing(w)
	f.ID, f.Reason = firingID(c.Name, source, slot), text
	m.fired(now)
	m.phase(stateIdle, "", now)
	return append(out, decision{firing: &f, memory: s.written(c.Name, source, now)})
}

// How long before a window its first capture is taken, and how late it may still be.
const (
	beforeMaintenance = time.Minute
	lateBefore        = time.Minute
	lateAfter         = 24 * time.Hour
)

// maintain takes the captures before and after a maintenance window.
func (d *decider) maintain(w window, source string, now time.Time) (out []decision) {
	name := maintenancePrefix + w.Name
	s := d.source(source)
	m := s.rules[name]
	if m == nil {
		m = &memory{}
		s.rules[name] = m
	}
	if open, ok := m.Runs["open"]; ok { // Slot is its end
		if w.Cron == "" && !m.Slot.Equal(w.End) {
			m.Slot, m.changed = w.End, true // it was moved while it was open
		}
		switch {
		case now.Before(open.Since.Add(-clockBack)): // the clock was set back to before it
			m.Runs, m.Slot, m.changed = nil, time.Time{}, true
		case now.Before(m.Slot):
			return nil
		case now.Sub(m.Slot) < lateAfter:
			out = append(out, s.maintenanceFiring(m, w, name, source, "after", m.Slot, now))
		}
		m.Runs, m.changed = nil, true
	}
	start, end, coming := w.span(now)
	if !coming || now.Before(start.Add(-beforeMaintenance)) || m.Slot.Equal(end) {
		return out
	}
	m.Runs, m.Slot, m.changed = map[string]run{"open": {Since: start}}, end, true
	if now.Before(start.Add(lateBefore)) {
		out = append(out, s.maintenanceFiring(m, w, name, source, "before", start, now))
	}
	return out
}

func (s *sourceState) maintenanceFiring(m *memory, w window, name, source, when string, at, now time.Time) decision {
	if when == "after" {
		m.Runs = nil
	}
	f := engine.Firing{
		ID: firingID(name+"/"+when, source, at), Rule: name, Kind: KindScheduled, Source: source, At: now, Trigger: engine.TriggerScheduled,
		Reason:      fmt.Sprintf("%s the maintenance window %s (%s)", when, w.Name, at.UTC().Format(time.RFC3339)),
		Description: when + " maintenance " + w.Name, Tags: []string{"maintenance", when + "-maintenance"}, State: engine.FiringPending,
	}
	m.fired(now)
	m.lastHour(now)
	return decision{firing: &f, memory: s.written(name, source, now)}
}

// window names the maintenance window that is open for a source; "" for none.
func (d *decider) window(source string, now time.Time) string {
	for _, w := range d.windows {
		if len(w.Sources) > 0 && !slices.Contains(w.Sources, source) {
			continue
		}
		if start, end, ok := w.span(now); ok && !now.Before(start) && now.Before(end) {
			return w.Name
		}
	}
	return ""
}

// learnEvery is how often a baseline is written: it takes a point a minute, and a few lost ones do not matter.
const learnEvery = 5 * time.Minute

// changed gives the memories that differ from what was written last, and takes them for written.
func (d *decider) changed(now time.Time) (out []engine.RuleMemory) {
	for source, s := range d.sources {
		for name, m := range s.rules {
			if m.changed || len(m.Runs) > 0 && !strings.HasPrefix(name, maintenancePrefix) {
				out = append(out, s.written(name, source, now))
			}
		}
		for name, l := range s.learners {
			if l.known && (now.Sub(l.written) >= learnEvery || now.Before(l.written)) {
				l.written = now
				out = append(out, engine.RuleMemory{Rule: name, Source: source, Data: l.encode(), At: now})
			}
		}
	}
	return out
}

// unwritten takes memories back that could not be written.
func (d *decider) unwritten(list []engine.RuleMemory) {
	for _, r := range list {
		s := d.source(r.Source)
		if m := s.rules[r.Rule]; m != nil {
			m.changed = true
		}
		if l := s.learners[r.Rule]; l != nil {
			l.written = time.Time{}
		}
	}
}

// load forgets what was decided here and takes what the store remembers.
func (d *decider) load(list []engine.RuleMemory) {
	for _, s := range d.sources {
		s.rules, s.learners = map[string]*memory{}, map[string]*learner{}
	}
	forms := map[string]string{}
	for _, c := range d.rules {
		forms[c.Name] = c.form
	}
	for _, r := range list {
		s := d.source(r.Source)
		switch form, ours := forms[r.Rule]; {
		case strings.HasPrefix(r.Rule, baselinePrefix):
			s.learners[r.Rule] = decodeLearner(r.Data)
		case ours, strings.HasPrefix(r.Rule, maintenancePrefix):
			s.rules[r.Rule] = decode(r.Data, form)
		}
	}
}

// statuses tells what each rule does on each source.
func (d *decider) statuses(now time.Time) (out []engine.RuleStatus) {
	for _, c := range d.rules {
		for _, source := range d.known(c.Sources) {
			if !c.watches(source) {
				continue
			}
			m := d.source(source).rules[c.Name]
			if m == nil {
				m = &memory{}
			}
			s := engine.RuleStatus{
				Rule: c.Name, Kind: c.kind, Source: source, Text: c.text, State: m.Phase, Detail: m.Detail, Since: m.Since,
				LastValue: m.Last, Unit: c.unit, LastFired: m.lastFired(), LastHour: m.lastHour(now),
			}
			if c.kind == KindScheduled {
				if s.NextRun = m.next; s.NextRun.IsZero() && !c.Disabled {
					delay := func(slot time.Time) time.Duration { return putOff(c.Schedule.Jitter, c.Name, source, slot) }
					_, _, s.NextRun = c.table.due(now, now, c.within, delay)
				}
			} else if m.Last != nil {
				s.LastAt = m.LastAt
			}
			switch {
			case c.Disabled:
				s.State, s.Detail, s.NextRun = stateDisabled, "disabled in the configuration", time.Time{}
			case s.State == "":
				s.State, s.Detail = stateIdle, "no frame has come yet"
				if c.kind == KindScheduled {
					s.Detail = ""
				}
			}
			out = append(out, s)
		}
	}
	return out
}
