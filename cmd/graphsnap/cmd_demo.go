package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Look at the demo workload and make things go wrong in it",
		Example: `  graphsnap demo                        # what the workload does
  graphsnap demo load --rate 120
  graphsnap demo fault drop-index`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.printDemo(a.client().Demo(cmd.Context()))
		},
	}
	var rate float64
	load := &cobra.Command{
		Use: "load --rate N", Short: "Set the statements per second", Example: "  graphsnap demo load --rate 120", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.printDemo(a.client().SetLoad(cmd.Context(), rate))
		},
	}
	load.Flags().Float64Var(&rate, "rate", 0, "statements per second, 0 to 5000")
	_ = load.MarkFlagRequired("rate") // fails only for a flag that does not exist
	fault := &cobra.Command{
		Use: "fault list | clear | NAME", Short: "Switch a fault on, list them, or end all",
		Example: "  graphsnap demo fault list\n  graphsnap demo fault drop-index\n  graphsnap demo fault clear",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "list":
				d, err := a.client().Demo(cmd.Context())
				if err != nil {
					return err
				}
				return a.printFaults(d)
			case "clear":
				d, err := a.client().ClearFaults(cmd.Context())
				if err != nil {
					return err
				}
				return a.printFaults(d)
			}
			d, err := a.client().StartFault(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printFaults(d)
		},
	}
	cmd.AddCommand(load, fault)
	return cmd
}

func (a *app) printFaults(d api.DemoStatus) error {
	if a.json {
		return a.printJSON(d.Faults)
	}
	rows := [][]string{{"FAULT", "STATE", "TRUE CAUSE"}}
	for _, f := range d.Faults {
		state := "-"
		if f.Active {
			state = "active"
		}
		rows = append(rows, []string{f.Name, state, f.Cause})
	}
	a.table(rows)
	return nil
}

func (a *app) printDemo(d api.DemoStatus, err error) error {
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(d)
	}
	a.printf("%s\n%.0f statements/s wanted, %.0f with the wave and the faults\n\n", d.DSN, d.Rate, d.EffectiveRate)
	rows := [][]string{{"QUERY CLASS", "PART", "SENT", "ERRORS", "MEAN"}}
	for _, c := range d.Classes {
		var mean *float64
		if c.Sent > 0 {
			v := c.TotalMS / float64(c.Sent)
			mean = &v
		}
		rows = append(rows, []string{c.Name, fmt.Sprintf("%.1f%%", 100*c.Weight), fmt.Sprint(c.Sent), fmt.Sprint(c.Errors), figure(mean, engine.MetricUnits[engine.RelAvgLatencyMS])})
	}
	a.table(rows)
	a.printf("\n")
	return a.printFaults(d)
}
