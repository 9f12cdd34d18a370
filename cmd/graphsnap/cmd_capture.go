package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"graphsnap/api"
)

func (a *app) captureCommand() *cobra.Command {
	var r api.CaptureRequest
	cmd := &cobra.Command{
		Use:   "capture [DESCRIPTION]",
		Short: "Freeze the live graph of a source into a snapshot",
		Example: `  graphsnap capture "before the deploy"
  graphsnap capture "checkout is slow" --severity critical --tag ticket-4711
  graphsnap capture --json | jq -r .snapshot_id`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				r.Description = args[0]
			}
			r.Source, r.CaptureID = a.source, uuid.NewString()
			done := a.follow(cmd.Context(), r.CaptureID)
			row, err := a.client().Capture(cmd.Context(), r)
			done()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(row)
			}
			a.printf("%s\n", row.SnapshotID)
			a.notef("froze %d nodes and %d relationships of %s in %.0f ms; %d bottlenecks, severity %s\n",
				row.NodeCount, row.RelationshipCount, row.Source, row.Metadata.CaptureDurationMS, row.Summary.BottlenecksCount, row.Severity)
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
	f.StringSliceVar(&r.Tags, "tag", nil, "a tag; may be repeated")
	f.BoolVar(&r.IncludeHistorical, "include-historical", false, "add earlier values of each bottleneck to the answer")
	return cmd
}

// follow draws the progress of a capture while a person looks on; it returns what ends the drawing.
func (a *app) follow(ctx context.Context, captureID string) (done func()) {
	if a.json || !isTerminal(a.errs) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(a.errs), mpb.WithWidth(40))
	stage := "waiting"
	bar := bars.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return stage })), mpb.AppendDecorators(decor.CountersNoUnit("%d / %d")))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The drawing is a courtesy: without events the capture goes on all the same.
		_ = a.client().Events(ctx, func(kind string, data json.RawMessage) {
			var p api.CaptureProgressData
			if kind == api.EventCaptureProgress && json.Unmarshal(data, &p) == nil && p.CaptureID == captureID {
				stage = strings.ToLower(p.Stage)
				bar.SetTotal(int64(p.Total), false)
				bar.SetCurrent(int64(p.Done))
			}
		})
	}()
	return func() {
		bar.Abort(true)
		cancel()
		<-ended
		bars.Wait()
	}
}
