package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/api"
)

func (a *app) listCommand() *cobra.Command {
	var o api.ListOptions
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List snapshots, newest first",
		Example: `  graphsnap list --trigger incident --since 2026-01-01
  graphsnap list --severity critical -q deploy
  graphsnap list --all --json | jq -r '.snapshots[].snapshot_id'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Source = a.source
			page, err := a.client().List(cmd.Context(), o)
			for err == nil && all && page.NextCursor != "" {
				next := o
				next.Cursor = page.NextCursor
				var more api.Page
				if more, err = a.client().List(cmd.Context(), next); err == nil {
					page.Snapshots, page.NextCursor = append(page.Snapshots, more.Snapshots...), more.NextCursor
				}
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(page)
			}
			a.printList(page)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Limit, "limit", 50, "longest list")
	f.StringVar(&o.Trigger, "trigger", "", "manual, scheduled, threshold or incident")
	f.StringVar(&o.Severity, "severity", "", "low, medium, high or critical")
	f.StringVar(&o.Since, "since", "", "from this date or time on (UTC)")
	f.StringVar(&o.Until, "until", "", "before this date or time (UTC)")
	f.StringVarP(&o.Query, "query", "q", "", "part of id or description")
	f.StringVar(&o.Tag, "tag", "", "with this tag")
	f.StringVar(&o.Cursor, "cursor", "", "next_cursor of the page before")
	f.BoolVar(&all, "all", false, "all pages")
	return cmd
}

func (a *app) printList(page api.Page) {
	if len(page.Snapshots) == 0 {
		a.notef("no snapshot fits; `graphsnap capture` makes one\n")
		return
	}
	rows := [][]string{{"SNAPSHOT", "SOURCE", "TIME (UTC)", "TRIGGER", "SEVERITY", "QPS", "LATENCY", "BOTTLENECKS", "PIN", "DESCRIPTION"}}
	for _, s := range page.Snapshots {
		rows = append(rows, []string{
			s.SnapshotID, s.Source, s.Timestamp.Format("2006-01-02 15:04:05"), s.TriggerType, s.Severity,
			figure(s.Summary.TotalQPS, ""), figure(s.Summary.AvgLatency, "ms"), fmt.Sprint(s.Summary.BottlenecksCount), pinMark(s.Pin), oneLine(s.Description, 40),
		})
	}
	a.table(rows)
	if page.NextCursor != "" {
		a.notef("more: --cursor %s, or --all\n", page.NextCursor)
	}
}

// pinMark names who pinned a snapshot.
func pinMark(p *api.Pin) string {
	if p == nil {
		return "-"
	}
	return fallback(oneLine(p.Actor, 20), "yes")
}

func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
