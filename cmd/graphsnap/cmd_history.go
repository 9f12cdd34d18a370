package main

import (
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/api"
)

func (a *app) historyCommand() *cobra.Command {
	var q api.HistoryQuery
	cmd := &cobra.Command{
		Use:   "history KEY",
		Short: "One element over time: a table, or a metric between two",
		Long: `Show one element in the snapshots of a source, oldest first. KEY is that of a node, such as users:Table, or of a
relationship, such as users:Table-[AVG_LATENCY_MS]->products:Table; graphsnap show latest --json lists them.`,
		Example: `  graphsnap history 'users:Table-[AVG_LATENCY_MS]->products:Table' --limit 30
  graphsnap history users:Table --property row_count --since 2026-01-01
  graphsnap history users:Table --json | jq '.points[] | select(.present | not)'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Key, q.Source = args[0], a.source
			h, err := a.client().History(cmd.Context(), q)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(h)
			}
			a.printHistory(h)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Since, "since", "", "from this date or time on (UTC)")
	f.StringVar(&q.Until, "until", "", "before this date or time (UTC)")
	f.IntVar(&q.Limit, "limit", 50, "the newest so many snapshots")
	f.StringVar(&q.Property, "property", "", "what is shown; value of a metric and hotspot_score of a node where it is missing")
	f.StringVar(&q.From, "from", "", "key of the node that the relationship leaves, where its key does not begin with it")
	f.BoolVar(&q.Properties, "properties", false, "with --json: all properties of each point")
	return cmd
}

// historyBar is the longest bar, characters.
const historyBar = 40

func (a *app) printHistory(h api.ElementHistory) {
	if len(h.Points) == 0 {
		a.notef("no snapshot lies in that time; `graphsnap list` shows which there are\n")
		return
	}
	least, most, present := 0.0, 0.0, 0
	for _, p := range h.Points {
		if p.Present {
			present++
		}
		if p.Value != nil {
			least, most = min(least, *p.Value), max(most, *p.Value)
		}
	}
	a.printf("%s of %s\n", h.Property, h.Key)
	rows := [][]string{{"  TIME (UTC)", strings.ToUpper(fallback(h.Unit, h.Property)), "", "SEVERITY", "SNAPSHOT"}}
	for _, p := range h.Points {
		value := figure(p.Value, "")
		if !p.Present {
			value = "absent"
		}
		rows = append(rows, []string{"  " + p.Timestamp.Format("2006-01-02 15:04:05"), value, bar(p.Value, least, most), p.Severity, p.SnapshotID})
	}
	a.table(rows)
	if present == 0 {
		a.notef("no snapshot of that time holds this element; is the key right? `graphsnap show latest --json` lists the keys\n")
	}
}

var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar draws a value between the least (at most 0) and the most, in eighths of a character; unknown is no bar.
func bar(v *float64, least, most float64) string {
	if v == nil || most <= least {
		return ""
	}
	n := int(8*historyBar*(*v-least)/(most-least) + 0.5)
	return strings.Repeat("█", n/8) + eighths[n%8]
}
