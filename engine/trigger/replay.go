package trigger

import (
	"fmt"
	"iter"
	"sort"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/analysis"
)

// Report says what rules would have done.
type Report struct {
	From, To time.Time     // of the frames
	Frames   int           // that were replayed
	Sources  []string      // that they are of
	Step     time.Duration // the usual time between two frames of a source
	Rules    []RuleReport  // in the order of the set, then one for each maintenance window that opened
}

// RuleReport says what one rule would have done. Firings have no snapshots.
type RuleReport struct {
	Rule, Kind, Text string
	Firings          []engine.Firing // oldest first, the first 10,000
	Suppressions     []engine.Suppression
	More             int    // firings beyond those listed
	Note             string // what the frames could not show; ""
}

// mostReplayed bounds the firings and suppressions that a report lists for each rule.
const mostReplayed = 10_000

// Replay runs rules over stored history: "would have fired 14 times, at ..., because ...". frames come in time order, of one source or
// several; those that are not are left out. The clock of the rules is the time of the frames, and every run of a schedule between two frames
// counts. Nothing is captured or written. An error of the frames ends it, with the report so far.
func Replay(set Set, frames iter.Seq2[*engine.Frame, error]) (*Report, error) {
	d, err := newDecider(set, nil)
	if err != nil {
		return nil, err
	}
	report := &Report{}
	rules := map[string]*RuleReport{}
	note := func(made []decision) {
		for _, m := range made {
			if m.firing != nil {
				r := replayed(rules, m.firing.Rule, m.firing.Kind)
				if len(r.Firings) < mostReplayed {
					r.Firings = append(r.Firings, *m.firing)
				} else {
					r.More++
				}
			} else if r := replayed(rules, m.suppression.Rule, ""); len(r.Suppressions) < mostReplayed {
				r.Suppressions = append(r.Suppressions, *m.suppression)
			}
		}
	}
	last, gaps := map[string]time.Time{}, []float64{}
	for f, failed := range frames {
		if failed != nil {
			err = failed
			break
		}
		if f.At.Before(report.To) {
			continue
		}
		if before, ok := last[f.Source]; ok {
			gaps = append(gaps, f.At.Sub(before).Seconds())
		} else {
			report.Sources = append(report.Sources, f.Source)
		}
		if report.From.IsZero() {
			report.From = f.At
		} else {
			note(d.run(report.To, f.At))
		}
		last[f.Source], report.To = f.At, f.At
		made, _ := d.frame(f, f.At)
		note(made)
		note(d.clock(f.At))
		report.Frames++
	}
	sort.Strings(report.Sources)
	if len(gaps) > 0 {
		report.Step = time.Duration(analysis.Median(gaps) * float64(time.Second))
	}
	for _, c := range d.rules {
		r := replayed(rules, c.Name, c.kind)
		r.Kind, r.Text, r.Note = c.kind, c.text, d.replayNote(c, report)
		report.Rules = append(report.Rules, *r)
	}
	for _, w := range d.windows {
		if r := rules[maintenancePrefix+w.Name]; r != nil {
			r.Text = "before and after the maintenance window " + w.Name
			report.Rules = append(report.Rules, *r)
		}
	}
	return report, err
}

func replayed(rules map[string]*RuleReport, name, kind string) *RuleReport {
	if rules[name] == nil {
		rules[name] = &RuleReport{Rule: name, Kind: kind}
	}
	return rules[name]
}

// run lets the clock go from one frame to the next, stopping at each run of a schedule and each end of a window.
func (d *decider) run(from, to time.Time) (out []decision) {
	for at, n := from, 0; n < mostReplayed; n++ {
		next := d.wakeAfter(at)
		if next.IsZero() || !next.Before(to) {
			return out
		}
		at = next
		out = append(out, d.clock(at)...)
	}
	return out
}

// wakeAfter gives the next moment at which the clock alone decides something; zero where there is none.
func (d *decider) wakeAfter(now time.Time) time.Time {
	var next time.Time
	take := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, c := range d.rules {
		if c.kind != KindScheduled || c.Disabled {
			continue
		}
		for _, source := range d.known(c.Sources) {
			if m := d.source(source).rules[c.Name]; m != nil {
				take(m.next)
			}
		}
	}
	for _, w := range d.windows {
		start, end, ok := w.span(now)
		if ok {
			take(start.Add(-beforeMaintenance))
			take(start)
			take(end)
		}
	}
	return next
}

// replayNote says what the frames could not show.
func (d *decider) replayNote(c *compiled, r *Report) string {
	if c.Disabled {
		return "the rule is disabled"
	}
	cold, unknown, n := true, true, 0
	for _, source := range r.Sources {
		if !c.watches(source) {
			continue
		}
		n++
		m := d.source(source).rules[c.Name]
		if m != nil {
			cold = cold && m.Phase == stateCold
			unknown = unknown && m.Last == nil
		}
	}
	switch {
	case n == 0:
		return "no frame is of a source that the rule is for"
	case c.kind == KindScheduled:
		return ""
	case cold && c.kind == KindSmart:
		return "its baseline was cold to the end: replay a longer time"
	case unknown && c.severities == nil:
		return fmt.Sprintf("no frame holds %s", c.metricName())
	case c.held > 0 && r.Step > c.held:
		return fmt.Sprintf("the frames are %s apart, so \"for %s\" is seen as two frames in a row", spanText(r.Step.Seconds()), spanText(c.held.Seconds()))
	}
	return ""
}
