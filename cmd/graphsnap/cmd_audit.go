package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"graphsnap/api"
)

// auditPage is how many events are asked for at once.
const auditPage = 1000

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Who published, imported and deleted which snapshot: list, check, export",
		Example: `  graphsnap audit list --action snapshot.deleted
  graphsnap audit list --snapshot snap_20260131_090500_test
  graphsnap audit check
  graphsnap audit export --out audit.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditListCommand(), a.auditCheckCommand(), a.auditExportCommand())
	return cmd
}

func (a *app) auditListCommand() *cobra.Command {
	var q api.AuditQuery
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the events of the audit trail, in writing order",
		Example: `  graphsnap audit list
  graphsnap audit list --from 4711 --limit 100 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Source = a.source
			page, err := a.client().Audit(cmd.Context(), q)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(page)
			}
			rows := [][]string{{"NO", "TIME (UTC)", "WHO", "WHAT", "SNAPSHOT", "SOURCE", "HASH"}}
			for _, ev := range page.Events {
				rows = append(rows, []string{
					fmt.Sprint(ev.No), ev.At.Format("2006-01-02 15:04:05"), fallback(ev.Actor, "-"), ev.Action, ev.SnapshotID, ev.Source, fmt.Sprintf("%.12s", ev.Hash),
				})
			}
			a.table(rows)
			if page.NextFrom != nil {
				a.notef("more: --from %d\n", *page.NextFrom)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Int64Var(&q.From, "from", 0, "first number")
	f.IntVar(&q.Limit, "limit", 50, "longest list")
	auditFilter(cmd, &q)
	return cmd
}

func auditFilter(cmd *cobra.Command, q *api.AuditQuery) {
	f := cmd.Flags()
	f.StringVar(&q.SnapshotID, "snapshot", "", "events of this snapshot, which may be deleted by now; a full id")
	f.StringVar(&q.Action, "action", "", "snapshot.published, snapshot.deleted, rule.fired, case.opened ...; the API describes them all")
}

func (a *app) auditCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Hold the audit trail, the hash chain and the timelines to each other; exit code 1 where something was found",
		Long: `Check that no event of the audit trail is missing or changed, that the chain of snapshots is whole, that no snapshot is
gone without a trace, and that timelines are linked in time order. What snapshots contain is checked by graphsnap verify.`,
		Example: `  graphsnap audit check`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := a.client().AuditCheck(cmd.Context())
			if err != nil {
				return err
			}
			if !a.json && len(report.Findings) == 0 {
				a.printf("clean: %d audit events\n", report.AuditEvents)
				return nil
			}
			return a.printVerified(report)
		},
	}
}

func (a *app) auditExportCommand() *cobra.Command {
	var q api.AuditQuery
	var file outFile
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the whole audit trail as JSON, one event a line",
		Example: `  graphsnap audit export --out audit.jsonl
  graphsnap audit export | jq -r 'select(.action == "snapshot.deleted") | .actor'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Source, q.Limit = a.source, auditPage
			return a.writeFile(file, func(w io.Writer) error { return a.auditTrail(cmd.Context(), q, w) })
		},
	}
	auditFilter(cmd, &q)
	file.flags(cmd)
	return cmd
}

func (a *app) auditTrail(ctx context.Context, q api.AuditQuery, w io.Writer) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for {
		page, err := a.client().Audit(ctx, q)
		if err != nil {
			return err
		}
		for _, ev := range page.Events {
			if err := lines.Encode(ev); err != nil {
				return err
			}
		}
		if page.NextFrom == nil {
			return nil
		}
		q.From = *page.NextFrom
	}
}
