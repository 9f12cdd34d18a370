package main

import (
	"os"

	"github.com/spf13/cobra"

	"graphsnap/configs"
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
			Use: "check [FILE]", Short: "Say what is wrong with a configuration, with line and column", Args: cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				c, file, err := load(args)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"ok": true, "file": file, "sources": len(c.Sources)})
				}
				a.printf("%s is fine: %d sources\n", fallback(file, "the built-in configuration"), len(c.Sources))
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
