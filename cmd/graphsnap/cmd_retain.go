package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

// retainPoll is how often a run under way is asked how far it is.
const retainPoll = 500 * time.Millisecond

// retainFlags are a policy to try.
type retainFlags struct {
	policy  engine.RetentionPolicy
	classes []string
	within  string
}

func (a *app) retainCommand() *cobra.Command {
	var dry, yes, status, noWait, all bool
	var try retainFlags
	cmd := &cobra.Command{
		Use:   "retain",
		Short: "Remove the snapshots that the retention policy does not keep, or see which and why",
		Long: `Remove the snapshots that the retention policy of the server does not keep; the server does so by itself every hour.
With --dry-run nothing is removed: each snapshot is listed with the reasons why it stays or goes. A policy given by flags takes
the place of the server's in a dry run, so that one can be tried before it is configured.

A snapshot goes when it is older than the span of its class (manual, scheduled, threshold, auto for both, incident, or one that
its capture named), unless a keep rule or the span of high_severity keeps it. Where no class has a span the keep rules alone
decide, as with restic forget. Pins, cases, baselines, permanent ones and the newest of each source always stay.`,
		Example: `  graphsnap retain --dry-run
  graphsnap retain --dry-run --all          # those that stay, too
  graphsnap retain --dry-run --class manual=90d --class auto=30d --class high_severity=permanent --keep-weekly 12
  graphsnap retain --yes
  graphsnap retain --status`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := try.given(cmd)
			switch {
			case err != nil:
				return err
			case policy != nil && !dry:
				return engine.Errorf(engine.KindInvalid, "retain", "a policy given by flags is for trying only").WithHint("add --dry-run; to apply it write it into the configuration of the server")
			case status:
				return a.retentionStatus(cmd.Context())
			case dry:
				return a.retentionPlan(cmd.Context(), policy, all)
			}
			return a.retain(cmd.Context(), yes, noWait)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&dry, "dry-run", false, "remove nothing; list what would go, and why")
	f.BoolVar(&all, "all", false, "with --dry-run: list what stays as well")
	f.BoolVar(&status, "status", false, "the policy of the server, and what its last run did")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.BoolVar(&noWait, "no-wait", false, "begin the run and do not wait for its end")
	f.StringArrayVar(&try.classes, "class", nil, "try: CLASS=SPAN, such as manual=90d; may be repeated")
	f.IntVar(&try.policy.KeepLast, "keep-last", 0, "try: keep the newest N of a source; -1 is all")
	f.IntVar(&try.policy.KeepHourly, "keep-hourly", 0, "try: keep the newest of the last N hours that have snapshots")
	f.IntVar(&try.policy.KeepDaily, "keep-daily", 0, "try: the same for days")
	f.IntVar(&try.policy.KeepWeekly, "keep-weekly", 0, "try: the same for weeks")
	f.IntVar(&try.policy.KeepMonthly, "keep-monthly", 0, "try: the same for months")
	f.IntVar(&try.policy.KeepYearly, "keep-yearly", 0, "try: the same for years")
	f.StringVar(&try.within, "keep-within", "", "try: keep what is at most so much older than the newest, such as 14d")
	f.StringVar(&try.policy.Zone, "zone", "", "try: IANA zone of hours, days and weeks")
	f.IntVar(&try.policy.MaxSnapshots, "max-snapshots", 0, "try: most snapshots of all sources together")
	return cmd
}

// given gives the policy of the flags, nil where there is none.
func (r *retainFlags) given(cmd *cobra.Command) (*engine.RetentionPolicy, error) {
	some := false
	for _, name := range []string{"class", "keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly", "keep-within", "zone", "max-snapshots"} {
		some = some || cmd.Flags().Changed(name)
	}
	if !some {
		return nil, nil
	}
	var err error
	if r.within != "" {
		if r.policy.KeepWithin, err = engine.ParseRetention(r.within); err != nil {
			return nil, err
		}
	}
	for _, text := range r.classes {
		class, span, found := strings.Cut(text, "=")
		if !found {
			return nil, engine.Errorf(engine.KindInvalid, "retain", "%q names no span", text).WithHint("write --class manual=90d")
		}
		if r.policy.Classes == nil {
			r.policy.Classes = map[string]engine.Retention{}
		}
		if r.policy.Classes[class], err = engine.ParseRetention(span); err != nil {
			return nil, err
		}
	}
	return &r.policy, r.policy.Validate()
}

