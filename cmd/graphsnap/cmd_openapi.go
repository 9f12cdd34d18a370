package main

import (
	"bytes"
	"encoding/json"
	"log/slog"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

// openAPICommand prints the description of the API without a server; the viewer's types are generated from it.
func (a *app) openAPICommand() *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI 3.1 document of the API", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			// The version stays out of the file, or it would change with every commit.
			raw, err := api.New(api.Options{Version: "1", Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler)}).OpenAPI()
			if err != nil {
				return err
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, raw, "", "  "); err != nil {
				return err
			}
			a.printf("%s\n", pretty.String())
			return nil
		},
	}
}
