package trigger

import (
	"encoding/json"
	"slices"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/analysis"
)

// memory is what a rule must not forget about one source.
type memory struct {
	Form  string              `json:"form"` // of the rule: one that is configured anew begins anew
	At    time.Time           `json:"at,omitzero"`
	Slot  time.Time           `json:"slot,omitzero"` // the last slot of a schedule, run or not
	Runs  map[string]run      `json:"runs,omitempty"`
	Gaps  []float64           `json:"gaps,omitempty"`  // seconds between the last frames
	Fired []time.Time         `json:"fired,omitempty"` // oldest first; the last one, and all of the last hour
	Hold  *hold               `json:"hold,omitempty"`
	Ahead *analysis.Predictor `json:"ahead,omitempty"`

	Phase  string    `json:"phase,omitempty"`
	Detail string    `json:"detail,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Last   *float64  `json:"last,omitempty"`
	LastAt time.Time `json:"last_at,omitzero"`

	next    time.Time // run of a schedule; zero: not known
	changed bool      // since it was last written down
}

// run is how long an element has met a rule.
type run struct {
	Since  time.Time `json:"since"`
	Frames int       `json:"frames"`
	Fired  bool      `json:"fired,omitempty"` // it has had its firing, and stays met until it clears
	Value  float64   `json:"value"`
	Metric string    `json:"metric,omitempty"`
}

// hold is a firing that something holds back.
type hold struct {
	Why   string    `json:"why"` // cooldown, max_per_hour, calendar or maintenance
	Since time.Time `json:"since"`
	Count int       `json:"count"` // frames or runs held back so far
	Peak  *float64  `json:"peak,omitempty"`
}

// The states of a rule.
const (
	stateIdle       = "idle"
	stateMet        = "met"
	stateFired      = "fired"
	stateCooldown   = "cooldown"
	stateCold       = "cold"
	stateSuppressed = "suppressed"
	stateDisabled   = "disabled"
)

// What bounds a memory: the elements that it follows, the firings it knows, and its size in the store.
const (
	mostRuns   = 100
	mostFired  = 200
	mostMemory = 60 << 10 // bytes
)

// encode gives the memory for the store, at most 64 KiB.
func (m *memory) encode() []byte {
	raw, err := json.Marshal(m)
	if err != nil {
		return []byte("{}") // no field can fail; a memory that cannot be kept begins anew
	}
	if len(raw) > mostMemory { // keys of elements may be of any length
		short := *m
		short.Runs = nil
		return short.encode()
	}
	return raw
}

// decode reads what encode wrote; what cannot be read, or belongs to another form of the rule, begins anew.
func decode(raw []byte, form string) *memory {
	m := &memory{}
	if json.Unmarshal(raw, m) != nil || m.Form != form {
		return &memory{Form: form}
	}
	return m
}

// phase notes the state of the rule.
func (m *memory) phase(state, detail string, now time.Time) {
	if m.Phase != state {
		m.Phase, m.Since, m.changed = state, now, true
	}
	m.Detail = detail
}

func (m *memory) fired(now time.Time) {
	m.Fired = append(m.Fired, now)
	m.Fired = m.Fired[max(0, len(m.Fired)-mostFired):]
	m.changed = true
}

func (m *memory) lastFired() time.Time {
	if len(m.Fired) == 0 {
		return time.Time{}
	}
	return m.Fired[len(m.Fired)-1]
}

// lastHour counts the firings of the hour before now, and forgets older ones but the last.
func (m *memory) lastHour(now time.Time) int {
	n := 0
	for _, at := range m.Fired {
		if now.Sub(at) < time.Hour {
			n++
		}
	}
	m.Fired = slices.Delete(m.Fired, 0, len(m.Fired)-max(n, min(1, len(m.Fired))))
	return n
}

// rewind is for a clock that was set back: nothing may lie in the future for longer than a cool-down.
func (m *memory) rewind(now time.Time) {
	m.At, m.Gaps = time.Time{}, nil
	for key, r := range m.Runs {
		if !r.Fired {
			delete(m.Runs, key)
			continue
		}
		r.Since = earlier(r.Since, now)
		m.Runs[key] = r
	}
	for i, at := range m.Fired {
		m.Fired[i] = earlier(at, now)
	}
	if m.Hold != nil {
		m.Hold.Since = earlier(m.Hold.Since, now)
	}
	m.Since, m.LastAt, m.next, m.changed = earlier(m.Since, now), earlier(m.LastAt, now), time.Time{}, true
	if m.Slot.Sub(now) > clockBack {
		m.Slot = now
	}
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// step notes the arrival of a frame. fresh is false for one that is not newer than the last; broken says that there was a gap in
// which nothing is known of what was met.
func (m *memory) step(at time.Time) (fresh, broken bool) {
	if !m.At.IsZero() && !at.After(m.At) {
		if m.At.Sub(at) < time.Minute {
			return false, false
		}
		m.rewind(at)
	}
	if !m.At.IsZero() {
		gap := at.Sub(m.At).Seconds()
		usual := 0.0
		if len(m.Gaps) > 0 {
			usual = analysis.Median(m.Gaps)
			broken = gap > max(3*usual, shortestGap)
		}
		m.Gaps = append(m.Gaps, gap)
		m.Gaps = m.Gaps[max(0, len(m.Gaps)-5):]
	}
	m.At = at
	return true, broken
}

// shortestGap is how many seconds without a frame are never a gap: a slow tick, a restart.
const shortestGap = 60.0

// learner is the baseline of one metric of one source; rules share it.
type learner struct {
	analysis.Baseline
	novelty analysis.Novelty
	newAt   time.Time // when it last showed something new
	metric  string
	scope   Scope
	written time.Time
	verdict analysis.Verdict // of the frame at hand
	value   float64
	known   bool
	at      time.Time
}

// learnt is a learner as it is stored.
type learnt struct {
	*analysis.Baseline
	Novelty *analysis.Novelty `json:"novelty"`
	NewAt   time.Time         `json:"new_at,omitzero"`
}

func (l *learner) encode() []byte {
	raw, err := json.Marshal(learnt{&l.Baseline, &l.novelty, l.newAt})
	if err != nil {
		return []byte("{}")
	}
	return raw
}

// The names of what is remembered beside rules; no rule may begin so.
const (
	baselinePrefix    = "baseline/"
	maintenancePrefix = "maintenance/"
)

func baselineName(metric string, s Scope) string {
	return baselinePrefix + canonical(metric) + "/" + s.String()
}

// sighting is what a rule found in a frame.
type sighting struct {
	known     bool
	cold      string  // why the rule says nothing
	found     []value // that meet it, worst first
	uncleared []value // that do not, but have not cleared either
	worst     *value  // for the status, met or not
	metric    string
	unit      string
	threshold *float64
	affected  []string        // where they are more than found
	severity  engine.Severity // "": the rule's
	held      time.Duration   // how long it must have been met, where that is longer than the rule says
	reason    func(v value, held time.Duration, more int) string
}

// decodeLearner reads what encode wrote; what cannot be read begins anew.
func decodeLearner(raw []byte) *learner {
	l := &learner{}
	from := learnt{Baseline: &l.Baseline, Novelty: &l.novelty}
	if json.Unmarshal(raw, &from) != nil {
		return &learner{}
	}
	l.newAt = from.NewAt
	return l
}
