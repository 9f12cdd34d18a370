package main

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) verifyCommand() *cobra.Command {
	var all bool
	var q api.VerifyQuery
	cmd := &cobra.Command{
		Use:   "verify [SNAPSHOT...]",
		Short: "Hold snapshots to what was published: every element, link, hash and deletion",
		Long: `Read snapshots again and hold every element to the index, the index to the root hash, all of it to the hash chain and
the audit trail, and the links to the order in time. Nothing is changed. Exit code 1 where something was found.`,
		Example: `  graphsnap verify latest
  graphsnap verify --all
  graphsnap verify --all --subset 1/7     # the first seventh of the elements; the next one tomorrow
  graphsnap verify --all --json | jq '.findings[]'`,
		RunE: func(cmd *cobra.Command, refs []string) error {
			if all == (len(refs) > 0) {
				return engine.Errorf(engine.KindInvalid, "verify", "nothing says what is to be verified").WithHint("name snapshots, such as latest, or write --all; not both")
			}
			q.IDs, q.Source, q.VerifyID = refs, a.source, uuid.NewString()
			done := a.follow(cmd.Context(), verifySteps(q.VerifyID))
			report, err := a.client().Verify(cmd.Context(), q)
			done()
			if err != nil {
				return err
			}
			return a.printVerified(report)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "all snapshots of all sources")
	f.StringVar(&q.Subset, "subset", "", "read a part of the elements only: 1/10 is the first of ten parts")
	return cmd
}

// printVerified prints a report; findings make exit code 1.
func (a *app) printVerified(r engine.VerifyReport) error {
	switch {
	case a.json:
		if err := a.printJSON(r); err != nil {
			return err
		}
	case len(r.Findings) == 0:
		a.printf("clean: %s\n", verifiedParts(r))
	default:
		rows := [][]string{{"SNAPSHOT", "WHAT", "WHICH", "FOUND"}}
		for _, f := range r.Findings {
			rows = append(rows, []string{fallback(f.SnapshotID, "-"), f.Kind, fallback(f.Key, "-"), f.Problem})
		}
		a.table(rows)
		a.notef("%d findings in %s\n", len(r.Findings), verifiedParts(r))
		a.notef("hint: what was found is no evidence any more; compare it with an export or archive from before, and see who could write to the snapshot database\n")
	}
	if len(r.Findings) > 0 {
		return coded{exitFailed}
	}
	return nil
}

func verifiedParts(r engine.VerifyReport) string {
	return fmt.Sprintf("%d snapshots, %d nodes, %d relationships, %d audit events", r.Snapshots, r.Nodes, r.Relationships, r.AuditEvents)
}