// retentionPlan lists what would go, and why.
func (a *app) retentionPlan(ctx context.Context, policy *engine.RetentionPolicy, all bool) error {
	r := api.RetentionPlanRequest{Policy: policy, Source: a.source, Limit: 1000}
	if !all {
		r.Only = "remove"
	}
	plan, err := a.client().RetentionPlan(ctx, r)
	for next := plan.NextOffset; err == nil && next != nil; {
		r.Offset = *next
		var more api.RetentionPlan
		if more, err = a.client().RetentionPlan(ctx, r); err == nil {
			plan.Decisions, next = append(plan.Decisions, more.Decisions...), more.NextOffset
		}
	}
	if err != nil {
		return err
	}
	plan.NextOffset = nil
	if a.json {
		return a.printJSON(plan)
	}
	if len(plan.Decisions) > 0 {
		rows := [][]string{{"", "SNAPSHOT", "SOURCE", "TIME (UTC)", "CLASS", "WHY"}}
		for _, d := range plan.Decisions {
			verb := "keep"
			if d.Remove {
				verb = "remove"
			}
			rows = append(rows, []string{verb, d.SnapshotID, d.Source, d.Timestamp.Format("2006-01-02 15:04:05"), d.Class, strings.Join(d.Reasons, "; ")})
		}
		a.table(rows)
	}
	for _, note := range plan.Notes {
		a.notef("note: %s\n", note)
	}
	a.notef("%d would go, %d would stay; nothing was removed\n", plan.Remove, plan.Keep)
	if plan.Policy.Empty() {
		a.notef("hint: there is no retention policy, so everything stays; try one with --class manual=90d\n")
	}
	return nil
}

func (a *app) retentionStatus(ctx context.Context) error {
	s, err := a.client().Retention(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(s)
	}
	raw, err := json.Marshal(s.Policy)
	if err != nil {
		return err
	}
	facts := [][]string{{"policy", string(raw)}}
	if !s.Enabled {
		facts = append(facts, []string{"runs", "never: this server has no retention policy"})
	}
	if s.NextAt != nil {
		facts = append(facts, []string{"next run", s.NextAt.Format("2006-01-02 15:04:05 UTC")})
	}
	for name, run := range map[string]*api.RetentionRun{"last run": s.Last, "now": s.Current} {
		if run != nil {
			facts = append(facts, []string{name, ranSo(*run)})
		}
	}
	a.table(facts)
	return nil
}

func ranSo(r api.RetentionRun) string {
	text := fmt.Sprintf("%d of %d removed, %d spared, %d left for the next run; began %s, asked for by %s", r.Removed, r.Planned, r.Spared, r.Left, r.StartedAt.Format("2006-01-02 15:04:05 UTC"), r.Actor)
	if r.Failure != "" {
		text += "; ended early: " + r.Failure
	}
	return text
}

// retain asks, begins a run and waits for its end.
func (a *app) retain(ctx context.Context, yes, noWait bool) error {
	if a.source != "" {
		return engine.Errorf(engine.KindInvalid, "retain", "a run is over all sources").WithHint("leave --source out; with --dry-run it narrows the list")
	}
	if !yes {
		plan, err := a.client().RetentionPlan(ctx, api.RetentionPlanRequest{Only: "remove", Limit: 1})
		switch {
		case err != nil:
			return err
		case !isTerminal(a.in):
			return engine.Errorf(engine.KindInvalid, "retain", "nothing was removed: nobody is here to confirm").WithHint("add --yes, or --dry-run to see what would go")
		}
		a.notef("Remove %d snapshots for good (%d stay)? `--dry-run` lists them. [y/N] ", plan.Remove, plan.Keep)
		answer, _ := bufio.NewReader(a.in).ReadString('\n')
		if strings.ToLower(strings.TrimSpace(answer)) != "y" {
			a.notef("nothing was removed\n")
			return nil
		}
	}
	run, err := a.client().RetentionRun(ctx)
	if err != nil {
		return err
	}
	if !noWait {
		done := a.follow(ctx, retentionSteps(run.RunID))
		run, err = a.ended(ctx, run)
		done()
		if err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(run)
	}
	a.printf("%s\n", ranSo(run))
	for _, note := range run.Notes {
		a.notef("note: %s\n", note)
	}
	if run.Failure != "" {
		return coded{exitFailed}
	}
	return nil
}

// ended waits for the end of a run.
func (a *app) ended(ctx context.Context, run api.RetentionRun) (api.RetentionRun, error) {
	ticker := time.NewTicker(retainPoll)
	defer ticker.Stop()
	for {
		s, err := a.client().Retention(ctx)
		switch {
		case err != nil:
			return run, err
		case s.Last != nil && s.Last.RunID == run.RunID:
			return *s.Last, nil
		case s.Current == nil || s.Current.RunID != run.RunID:
			return run, engine.Errorf(engine.KindUnavailable, "retain", "the server does not know of the run any more").WithHint("it was started anew, perhaps; its next run goes on with what is left")
		}
		select {
		case <-ctx.Done():
			return run, ctx.Err()
		case <-ticker.C:
		}
	}
}

// retentionSteps reads the progress of one run.
func retentionSteps(id string) func(string, json.RawMessage) (step, bool) {
	return func(kind string, data json.RawMessage) (step, bool) {
		var r api.RetentionRun
		ok := kind == api.EventRetention && json.Unmarshal(data, &r) == nil && r.RunID == id
		return step{"removing", r.Removed + r.Spared, r.Planned}, ok
	}
}
