package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphsnap/api"
)

func (a *app) casesCommand() *cobra.Command {
	var q api.CaseQuery
	cmd := &cobra.Command{
		Use:   "cases",
		Short: "List incidents: the frames before, the trigger, what followed",
		Long: `List cases, newest first. A case is opened by a rule that fires; further firings of the source join it, and it ends when no
rule is met any more.`,
		Example: `  graphsnap cases --state open
  graphsnap cases show case_20260131_090500_shop_slow
  graphsnap cases --since 2026-01-01 --json | jq -r '.cases[].case_id'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Source = a.source
			page, err := a.client().Cases(cmd.Context(), q)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(page)
			}
			a.printCases(page)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&q.Limit, "limit", 50, "longest list")
	f.StringVar(&q.State, "state", "", "open or ended")
	f.StringVar(&q.Severity, "severity", "", "low, medium, high or critical")
	f.StringVar(&q.Since, "since", "", "opened from this date or time on (UTC)")
	f.StringVar(&q.Until, "until", "", "opened before this date or time (UTC)")
	f.StringVar(&q.Cursor, "cursor", "", "next_cursor of the page before")
	cmd.AddCommand(a.caseShowCommand(), a.caseCloseCommand())
	return cmd
}

func (a *app) caseShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show CASE",
		Short: "Show a case: onset, peak, end, what it affected, its snapshots",
		Example: `  graphsnap cases show case_20260131_090500_shop_slow
  graphsnap cases show case_20260131_090500_shop_slow --json | jq '.points[] | [.timestamp, .value]'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client().Case(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(c)
			}
			a.printCase(c)
			return nil
		},
	}
}

func (a *app) caseCloseCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "close CASE",
		Short:   "End an open case by hand, with a last snapshot",
		Example: `  graphsnap cases close case_20260131_090500_shop_slow`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client().CloseCase(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(c)
			}
			a.printf("closed %s\n", c.CaseID)
			return nil
		},
	}
}

const secondsUTC = "2006-01-02 15:04:05"

func (a *app) printCases(page api.CasePage) {
	if len(page.Cases) == 0 {
		a.notef("no case fits; rules open them by themselves\n")
		return
	}
	rows := [][]string{{"CASE", "SOURCE", "STATE", "SEVERITY", "OPENED (UTC)", "LASTED", "SNAPSHOTS", "REASON"}}
	for _, c := range page.Cases {
		rows = append(rows, []string{
			c.CaseID, c.Source, c.State, c.Severity, c.OpenedAt.Format(secondsUTC), lasted(c), fmt.Sprint(len(c.Snapshots)), oneLine(c.Reason, 50),
		})
	}
	a.table(rows)
	if page.NextCursor != "" {
		a.notef("more: --cursor %s\n", page.NextCursor)
	}
}

// lasted gives how long a case took from its onset, or from its opening, to its end.
func lasted(c api.CaseRow) string {
	if c.EndedAt == nil {
		return "-"
	}
	from := c.OpenedAt
	if c.OnsetAt != nil {
		from = *c.OnsetAt
	}
	return c.EndedAt.Sub(from).Round(time.Second).String()
}

func (a *app) printCase(c api.CaseDocument) {
	a.printf("%s\n", c.CaseID)
	at := func(t *time.Time) string {
		if t == nil {
			return "unknown"
		}
		return t.Format(secondsUTC + " UTC")
	}
	facts := [][]string{
		{"  title", c.Title},
		{"  source", c.Source},
		{"  state", c.State + ", severity " + c.Severity},
		{"  rules", strings.Join(c.Rules, ", ")},
		{"  reason", c.Reason},
		{"  onset", at(c.OnsetAt)},
		{"  opened", at(&c.OpenedAt)},
		{"  peak", at(c.PeakAt) + ", " + figure(c.PeakValue, "") + " " + c.Metric},
	}
	if c.EndedAt != nil {
		facts = append(facts, []string{"  ended", at(c.EndedAt) + ", " + c.EndReason})
	}
	if c.Note != "" {
		facts = append(facts, []string{"  note", c.Note})
	}
	if len(c.Affected) > 0 {
		facts = append(facts, []string{"  affected", strings.Join(c.Affected[:min(10, len(c.Affected))], ", ")})
	}
	a.table(facts)
	rows := [][]string{{"ROLE", "TIME (UTC)", "SNAPSHOT"}}
	for _, s := range c.Snapshots {
		id := s.SnapshotID
		if !s.Exists {
			id += " (deleted)"
		}
		rows = append(rows, []string{s.Role, s.Timestamp.Format(secondsUTC), id})
	}
	a.printf("\n")
	a.table(rows)
}
