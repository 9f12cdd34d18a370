package api

import "graphsnap/engine"

// comparisonOf gives a diff whose changes begin at offset, with at most limit pairs; the totals say how many there are.
func comparisonOf(d *engine.Diff, offset, limit int) Comparison {
	count := func(c engine.Counts) StatusCounts { return StatusCounts{c.Added, c.Removed, c.Changed, c.Unchanged} }
	a, b := rowOf(&d.Baseline), rowOf(&d.Target)
	out := Comparison{
		Baseline: a, Target: b, SecondsBetween: d.SecondsBetween, SameDatabase: d.SameDatabase, NothingChanged: d.NothingChanged,
		Warnings: orEmpty(d.IncomparableReasons),
		Counts:   ComparisonCounts{Nodes: count(d.Nodes), Relationships: count(d.Relationships), Worse: d.Worse, Better: d.Better, Structural: d.Structural},
		Summary: ComparisonSummary{
			TotalQPS:         deltaOf(a.Summary.TotalQPS, b.Summary.TotalQPS),
			AvgLatency:       deltaOf(a.Summary.AvgLatency, b.Summary.AvgLatency),
			TimeMSPerS:       deltaOf(a.Summary.TimeMSPerS, b.Summary.TimeMSPerS),
			BottlenecksCount: deltaOf(number(a.Summary.BottlenecksCount), number(b.Summary.BottlenecksCount)),
		},
		Pairs: []ComparisonPair{}, Changes: []ComparisonChange{}, TotalChanges: d.TotalChanges, TotalPairs: len(d.Pairs),
	}
	for _, p := range d.Pairs[:min(limit, len(d.Pairs))] {
		out.Pairs = append(out.Pairs, ComparisonPair{
			Source: p.From, Target: p.To, TimeMSPerS: deltaOf(p.TimeFrom, p.TimeTo), AvgLatencyMS: deltaOf(p.LatencyFrom, p.LatencyTo),
			QueriesPerSec: deltaOf(p.QPSFrom, p.QPSTo), DeltaMSPerS: p.Delta, Share: p.Share,
		})
	}
	for _, c := range d.Changes {
		change := ComparisonChange{
			Aspect: string(c.Aspect), Status: string(c.Status), Kind: string(c.Kind), ID: c.Key, Type: c.Type, Source: c.From, Target: c.To,
			SeverityFrom: string(c.SeverityFrom), SeverityTo: string(c.SeverityTo), Direction: c.Direction, Contribution: c.Contribution,
			Properties: []ChangeProperty{},
		}
		if c.ValueFrom != nil || c.ValueTo != nil {
			value := deltaOf(c.ValueFrom, c.ValueTo)
			change.Value = &value
		}
		for _, p := range c.Properties {
			change.Properties = append(change.Properties, ChangeProperty{p.Name, jsonValue(p.From), jsonValue(p.To), p.Absolute, p.Relative})
		}
		out.Changes = append(out.Changes, change)
	}
	if next := offset + len(d.Changes); len(d.Changes) > 0 && next < d.TotalChanges {
		out.NextOffset = &next
	}
	return out
}

func deltaOf(from, to *float64) Delta {
	d := Delta{From: from, To: to, Relative: engine.Relative(from, to)}
	if from != nil && to != nil {
		d.Absolute = ptr(*to - *from)
	}
	return d
}
