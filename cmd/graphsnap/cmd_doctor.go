package main

import (
	"context"
	"os/exec"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
)

// check is one thing that doctor looked at.
type check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var dsn string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check every part and say what mends it",
		Example: `  graphsnap doctor
  graphsnap doctor --dsn postgres://graphsnap@db/shop   # can this database be collected?
  graphsnap doctor --dsn mysql://graphsnap@db/shop`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := a.diagnose(cmd.Context(), dsn)
			if a.json {
				if err := a.printJSON(checks); err != nil {
					return err
				}
			}
			failed := false
			for _, c := range checks {
				failed = failed || !c.OK
				if a.json {
					continue
				}
				sign := "ok  "
				if !c.OK {
					sign = "FAIL"
				}
				a.printf("%s  %-24s %s\n", sign, c.Name, c.Message)
				if !c.OK && c.Fix != "" {
					a.printf("      fix: %s\n", c.Fix)
				}
			}
			if failed {
				return coded{exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dsn, "dsn", "", "also check whether this database can be collected")
	return cmd
}

func (a *app) diagnose(ctx context.Context, dsn string) []check {
	var checks []check
	file := configs.Find("")
	config, err := a.loadConfig(file)
	checks = append(checks, outcome("configuration", fallback(file, "built-in defaults"), err))

	s, err := a.client().Status(ctx)
	checks = append(checks, outcome("server", a.server, err))
	if err == nil {
		checks = append(checks, ofHealth("live database", s.Live.Bolt+" "+s.Live.Version, s.Live.Health), ofHealth("snapshot database", s.Snapshots.Bolt+" "+s.Snapshots.Version, s.Snapshots.Health))
		for _, source := range s.Sources {
			checks = append(checks, ofHealth("source "+source.Name, source.DSN, source.Health))
		}
	} else {
		checks = append(checks, a.canRun(ctx))
	}
	for _, source := range config.Sources {
		checks = append(checks, ofSource(ctx, "source "+source.Name, string(source.DSN))...)
	}
	if dsn != "" {
		checks = append(checks, ofSource(ctx, "dsn", dsn)...)
	}
	return checks
}

// canRun says whether `graphsnap up` could start Neo4j here.
func (a *app) canRun(ctx context.Context) check {
	for _, way := range [][]string{{"java", "-version"}, {"docker", "info"}} {
		if exec.CommandContext(ctx, way[0], way[1:]...).Run() == nil {
			return check{Name: "up", OK: true, Message: "`graphsnap up` can run Neo4j by " + way[0]}
		}
	}
	return check{Name: "up", Message: "neither Java nor a Docker engine answers", Fix: "install Java 17 or 21 and Maven, or start Docker"}
}

func outcome(name, fine string, err error) check {
	if err != nil {
		return check{Name: name, Message: err.Error(), Fix: engine.HintOf(err)}
	}
	return check{Name: name, OK: true, Message: fine}
}

func ofHealth(name, where string, h api.Health) check {
	if h.Health != "ok" {
		return check{Name: name, Message: h.Health, Fix: h.Hint}
	}
	return check{Name: name, OK: true, Message: where}
}

func ofSource(ctx context.Context, name, dsn string) []check {
	var checks []check
	for _, f := range collect.Check(ctx, dsn) {
		checks = append(checks, check{name + ": " + f.Name, f.OK, f.Message, f.Fix})
	}
	return checks
}
