package main

import (
	"bufio"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/engine"
)

func (a *app) deleteCommand() *cobra.Command {
	var yes, force bool
	cmd := &cobra.Command{
		Use:     "delete SNAPSHOT...",
		Aliases: []string{"rm"},
		Short:   "Delete snapshots for good; the timeline stays linked",
		Example: `  graphsnap delete snap_20260131_090500_test
  graphsnap delete latest --yes
  graphsnap delete latest --yes --force     # also where it is pinned`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, refs []string) error {
			// `latest` means something else after each deletion, so all are resolved first.
			ids := make([]string, len(refs))
			for i, ref := range refs {
				d, err := a.client().Head(cmd.Context(), ref, a.source)
				if err != nil {
					return err
				}
				ids[i] = d.SnapshotID
			}
			if !yes {
				if !isTerminal(a.in) {
					return engine.Errorf(engine.KindInvalid, "delete", "nothing was deleted: nobody is here to confirm").WithHint("add --yes")
				}
				a.notef("Delete %s for good? [y/N] ", strings.Join(ids, ", "))
				answer, _ := bufio.NewReader(a.in).ReadString('\n')
				if strings.ToLower(strings.TrimSpace(answer)) != "y" {
					a.notef("nothing was deleted\n")
					return nil
				}
			}
			for _, id := range ids {
				remove := a.client().Delete
				if force {
					remove = a.client().DeleteForced
				}
				if err := remove(cmd.Context(), id, ""); err != nil {
					return err
				}
				if !a.json {
					a.printf("deleted %s\n", id)
				}
			}
			if a.json {
				return a.printJSON(map[string][]string{"deleted": ids})
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&force, "force", false, "also where a snapshot is pinned")
	return cmd
}
