package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) triggersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "triggers",
		Short: "What captures by itself: state of each rule, what fired, what would have fired",
		Long:  "Rules stand in the configuration, see `graphsnap config example`. Without a verb: what each rule does just now.",
		Example: `  graphsnap triggers
  graphsnap triggers fired
  graphsnap triggers test --since 7d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := a.client().Triggers(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(t)
			}
			a.printTriggers(t)
			return nil
		},
	}
	cmd.AddCommand(a.triggersFiredCommand(), a.triggersTestCommand())
	return cmd
}

func (a *app) printTriggers(t api.Triggers) {
	if len(t.Rules) == 0 {
		a.notef("no rule is configured; `graphsnap config example` shows how\n")
		return
	}
	rows := [][]string{{"RULE", "SOURCE", "STATE", "LAST VALUE", "NEXT RUN (UTC)", "LAST FIRED (UTC)", "WHY"}}
	for _, r := range t.Rules {
		rows = append(rows, []string{r.Rule, r.Source, r.State, figure(r.LastValue, r.Unit), clock(r.NextRun), clock(r.LastFired), fallback(r.Detail, r.Text)})
	}
	a.table(rows)
	if !t.Leading {
		a.notef("another replica decides, or the snapshot database does not answer\n")
	}
}

func orNothing(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

func clock(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("01-02 15:04:05")
}

func (a *app) triggersFiredCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "fired",
		Short:   "What rules decided, newest first",
		Example: "  graphsnap triggers fired --limit 10",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.client().Firings(cmd.Context(), a.source, limit)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			a.printFirings(list)
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "longest list")
	return cmd
}

func (a *app) printFirings(list []api.Firing) {
	if len(list) == 0 {
		a.notef("nothing has fired yet\n")
		return
	}
	rows := [][]string{{"TIME (UTC)", "SOURCE", "RULE", "STATE", "SNAPSHOT", "WHY"}}
	for _, f := range list {
		rows = append(rows, []string{f.At.UTC().Format("2006-01-02 15:04:05"), f.Source, f.Rule, f.State, fallback(f.SnapshotID, "-"), f.Reason + orNothing("; ", f.Failure)})
	}
	a.table(rows)
}

// maxReplayLines bounds how many firings of one rule are listed.
const maxReplayLines = 20

func (a *app) triggersTestCommand() *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Replay the rules over stored snapshots: what would have fired, and when",
		Long: `Replay the configured rules over the snapshots of a source, in the order of time. Nothing is captured or written. Rules
see no more than the snapshots: what happened between two of them is unknown.`,
		Example: `  graphsnap triggers test --since 7d
  graphsnap triggers test --since 2026-01-01 --until 2026-02-01 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := moment(since)
			if err != nil {
				return err
			}
			to, err := moment(until)
			if err != nil {
				return err
			}
			r, err := a.client().TestTriggers(cmd.Context(), a.source, from, to)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			a.printReplay(r)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&since, "since", "7d", "from this moment on: 7d, 12h, a date or RFC 3339")
	f.StringVar(&until, "until", "", "before this moment; now where it is missing")
	return cmd
}

// moment turns 7d and 12h into the moment so long ago; anything else is passed on.
func moment(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	unit := time.Hour
	number := text
	if days, ok := strings.CutSuffix(text, "d"); ok {
		number, unit = days+"h", 24*time.Hour
	}
	d, err := time.ParseDuration(number)
	if err != nil {
		return text, nil // the server says what is wrong with it, if anything
	}
	if d < 0 {
		return "", engine.Errorf(engine.KindInvalid, "triggers", "%q lies in the future", text).WithHint("write 7d for seven days ago")
	}
	ago := time.Duration(float64(d) * float64(unit) / float64(time.Hour))
	return engine.SystemClock{}.Now().Add(-ago).Format(time.RFC3339), nil
}

func (a *app) printReplay(r api.Replay) {
	if len(r.Rules) == 0 {
		a.notef("no rule is configured; `graphsnap config example` shows how\n")
		return
	}
	for _, rule := range r.Rules {
		times := "times"
		if len(rule.Firings) == 1 {
			times = "time"
		}
		a.printf("%s on %s: would have fired %d %s over %d snapshots (%s)\n", rule.Rule, rule.Source, len(rule.Firings), times, rule.Frames, rule.Text)
		for _, f := range rule.Firings[:min(maxReplayLines, len(rule.Firings))] {
			a.printf("  %s  %s\n", f.At.UTC().Format("2006-01-02 15:04:05"), f.Reason)
		}
		if more := len(rule.Firings) - maxReplayLines; more > 0 {
			a.printf("  and %d more; --json has them all\n", more)
		}
		if len(rule.Suppressions) > 0 {
			a.printf("  held back: %d x, the last because %s\n", len(rule.Suppressions), rule.Suppressions[len(rule.Suppressions)-1].Reason)
		}
		if rule.Note != "" {
			a.printf("  note: %s\n", rule.Note)
		}
	}
}
