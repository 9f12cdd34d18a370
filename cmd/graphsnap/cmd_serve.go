package main

import (
	"errors"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/configs"
)

func (a *app) serveCommand() *cobra.Command {
	var file string
	var port int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve API and viewer over databases that run elsewhere, and collect the configured sources",
		Example: `  graphsnap config example > graphsnap.yaml   # then name your databases in it
  graphsnap serve --config graphsnap.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig(configs.Find(file))
			if err != nil {
				return err
			}
			if port != 0 {
				c.Server.Port = port
			}
			l, err := api.Listen(cmd.Context(), net.JoinHostPort(c.Server.Host, strconv.Itoa(c.Server.Port)))
			if err != nil {
				return err
			}
			p, err := openServer(cmd.Context(), c, l, nil, nil, newLogger(a.errs, c.Log))
			if err != nil {
				return errors.Join(err, l.Close())
			}
			a.notef("ready: %s\n", p.url)
			<-cmd.Context().Done()
			return p.close(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration (GRAPHSNAP_CONFIG, ./graphsnap.yaml ...)")
	cmd.Flags().IntVar(&port, "port", 0, "port of API and viewer, instead of the configured one")
	return cmd
}
