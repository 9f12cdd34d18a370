package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) showCommand() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use:   "show [SNAPSHOT]",
		Short: "Show a snapshot: totals, bottlenecks, critical paths, heaviest pairs",
		Long:  "Show a snapshot. SNAPSHOT is an id, latest (the default), latest~3, @-1h, @2026-01-31T09:00:00Z or a unique prefix of an id.",
		Example: `  graphsnap show
  graphsnap show latest~1
  graphsnap show @-1h --json | jq .performance_summary`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := "latest"
			if len(args) == 1 {
				ref = args[0]
			}
			if a.json {
				return a.client().Copy(cmd.Context(), ref, a.source, a.out)
			}
			row, err := a.client().Head(cmd.Context(), ref, a.source)
			if err != nil {
				return err
			}
			pairs := pairMetrics{}
			if err := a.client().Relationships(cmd.Context(), row.SnapshotID, pairs.add); err != nil {
				return err
			}
			a.printSnapshot(row, most)
			a.printPairs(pairs, most)
			return nil
		},
	}
	cmd.Flags().IntVar(&most, "limit", 10, "longest list of bottlenecks and of pairs")
	return cmd
}

func (a *app) printSnapshot(d api.Row, most int) {
	a.printf("%s\n", d.SnapshotID)
	facts := [][]string{
		{"  taken", d.Timestamp.Format("2006-01-02 15:04:05 UTC") + ", " + d.TriggerType},
		{"  database", strings.TrimSpace(fmt.Sprintf("%s (%s %s %s)", d.Source, d.Metadata.DatabaseType, d.Metadata.DatabaseVersion, d.Metadata.DatabaseName))},
		{"  load", figure(d.Summary.TotalQPS, "queries/s") + ", " + figure(d.Summary.AvgLatency, "ms mean") + ", " + figure(d.Summary.TimeMSPerS, "ms/s in the database")},
		{"  graph", fmt.Sprintf("%d nodes, %d relationships, complexity %s", d.NodeCount, d.RelationshipCount, d.Metadata.GraphComplexity)},
		{"  severity", fmt.Sprintf("%s, %d bottlenecks", d.Severity, d.Summary.BottlenecksCount)},
		{"  evidence", evidence(d.Consistency)},
		{"  hashes", fmt.Sprintf("root %.16s, state %.16s, chain %.16s", d.RootHash, d.StateHash, d.ChainHash)},
	}
	if d.Description != "" {
		facts = append(facts, []string{"  description", d.Description})
	}
	if d.Pin != nil {
		facts = append(facts, []string{"  pinned", strings.TrimSuffix(fmt.Sprintf("%s by %s: %s", d.Pin.At.Format("2006-01-02 15:04:05 UTC"), fallback(d.Pin.Actor, "nobody named"), d.Pin.Note), ": ")})
	}
	if d.Template != "" {
		facts = append(facts, []string{"  template", d.Template})
	}
	if d.Retention != "" {
		facts = append(facts, []string{"  retention", d.Retention})
	}
	if d.SameAs != "" {
		facts = append(facts, []string{"  same as", d.SameAs + ", but for the time"})
	}
	if d.Imported {
		facts = append(facts, []string{"  origin", "imported"})
	}
	if len(d.Tags) > 0 {
		facts = append(facts, []string{"  tags", strings.Join(d.Tags, ", ")})
	}
	a.table(facts)
	for _, w := range d.Warnings {
		a.printf("  warning: %s\n", w)
	}
	if len(d.Summary.CriticalPaths) > 0 {
		a.printf("\nCritical paths\n")
		for _, p := range d.Summary.CriticalPaths {
			a.printf("  %s\n", p)
		}
	}
	if len(d.Summary.Bottlenecks) > 0 {
		a.printf("\nBottlenecks\n")
		rows := [][]string{}
		for _, b := range d.Summary.Bottlenecks[:min(most, len(d.Summary.Bottlenecks))] {
			name := engine.KeyName(b.ID)
			if b.Kind == "relationship" {
				name = pairName(b.Source, b.Target)
			}
			rows = append(rows, []string{"  " + b.Severity, name, b.Type, figure(b.Value, engine.MetricUnits[b.Type])})
		}
		a.table(rows)
	}
}

// evidence says how sure it is that a captured state existed as a whole.
func evidence(c api.Consistency) string {
	if c.Mode == string(engine.ConsistencyFuzzy) {
		return fmt.Sprintf("none: a fuzzy read, after %d attempts; parts may be of different moments", c.Attempts)
	}
	text := fmt.Sprintf("%s read of %.0f ms, attempt %d", c.Mode, c.ReadMS, c.Attempts)
	if c.Evidence != "" {
		text += "; " + oneLine(c.Evidence, 160)
	}
	return text
}

// pairMetrics is what matters of the relationships between pairs of nodes.
type pairMetrics map[pairEnds]map[string]float64

type pairEnds struct{ from, to string }

func (p pairMetrics) add(r api.GraphRelationship) {
	v, ok := r.Properties["value"].(float64)
	if !ok || (r.Type != engine.RelTimeMSPerS && r.Type != engine.RelAvgLatencyMS && r.Type != engine.RelQueriesPerSec) {
		return
	}
	ends := pairEnds{r.Source, r.Target}
	if p[ends] == nil {
		p[ends] = map[string]float64{}
	}
	p[ends][r.Type] = v
}

// figure gives one metric of a pair in words.
func (p pairMetrics) figure(ends pairEnds, relType, unit string) string {
	if v, ok := p[ends][relType]; ok {
		return figure(&v, unit)
	}
	return figure(nil, unit)
}

// printPairs prints the pairs with the most additive time.
func (a *app) printPairs(metrics pairMetrics, most int) {
	if len(metrics) == 0 {
		return
	}
	order := make([]pairEnds, 0, len(metrics))
	for e := range metrics {
		order = append(order, e)
	}
	weight := func(e pairEnds) float64 { return metrics[e][engine.RelTimeMSPerS] }
	sort.Slice(order, func(i, j int) bool {
		if x, y := weight(order[i]), weight(order[j]); x != y {
			return x > y
		}
		return order[i].from+order[i].to < order[j].from+order[j].to
	})
	a.printf("\nHeaviest pairs\n")
	rows := [][]string{{"  PAIR", "TIME", "LATENCY", "RATE"}}
	for _, e := range order[:min(most, len(order))] {
		rows = append(rows, []string{"  " + pairName(e.from, e.to), metrics.figure(e, engine.RelTimeMSPerS, "ms/s"), metrics.figure(e, engine.RelAvgLatencyMS, "ms"), metrics.figure(e, engine.RelQueriesPerSec, "queries/s")})
	}
	a.table(rows)
}
