package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
	"graphsnap/engine/trigger"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Check, show or begin a configuration", Args: cobra.NoArgs,
		Example: "  graphsnap config check graphsnap.yaml\n  graphsnap config example > graphsnap.yaml\n  graphsnap config show",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	load := func(args []string) (configs.Config, string, error) {
		named := ""
		if len(args) == 1 {
			named = args[0]
		}
		file := configs.Find(named)
		c, err := a.loadConfig(file)
		return c, file, err
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check [FILE]", Short: "Say what is understood of a configuration, or what is wrong with it, with line and column", Args: cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				c, file, err := load(args)
				if err == nil {
					err = checkSources(c.Sources)
				}
				if err != nil {
					return err
				}
				u := understand(&c, engine.SystemClock{}.Now())
				if a.json {
					u.File = file
					return a.printJSON(u)
				}
				a.printUnderstood(fallback(file, "the built-in configuration"), &c, u)
				return nil
			},
		},
		&cobra.Command{
			Use: "show [FILE]", Short: "Print what holds: defaults, file and environment together, without secrets", Args: cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				c, _, err := load(args)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(c)
				}
				text, err := c.YAML()
				a.printf("%s", text)
				return err
			},
		},
		&cobra.Command{
			Use: "example", Short: "Print a configuration with every key and its meaning", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				a.printf("%s", configs.Example)
				return nil
			},
		},
	)
	return cmd
}

// loadConfig reads file and environment and passes warnings on.
func (a *app) loadConfig(file string) (configs.Config, error) {
	c, warnings, err := configs.Load(file, os.Environ())
	for _, w := range warnings {
		a.notef("warning: %s\n", w)
	}
	return c, err
}

// understood is what a configuration comes to.
type understood struct {
	OK      bool             `json:"ok"`
	File    string           `json:"file"`
	Sources []string         `json:"sources"`
	Rules   []understoodRule `json:"rules"`
}

// understoodRule is one rule in words. NextRuns are those of a schedule, before jitter.
type understoodRule struct {
	Name     string      `json:"name"`
	Kind     string      `json:"kind"`
	Text     string      `json:"text"`
	Disabled bool        `json:"disabled"`
	NextRuns []time.Time `json:"next_runs,omitempty"`
}

// nextRuns is how many runs of a schedule are shown.
const nextRuns = 3

func understand(c *configs.Config, now time.Time) understood {
	u := understood{OK: true, Sources: []string{}, Rules: []understoodRule{}}
	for _, s := range c.Sources {
		u.Sources = append(u.Sources, s.Name)
	}
	set := c.Triggers()
	for _, rule := range set.Rules {
		text, err := set.Describe(rule)
		if err != nil {
			text = err.Error()
		}
		if len(rule.Sources) > 0 {
			text += " on " + strings.Join(rule.Sources, ", ")
		}
		one := understoodRule{Name: rule.Name, Kind: rule.Kind(), Text: text, Disabled: rule.Disabled}
		if !rule.Disabled {
			one.NextRuns = set.Runs(rule, now, nextRuns)
		}
		u.Rules = append(u.Rules, one)
	}
	return u
}

func (a *app) printUnderstood(file string, c *configs.Config, u understood) {
	a.printf("%s is fine: %s, %s\n", file, counted(len(c.Sources), "source"), counted(len(u.Rules), "rule"))
	if len(c.Sources) > 0 {
		rows := [][]string{{"SOURCE", "TYPE", "DSN", "EVERY"}}
		for _, s := range c.Sources {
			rows = append(rows, []string{s.Name, fallback(s.Type, collect.TypeOf(string(s.DSN))), collect.Redact(string(s.DSN)), configs.Duration(interval(s, c.Collect)).String()})
		}
		a.printf("\n")
		a.table(rows)
	}
	if len(u.Rules) > 0 {
		rows := [][]string{{"RULE", "KIND", "CAPTURES WHEN", "NEXT RUNS"}}
		for _, r := range u.Rules {
			kind := r.Kind
			if r.Disabled {
				kind += ", off"
			}
			rows = append(rows, []string{r.Name, kind, r.Text, runsInWords(r.NextRuns)})
		}
		a.printf("\n")
		a.table(rows)
	}
	set := c.Triggers()
	for _, name := range sortedKeys(set.Calendars) {
		a.printf("\ncalendar %s: %s", name, calendarInWords(set.Calendars[name]))
	}
	for _, w := range c.Maintenance {
		a.printf("\nmaintenance %s: %s", w.Name, windowInWords(w))
	}
	a.printf("\nretention: %s\n", retentionInWords(c.Retention))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func runsInWords(runs []time.Time) string {
	if len(runs) == 0 {
		return ""
	}
	texts := make([]string, len(runs))
	for i, t := range runs {
		texts[i] = t.Format("Mon 2 Jan 15:04:05")
	}
	return strings.Join(texts, ", ") + " " + runs[0].Format("MST")
}

func calendarInWords(c trigger.Calendar) string {
	days := make([]string, len(c.Weekdays))
	for i, d := range c.Weekdays {
		days[i] = d.String()[:3]
	}
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	text := fmt.Sprintf("%s %s to %s, zone %s", strings.Join(days, " "), clock(c.From), clock(c.To), c.Zone)
	if len(c.Holidays) > 0 {
		text += ", without " + strings.Join(c.Holidays, " ")
	}
	if c.Inverse {
		text = "all but " + text
	}
	return text
}

func windowInWords(w configs.Maintenance) string {
	if w.Cron != "" {
		return fmt.Sprintf("cron %s for %s", w.Cron, w.Length)
	}
	return w.Start + " to " + w.End
}

func retentionInWords(r configs.Retention) string {
	var parts []string
	for _, class := range sortedKeys(r.Spans()) {
		parts = append(parts, class+" "+r.Spans()[class].String())
	}
	for _, k := range []struct {
		name  string
		count int
	}{{"last", r.KeepLast}, {"hourly", r.KeepHourly}, {"daily", r.KeepDaily}, {"weekly", r.KeepWeekly}, {"monthly", r.KeepMonthly}, {"yearly", r.KeepYearly}} {
		switch {
		case k.count < 0:
			parts = append(parts, "all "+k.name)
		case k.count > 0:
			parts = append(parts, fmt.Sprintf("%d %s", k.count, k.name))
		}
	}
	if r.KeepWithin != 0 {
		parts = append(parts, "all of the last "+r.KeepWithin.String())
	}
	if r.MaxSnapshots > 0 {
		parts = append(parts, fmt.Sprintf("at most %d", r.MaxSnapshots))
	}
	if len(parts) == 0 {
		return "nothing is ever removed"
	}
	return strings.Join(parts, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
