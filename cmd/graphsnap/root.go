package main

import (
	"io"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"graphsnap/api"
)

// app is what all verbs share.
type app struct {
	in        io.Reader
	out, errs io.Writer

	server string
	source string
	json   bool
}

// client speaks to the server in the name of who runs this program.
func (a *app) client() *api.Client {
	c := api.NewClient(a.server)
	if u, err := user.Current(); err == nil {
		c.Actor = u.Username
	}
	return c
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "graphsnap",
		Short: "Freeze the moment a database got slow, and see what changed",
		Long: `Graphsnap keeps a live performance graph of a SQL database in Neo4j, freezes it into
immutable snapshots, and compares them: what changed, by how much, since when.`,
		Example: `  graphsnap up                          # everything on this machine, with a demo database
  graphsnap capture "before the deploy" # freeze the present state
  graphsnap compare latest~1 latest     # what changed between the last two`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetVersionTemplate("graphsnap {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.server, "server", fallback(os.Getenv("GRAPHSNAP_SERVER"), "http://127.0.0.1:8080"), "address of the graphsnap server (GRAPHSNAP_SERVER)")
	flags.StringVar(&a.source, "source", "", "the source, where there are several")
	flags.BoolVar(&a.json, "json", false, "print data as JSON, errors too")
	root.AddCommand(
		a.upCommand(), a.serveCommand(), a.captureCommand(), a.listCommand(), a.showCommand(), a.compareCommand(), a.historyCommand(),
		a.exportCommand(), a.importCommand(), a.deleteCommand(), a.pinCommand(), a.unpinCommand(), a.retainCommand(), a.templatesCommand(), a.verifyCommand(), a.auditCommand(), a.statusCommand(), a.doctorCommand(),
		a.casesCommand(), a.deployCommand(), a.triggersCommand(), a.configCommand(), a.reloadCommand(), a.demoCommand(), a.benchCommand(), a.openAPICommand(),
	)
	return root
}

func fallback(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
