package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) compareCommand() *cobra.Command {
	var q api.CompareQuery
	var changes bool
	var tolerated float64
	cmd := &cobra.Command{
		Use:   "compare BASELINE [TARGET]",
		Short: "What changed from one snapshot to another, by additive time",
		Long: `Compare two snapshots. BASELINE and TARGET are ids, latest, latest~3, @-1h or unique prefixes; A...B works too.
TARGET is latest where it is missing; LIVE compares with the live graph of now. Changes of structure (what came, went or
changed its labels) are listed apart from those of metrics.`,
		Example: `  graphsnap compare latest~1 latest
  graphsnap compare snap_20260131_090000_pre_deploy LIVE
  graphsnap compare latest~1 --changes --aspect structure
  graphsnap compare latest~1 --type AVG_LATENCY_MS --min-change 50 --limit 100 --offset 100
  graphsnap compare latest~1 --fail-on-regression 25   # exit code 10 if the mean latency grew by more than 25 %`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Baseline, q.Target, q.Source = args[0], "latest", a.source
			if before, after, both := strings.Cut(args[0], "..."); both && len(args) == 1 {
				q.Baseline, q.Target = before, after
			}
			if len(args) == 2 {
				q.Target = args[1]
			}
			for _, filter := range []string{"kind", "type", "status", "aspect", "query", "min-change", "offset"} {
				changes = changes || cmd.Flags().Changed(filter)
			}
			// Changes that nobody sees need not be read from the database.
			q.SummaryOnly = q.SummaryOnly || !changes && !a.json
			q.MinChange, q.NoiseFloor = q.MinChange/100, q.NoiseFloor/100
			d, err := a.client().Compare(cmd.Context(), q)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(d)
			} else {
				a.printComparison(d, changes && !q.SummaryOnly)
			}
			if err == nil && cmd.Flags().Changed("fail-on-regression") && d.Summary.AvgLatency.Relative != nil && 100**d.Summary.AvgLatency.Relative > tolerated {
				a.notef("regression: the mean latency grew by %.0f %%, more than %g %%\n", 100**d.Summary.AvgLatency.Relative, tolerated)
				return coded{exitRegression}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&q.Limit, "limit", 15, "longest list of pairs and of changes")
	f.IntVar(&q.Offset, "offset", 0, "pass over so many changes")
	f.BoolVar(&changes, "changes", false, "also list the changed elements; every filter does that too")
	f.BoolVar(&q.SummaryOnly, "summary", false, "counts, totals and pairs only")
	f.StringVar(&q.Kind, "kind", "", "changes of node or relationship only")
	f.StringSliceVar(&q.Types, "type", nil, "changes of this label or relationship type only; may be repeated")
	f.StringVar(&q.Status, "status", "", "added, removed or changed")
	f.StringVar(&q.Aspect, "aspect", "", "structure or metric")
	f.StringVarP(&q.Query, "query", "q", "", "part of the element's key")
	f.Float64Var(&q.MinChange, "min-change", 0, "smallest change of a value, percent")
	f.Float64Var(&q.NoiseFloor, "noise-floor", 0, "change below which a metric is neither worse nor better, percent (10 where it is missing)")
	f.Float64Var(&tolerated, "fail-on-regression", 0, "exit with 10 if the mean latency grew by more than this many percent")
	return cmd
}

func (a *app) printComparison(d api.Comparison, changes bool) {
	a.printf("baseline  %s  %s\n", d.Baseline.SnapshotID, d.Baseline.Timestamp.Format("2006-01-02 15:04:05"))
	a.printf("target    %s  %s  (%s later)\n", d.Target.SnapshotID, d.Target.Timestamp.Format("2006-01-02 15:04:05"), time.Duration(d.SecondsBetween*float64(time.Second)).Round(time.Second))
	for _, w := range d.Warnings {
		a.printf("warning: %s\n", w)
	}
	if d.NothingChanged {
		a.printf("\nNothing changed.\n")
		return
	}
	a.printf("\n")
	a.table([][]string{
		{"  queries", change(d.Summary.TotalQPS, "queries/s")},
		{"  mean latency", change(d.Summary.AvgLatency, "ms")},
		{"  time in the database", change(d.Summary.TimeMSPerS, "ms/s")},
		{"  bottlenecks", change(d.Summary.BottlenecksCount, "")},
		{"  elements", fmt.Sprintf("%s; %d worse, %d better", counts(d.Counts), d.Counts.Worse, d.Counts.Better)},
		{"  structure", fmt.Sprintf("%d elements differ", d.Counts.Structural)},
	})
	if len(d.Pairs) > 0 {
		a.printf("\nWhat changed most, by time in the database\n")
		rows := [][]string{{"  #", "PAIR", "TIME", "LATENCY", "RATE", "SHARE"}}
		for i, p := range d.Pairs {
			rows = append(rows, []string{
				fmt.Sprintf("  %d", i+1), pairName(p.Source, p.Target), change(p.TimeMSPerS, "ms/s"), change(p.AvgLatencyMS, "ms"),
				change(p.QueriesPerSec, "queries/s"), fmt.Sprintf("%.0f%%", 100*p.Share),
			})
		}
		a.table(rows)
		if d.TotalPairs > len(d.Pairs) {
			a.notef("%d more pairs: --limit %d\n", d.TotalPairs-len(d.Pairs), d.TotalPairs)
		}
	}
	if changes {
		a.printChanges(d)
	}
}

// printChanges lists what is there apart from how it performs.
func (a *app) printChanges(d api.Comparison) {
	for _, part := range []struct{ aspect, title string }{{"structure", "Structure"}, {"metric", "Metrics"}} {
		rows := [][]string{}
		for _, c := range d.Changes {
			if c.Aspect == part.aspect {
				rows = append(rows, []string{"  " + c.Status, c.ID, changeText(c), c.Direction})
			}
		}
		if len(rows) > 0 {
			a.printf("\n%s\n", part.title)
			a.table(rows)
		}
	}
	if len(d.Changes) == 0 {
		a.notef("no change fits these filters\n")
	}
	if d.NextOffset != nil {
		a.notef("%d more changes: --offset %d\n", d.TotalChanges-*d.NextOffset, *d.NextOffset)
	}
}

func counts(c api.ComparisonCounts) string {
	sum := func(f func(api.StatusCounts) int) int { return f(c.Nodes) + f(c.Relationships) }
	return fmt.Sprintf("%d added, %d removed, %d changed, %d unchanged",
		sum(func(s api.StatusCounts) int { return s.Added }), sum(func(s api.StatusCounts) int { return s.Removed }),
		sum(func(s api.StatusCounts) int { return s.Changed }), sum(func(s api.StatusCounts) int { return s.Unchanged }))
}

func changeText(c api.ComparisonChange) string {
	if c.Value != nil {
		return change(*c.Value, engine.MetricUnits[c.Type])
	}
	names := make([]string, len(c.Properties))
	for i, p := range c.Properties {
		names[i] = p.Name
	}
	return oneLine(strings.Join(names, ", "), 60)
}
