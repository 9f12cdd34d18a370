package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"graphsnap/engine"
)

func (a *app) exportCommand() *cobra.Command {
	var format, output string
	var force bool
	cmd := &cobra.Command{
		Use:   "export [SNAPSHOT]",
		Short: "Write a snapshot to a file or to standard output",
		Example: `  graphsnap export latest --output slow.json
  graphsnap export snap_20260131_090500_checkout_is_slow | jq .graph_state.nodes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := "latest"
			if len(args) == 1 {
				ref = args[0]
			}
			if output == "-" {
				return a.client().Export(cmd.Context(), ref, a.source, format, a.out)
			}
			if _, err := os.Stat(output); !force && !errors.Is(err, fs.ErrNotExist) {
				return engine.Errorf(engine.KindConflict, "export", "%s exists already", output).WithHint("choose another name, or overwrite it with --force")
			}
			// The file gets its name only when it is complete.
			temp, err := os.CreateTemp(filepath.Dir(output), ".graphsnap-export-*")
			if err != nil {
				return engine.Errorf(engine.KindDenied, "export", "%s cannot be written", output).WithCause(err)
			}
			defer func() { _ = os.Remove(temp.Name()) }()
			err = a.client().Export(cmd.Context(), ref, a.source, format, temp)
			if err = errors.Join(err, temp.Close()); err != nil {
				return err
			}
			if err := os.Rename(temp.Name(), output); err != nil {
				return engine.Errorf(engine.KindDenied, "export", "%s cannot be written", output).WithCause(err)
			}
			a.notef("wrote %s\n", output)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "json", "json (cypher and csv come later)")
	f.StringVarP(&output, "output", "o", "-", "the file; - is standard output")
	f.BoolVar(&force, "force", false, "overwrite the file")
	return cmd
}
