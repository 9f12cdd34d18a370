package main

import (
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) captureCommand() *cobra.Command {
	var r api.CaptureRequest
	cmd := &cobra.Command{
		Use:   "capture [DESCRIPTION]",
		Short: "Freeze the live graph of a source into a snapshot",
		Example: `  graphsnap capture "before the deploy"
  graphsnap capture "checkout is slow" --severity critical --tag ticket-4711
  graphsnap capture --template checkout       # a part of the graph; graphsnap templates lists them
  graphsnap capture --skip-unchanged          # in a cron job: nothing new, nothing frozen
  graphsnap capture --json | jq -r .snapshot_id`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				r.Description = args[0]
			}
			r.Source, r.CaptureID = a.source, uuid.NewString()
			done := a.follow(cmd.Context(), captureSteps(r.CaptureID))
			row, err := a.client().Capture(cmd.Context(), r)
			done()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(row)
			}
			a.printf("%s\n", row.SnapshotID)
			if row.Unchanged {
				a.notef("nothing but time has changed since %s, so nothing was frozen\n", row.Timestamp.Format("2006-01-02 15:04:05 UTC"))
				return nil
			}
			a.notef("froze %d nodes and %d relationships of %s in %.0f ms; %d bottlenecks, severity %s\n",
				row.NodeCount, row.RelationshipCount, row.Source, row.Metadata.CaptureDurationMS, row.Summary.BottlenecksCount, row.Severity)
			if row.Consistency.Mode == string(engine.ConsistencyFuzzy) {
				a.notef("warning: nothing proves that this state existed as a whole (fuzzy read, %d attempts)\n", row.Consistency.Attempts)
			}
			for _, w := range row.Warnings {
				a.notef("warning: %s\n", w)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.TriggerType, "trigger", "manual", "why: manual, scheduled, threshold or incident")
	f.StringVar(&r.TriggerReason, "reason", "", "what fired the trigger")
	f.StringVar(&r.Severity, "severity", "", "low, medium, high or critical; the worst found where it is missing")
	f.StringVar(&r.Template, "template", "", "capture the scope that this template names")
	f.StringVar(&r.Retention, "retention", "", "retention class, where it shall not follow from trigger and severity; permanent keeps it for ever")
	f.StringSliceVar(&r.Tags, "tag", nil, "a tag; may be repeated")
	f.BoolVar(&r.IncludeHistorical, "include-historical", false, "add earlier values of each bottleneck to the answer")
	f.BoolVar(&r.AllowFuzzy, "allow-fuzzy", false, "rather a reading that nothing proves than none; it is marked as fuzzy")
	f.BoolVar(&r.SkipUnchanged, "skip-unchanged", false, "freeze nothing where nothing but time has changed; prints the snapshot before")
	return cmd
}
