package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "How every part feels: API, live and snapshot database, sources",
		Example: `  graphsnap status
  graphsnap status --json | jq -r .live.bolt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.client().Status(cmd.Context())
			if err != nil {
				if engine.KindOf(err) != engine.KindUnavailable {
					return err
				}
				unknown := api.Health{Health: "unknown: the server does not answer"}
				s = api.Status{
					API: api.APIStatus{URL: a.server, Health: api.Health{Health: err.Error(), Hint: engine.HintOf(err)}}, Sources: []api.SourceStatus{}, Version: version,
					Live: api.ServerStatus{Health: unknown}, Snapshots: api.ServerStatus{Health: unknown}, Config: api.ConfigStatus{Health: unknown, Changes: []string{}, Warnings: []string{}},
				}
			}
			captures := a.captureStates(cmd.Context())
			if a.json {
				if err := a.printJSON(struct {
					api.Status
					Captures []api.CaptureState `json:"captures"`
				}{s, captures}); err != nil {
					return err
				}
			} else {
				a.printStatus(s)
				a.printCaptures(captures)
			}
			if !healthy(s) {
				return coded{exitFailed}
			}
			return nil
		},
	}
}

func healthy(s api.Status) bool {
	ok := s.API.Health.Health == "ok" && s.Live.Health.Health == "ok" && s.Snapshots.Health.Health == "ok" && s.Config.Health.Health == "ok"
	for _, source := range s.Sources {
		ok = ok && source.Health.Health == "ok"
	}
	return ok
}

func (a *app) printStatus(s api.Status) {
	rows := [][]string{{"PART", "WHERE", "HEALTH"}, {"api", s.API.URL, s.API.Health.Health}}
	rows = append(rows, []string{"live", s.Live.Bolt + "  " + s.Live.HTTP, s.Live.Health.Health}, []string{"snapshots", s.Snapshots.Bolt + "  " + s.Snapshots.HTTP, s.Snapshots.Health.Health})
	trouble, _, _ := strings.Cut(s.Config.Health.Health, "\n") // without the excerpt
	rows = append(rows, []string{"config", fallback(s.Config.File, "built-in"), trouble})
	for _, source := range s.Sources {
		rows = append(rows, []string{"source " + source.Name, source.DSN, source.Health.Health})
	}
	a.table(rows)
	for _, h := range append([]api.Health{s.API.Health, s.Live.Health, s.Snapshots.Health, s.Config.Health}, sourceHealths(s)...) {
		if h.Hint != "" {
			a.notef("hint: %s\n", h.Hint)
		}
	}
	for _, source := range s.Sources {
		if source.CollectMS != nil {
			a.notef("source %s: tick %d cost %s and understood %s of the time\n", source.Name, source.Tick, figure(source.CollectMS, "ms"), percent(source.ParseCoverage))
		}
	}
	if s.Live.PasswordFile != "" {
		a.notef("Neo4j user %s, password in %s\n", s.Live.User, s.Live.PasswordFile)
	}
}

// captureStates gives nothing where the database does not answer, which the status says already.
func (a *app) captureStates(ctx context.Context) []api.CaptureState {
	list, err := a.client().Captures(ctx)
	if err != nil {
		return []api.CaptureState{}
	}
	return list.Captures
}

func (a *app) printCaptures(captures []api.CaptureState) {
	if len(captures) == 0 {
		return
	}
	a.printf("\n")
	rows := [][]string{{"CAPTURE", "SOURCE", "STATE", "SINCE (UTC)", "WHY"}}
	for _, c := range captures {
		rows = append(rows, []string{fallback(c.SnapshotID, fallback(c.CaptureID, fmt.Sprint(c.Seq))), c.Source, c.State, c.Since.Format("2006-01-02 15:04:05"), oneLine(c.Reason, 100)})
	}
	a.table(rows)
}

func percent(share *float64) string {
	if share == nil {
		return "an unknown part"
	}
	v := 100 * *share
	return figure(&v, "%")
}

func sourceHealths(s api.Status) []api.Health {
	var list []api.Health
	for _, source := range s.Sources {
		list = append(list, source.Health)
	}
	return list
}
