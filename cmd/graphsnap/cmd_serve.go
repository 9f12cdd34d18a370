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
			file := configs.Find(file)
			c, err := a.loadConfig(file)
			if err != nil {
				return err
			}
			log := newLogger(a.errs, c.Log)
			w, err := watchConfig(file, log, func(c configs.Config) (configs.Config, error) {
				if port != 0 {
					c.Server.Port = port
				}
				return c, nil
			})
			if err != nil {
				return err
			}
			c = w.Config()
			l, err := api.Listen(cmd.Context(), net.JoinHostPort(c.Server.Host, strconv.Itoa(c.Server.Port)))
			if err != nil {
				return err
			}
			p, err := openServer(cmd.Context(), w, l, nil, nil, log)
			if err != nil {
				return errors.Join(err, l.Close())
			}
			stop := reloadOnHangup(cmd.Context(), w)
			a.notef("ready: %s\n", p.url)
			<-cmd.Context().Done()
			stop()
			return p.close(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration (GRAPHSNAP_CONFIG, ./graphsnap.yaml ...)")
	cmd.Flags().IntVar(&port, "port", 0, "port of API and viewer, instead of the configured one")
	return cmd
}
