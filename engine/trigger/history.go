package trigger

import (
	"math"
	"strings"
	"time"

	"graphsnap/engine/analysis"
)

const (
	historyFrames  = 120 // ten minutes of ticks
	historyColumns = 20_000
	seenMissing    = 5 // frames
)

// history holds what the frames before this one showed, so that a firing can say when its metric began to move. It is not kept
// over restarts.
type history struct {
	times   []time.Time
	columns map[string][]float32 // by column; as long as times or shorter, NaN where a frame did not show it
}

// column names what a metric of an element is noted under: relationships have one value each, nodes have properties.
func column(metric, key string) string {
	switch {
	case key == "":
		return canonical(metric)
	case strings.Contains(key, "-["):
		return key
	}
	_, property := places(metric)
	return property + "\x00" + key
}

// note takes in what a frame shows: all figures of the whole source, the value of every relationship, and of nodes the properties that
// rules look at.
func (h *history) note(v *view, properties []string) {
	h.begin(v.frame.At)
	if v.down() {
		return
	}
	v.walk()
	for name, x := range v.totals {
		h.add(name, "", x)
	}
	for _, r := range v.frame.Graph.Relationships {
		if x, ok := r.Properties.Number("value"); ok {
			h.add("value", r.Key, x)
		}
	}
	for _, n := range v.frame.Graph.Nodes {
		for _, p := range properties {
			if x, ok := n.Properties.Number(p); ok {
				h.add(p, n.Key, x)
			}
		}
	}
}

func (h *history) begin(at time.Time) {
	if h.columns == nil {
		h.columns = map[string][]float32{}
	}
	if n := len(h.times); n > 0 && !at.After(h.times[n-1]) {
		*h = history{columns: map[string][]float32{}} // the clock was set back
	}
	if len(h.times) >= 2*historyFrames {
		cut := len(h.times) - historyFrames
		h.times = append(h.times[:0], h.times[cut:]...)
		for name, c := range h.columns {
			if len(c) <= cut {
				delete(h.columns, name)
				continue
			}
			h.columns[name] = append(c[:0], c[cut:]...)
		}
	}
	h.times = append(h.times, at)
}

// add notes a value of the frame that begin opened. Beyond 20,000 elements nothing new is noted.
func (h *history) add(metric, key string, x float64) {
	name := column(metric, key)
	c, known := h.columns[name]
	if !known && len(h.columns) >= historyColumns {
		return
	}
	for len(c) < len(h.times)-1 {
		c = append(c, float32(math.NaN()))
	}
	if len(c) < len(h.times) {
		c = append(c, float32(x))
	}
	h.columns[name] = c
}

// onset gives when a metric began to leave its usual range, seen from when a rule was first met; that moment itself where
// the frames before it do not tell.
func (h *history) onset(metric, key string, met time.Time) time.Time {
	c := h.columns[column(metric, key)]
	from := max(0, len(c)-historyFrames)
	values := make([]float64, 0, historyFrames)
	for _, x := range c[from:] {
		values = append(values, float64(x))
	}
	// The frames just after show the rest of the rise, which places its beginning better.
	at, ok := analysis.Onset(h.times[from:from+len(values)], values, met.Add(30*time.Second))
	switch {
	case ok && !at.After(met):
		return at
	case ok || len(values) == 0:
		return met
	}
	// An element that was not there before, such as a wait for a lock, began to move when it came. It must have been seen to be
	// missing for a while: after a start, figures come one after the other.
	first := len(values) - 1
	for first > 0 && !math.IsNaN(values[first-1]) {
		first--
	}
	if first < seenMissing || h.times[from+first].After(met) {
		return met
	}
	return h.times[from+first]
}
