package main

import (
	"github.com/spf13/cobra"
)

func (a *app) pinCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pin SNAPSHOT [NOTE]",
		Short: "Keep a snapshot from retention and from being deleted by accident",
		Long:  "Keep a snapshot from retention and from being deleted by accident. The pin stands beside the snapshot, which does not change.",
		Example: `  graphsnap pin latest "the evening of the outage"
  graphsnap pin snap_20260131_090500_pre_deploy`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			note := ""
			if len(args) == 2 {
				note = args[1]
			}
			row, err := a.client().Pin(cmd.Context(), args[0], a.source, note)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(row)
			}
			a.printf("pinned %s\n", row.SnapshotID)
			return nil
		},
	}
}

func (a *app) unpinCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unpin SNAPSHOT",
		Short: "Give a pinned snapshot back to retention",
		Example: `  graphsnap unpin snap_20260131_090500_pre_deploy
  graphsnap unpin latest && graphsnap delete latest --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			row, err := a.client().Unpin(cmd.Context(), args[0], a.source)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(row)
			}
			a.printf("unpinned %s\n", row.SnapshotID)
			return nil
		},
	}
}
