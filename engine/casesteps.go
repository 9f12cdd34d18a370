package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The pure part of the responder: which frames, which follow-up, what a frame says. No clock, no store.

// minCaseFrames is how many frames from before its trigger a case should have.
const minCaseFrames = 3

// caseIDs gives the id of the case that a firing opens, and the one that it gets where another case has that.
func caseIDs(f *Firing) [2]string {
	id := "case_" + strings.TrimPrefix(SnapshotID(f.At, f.Source+" "+f.Rule, f.Trigger), "snap_")
	sum := sha256.Sum256([]byte(f.ID))
	return [2]string{id, id + "_" + hex.EncodeToString(sum[:3])}
}

// chooseFrames picks the frames that a case keeps from before its trigger, oldest first, at most so many: the last one before
// the onset, one between onset and trigger, and earlier ones in even steps; where there are too few earlier ones, more from
// between. frames are oldest first.
func chooseFrames(frames []FrameInfo, onset, trigger time.Time, most int) []FrameInfo {
	var before, between []FrameInfo
	for _, f := range frames {
		switch {
		case f.At.Before(onset) && f.At.Before(trigger):
			before = append(before, f)
		case f.At.Before(trigger):
			between = append(between, f)
		}
	}
	var picked []FrameInfo
	if len(before) > 0 {
		picked = append(picked, before[len(before)-1])
		before = before[:len(before)-1]
	}
	if len(between) > 0 && len(picked) < most {
		middle := len(between) / 2
		picked = append(picked, between[middle])
		between = slices.Delete(slices.Clone(between), middle, middle+1)
	}
	picked = append(picked, evenly(before, most-len(picked))...)
	picked = append(picked, evenly(between, min(most, minCaseFrames)-len(picked))...)
	slices.SortFunc(picked, func(a, b FrameInfo) int { return a.At.Compare(b.At) })
	return picked
}

// evenly picks n of a list in even steps, the first one among them.
func evenly(list []FrameInfo, n int) []FrameInfo {
	if n >= len(list) {
		return list
	}
	var picked []FrameInfo
	for i := range max(n, 0) {
		picked = append(picked, list[i*len(list)/n])
	}
	return picked
}

// followUpStep gives the number of the newest follow-up that is due so long after the opening, from 1, and when it is due; 0
// where none is. After the given ones they come in the distance of every.
func followUpStep(open time.Duration, offsets []time.Duration, every time.Duration) (step int, due time.Duration) {
	for i, offset := range offsets {
		if open < offset {
			return step, due
		}
		step, due = i+1, offset
	}
	if every > 0 {
		n := int((open - due) / every)
		step, due = step+n, due+time.Duration(n)*every
	}
	return step, due
}

// seen is what a frame shows.
type seen struct {
	worst       Severity
	bottlenecks []string // keys, worst first
}

func look(g *Graph) seen {
	var s seen
	var critical, high []string
	note := func(key string, p Properties) {
		severity := SeverityOf(p)
		s.worst = worse(s.worst, severity)
		switch severity {
		case SeverityCritical:
			critical = append(critical, key)
		case SeverityHigh:
			high = append(high, key)
		}
	}
	s.worst = SeverityLow
	for _, n := range g.Nodes {
		note(n.Key, n.Properties)
	}
	for _, r := range g.Relationships {
		note(r.Key, r.Properties)
	}
	s.bottlenecks = append(critical, high...)
	return s
}

// metricIn gives the value that a rule looked at, as far as a name tells without rules: a total of the source, or a property or
// the value of an element. Nil is unknown.
func metricIn(f *Frame, metric, key string) *float64 {
	if key == "" {
		name := map[string]string{"avg_latency": "avg_latency_ms", "queries_per_sec": "total_qps"}[metric]
		return numberPtr(f.State.Totals.Properties(), cmp.Or(name, metric))
	}
	return f.Element(key, strings.ToLower(metric))
}

// pointOf gives what a frame shows, for the course of a case.
func pointOf(f *Frame, s seen, value *float64) CasePoint {
	t := f.State.Totals
	return CasePoint{
		At: f.At, Value: finite(value), TotalQPS: finite(t.TotalQPS), AvgLatencyMS: finite(t.AvgLatencyMS), ErrorRate: finite(t.ErrorRate),
		Bottlenecks: len(s.bottlenecks), Severity: s.worst,
	}
}

// addPoint keeps points in the order of time.
func (c *Case) addPoint(p CasePoint) {
	i, there := slices.BinarySearchFunc(c.Points, p.At, func(p CasePoint, at time.Time) int { return p.At.Compare(at) })
	if !there {
		c.Points = ThinPoints(slices.Insert(c.Points, i, p), MaxCasePoints)
	}
}

// rise keeps the peak: the highest value, or the lowest where low is bad: of the index efficiency, and where the rule fired below
// its threshold.
func (c *Case) rise(value *float64, at time.Time) {
	if value == nil {
		return
	}
	low := strings.EqualFold(c.Metric, RelIndexEfficiency) || (c.PeakValue != nil && c.Threshold != nil && *c.PeakValue < *c.Threshold)
	if c.PeakValue == nil || (low && *value < *c.PeakValue) || (!low && *value > *c.PeakValue) {
		v := *value
		c.PeakValue, c.PeakAt = &v, at
	}
}

// maxAffected bounds the keys that a case names.
const maxAffected = 50

// affect adds keys of elements behind those that are named already.
func (c *Case) affect(keys []string) {
	for _, key := range keys {
		if len(c.Affected) < maxAffected && !slices.Contains(c.Affected, key) {
			c.Affected = append(c.Affected, key)
		}
	}
}

// count gives how many snapshots of a role a case has; "" counts all.
func (c *Case) count(role string) int {
	n := 0
	for _, s := range c.Snapshots {
		if role == "" || s.Role == role {
			n++
		}
	}
	return n
}

func (c *Case) has(snapshotID string) bool {
	return slices.ContainsFunc(c.Snapshots, func(s CaseSnapshot) bool { return s.ID == snapshotID })
}

// newCase gives the case that a firing opens.
func newCase(id string, f *Firing, s *Snapshot) *Case {
	c := &Case{
		ID: id, Source: f.Source, FiringID: f.ID, Title: cmp.Or(f.Description, f.Rule), State: CaseOpen, Severity: f.Severity,
		Rule: f.Rule, Rules: []string{f.Rule}, Reason: f.Reason, Metric: f.Metric, Key: f.Key, Threshold: f.Threshold,
		OpenedAt: f.At.UTC(), OnsetAt: f.onset(), MetAt: f.At.UTC(),
		Snapshots: []CaseSnapshot{{ID: s.ID, Role: RoleTrigger, At: s.Timestamp, Exists: true}},
	}
	if c.Severity == "" {
		c.Severity = s.Severity
	}
	c.rise(f.Value, f.At.UTC())
	c.affect(f.Affected)
	return c
}

// onset gives when it began: what the rule knows, else its decision.
func (f *Firing) onset() time.Time {
	if f.Onset.IsZero() || f.Onset.After(f.At) {
		return f.At.UTC()
	}
	return f.Onset.UTC()
}

// framesNote says that a case has fewer frames from before than it should, "" where it has enough.
func framesNote(n int, keep bool) string {
	if n >= minCaseFrames {
		return ""
	}
	note := fmt.Sprintf("only %d of at least %d frames from before the trigger", n, minCaseFrames)
	if keep {
		return note + ": the flight recorder had no more"
	}
	return note + ": the process that held them ended while the case was opened"
}
