package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/neo4jdb"
	"graphsnap/engine/notify"
	"graphsnap/engine/trigger"
)

// deciding is all that captures and removes without being asked: the recorder hands frames to the runner, the runner's
// firings go to the responder, the retainer removes, webhooks are told.
type deciding struct {
	log       *slog.Logger
	clock     engine.Clock
	engine    *engine.Engine
	recorder  *engine.Recorder
	responder *engine.Responder
	runner    *trigger.Runner
	retainer  *engine.Retainer

	webhooks    []*notify.Webhook
	unsubscribe []func()
}

// openDeciding wires and starts these parts. Kinds: invalid.
func openDeciding(ctx context.Context, c configs.Config, e *engine.Engine, store *neo4jdb.Snapshots, log *slog.Logger) (*deciding, error) {
	d := &deciding{log: log, clock: engine.SystemClock{}, engine: e}
	keep, memory := time.Duration(c.Recorder.Length), c.Recorder.MemoryMB<<20/max(1, len(c.Sources))
	if keep == 0 {
		keep = -1 // switched off, but rules still need each frame once
	}
	d.recorder = engine.NewRecorder(engine.RecorderOptions{Engine: e, Clock: d.clock, Logger: log, Keep: keep, MaxBytes: memory})
	d.responder = engine.NewResponder(engine.ResponderOptions{
		Engine: e, Cases: store, Frames: d.recorder, Clock: d.clock, Logger: log, Value: trigger.ValueOf, SkipUnchanged: d.skipsUnchanged,
		FollowUps: []time.Duration{time.Duration(c.Recorder.FollowUpEvery)}, Every: time.Duration(c.Recorder.FollowUpEvery), Recovery: time.Duration(c.Recorder.Recovery),
		MaxFrames: c.Recorder.Before, Limit: time.Duration(c.Recorder.Limit), MaxSnapshots: c.Recorder.Before + c.Recorder.FollowUps + 2,
	})
	var err error
	if d.runner, err = trigger.NewRunner(c.Triggers(), trigger.Options{Store: store, Clock: d.clock, Logger: log, Replica: replicaName(), Respond: d.responder.Respond, Observe: d.observe}); err != nil {
		return nil, err
	}
	d.recorder.OnFrame(d.runner.Frame)
	if d.retainer, err = engine.NewRetainer(engine.RetainerOptions{Engine: e, Leases: store, Policy: retentionPolicy(c), Clock: d.clock, Logger: log}); err != nil {
		return nil, err
	}
	if err := d.setWebhooks(ctx, c.Webhooks); err != nil {
		return nil, err
	}
	for _, open := range []func(context.Context) error{d.runner.Open, d.recorder.Open, d.retainer.Open} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, d.close(ctx))
		}
	}
	return d, nil
}

// replicaName names this process among others that use the same databases.
func replicaName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%.8s", host, os.Getpid(), uuid.NewString())
}

func (d *deciding) observe(ctx context.Context, l engine.Lease, f *engine.Frame, met []engine.Firing) {
	if err := d.responder.Observe(ctx, l, f, met); err != nil && ctx.Err() == nil {
		d.log.Warn("a case could not be carried on, it will be with the next frame", "source", f.Source, "err", err, "hint", engine.HintOf(err))
	}
}

func (d *deciding) skipsUnchanged(rule string) bool {
	r, ok := d.runner.Rules().Rule(rule)
	return ok && r.Schedule != nil && r.Schedule.SkipUnchanged
}

// apply takes over a changed configuration.
func (d *deciding) apply(ctx context.Context, old, now configs.Config) error {
	errs := []error{d.runner.SetRules(now.Triggers()), d.engine.SetTemplates(templates(now)), d.retainer.SetPolicy(retentionPolicy(now))}
	if !reflect.DeepEqual(old.Webhooks, now.Webhooks) {
		errs = append(errs, d.setWebhooks(ctx, now.Webhooks))
	}
	return errors.Join(errs...)
}

// setWebhooks starts the configured webhooks and then ends those that ran before. Kinds: invalid, denied.
func (d *deciding) setWebhooks(ctx context.Context, list []configs.Webhook) error {
	var hooks []*notify.Webhook
	for _, c := range list {
		secret, err := c.ReadSecret()
		if err != nil {
			return err
		}
		w, err := notify.New(notify.Options{URL: string(c.URL), Secret: secret, Sources: c.Sources, Clock: d.clock, Logger: d.log})
		if err != nil {
			return fmt.Errorf("webhook %s: %w", c.Label(), err)
		}
		hooks = append(hooks, w)
	}
	before, stops := d.webhooks, d.unsubscribe
	d.webhooks, d.unsubscribe = hooks, nil
	for i, w := range hooks {
		if err := w.Open(ctx); err != nil {
			return err
		}
		events := list[i].Events
		d.unsubscribe = append(d.unsubscribe, d.engine.Events.Subscribe(func(ev engine.Event) {
			if wanted(events, ev) {
				w.Handle(ev)
			}
		}))
	}
	return endWebhooks(ctx, before, stops)
}

func endWebhooks(ctx context.Context, list []*notify.Webhook, stops []func()) error {
	for _, stop := range stops {
		stop()
	}
	var errs []error
	for _, w := range list {
		errs = append(errs, w.Close(ctx))
	}
	return errors.Join(errs...)
}

// wanted reports whether a webhook that names some kinds of events is told of one; where it names none, of cases.
func wanted(kinds []string, ev engine.Event) bool {
	kind := ""
	switch {
	case ev.Case != nil:
		kind = "case." + ev.Case.Change
	case ev.Fired != nil:
		kind = "firing." + ev.Fired.State
	}
	if len(kinds) == 0 {
		return strings.HasPrefix(kind, "case.")
	}
	return slices.Contains(kinds, kind)
}

// close stops in the opposite order of the way of a frame.
func (d *deciding) close(ctx context.Context) error {
	return errors.Join(d.retainer.Close(ctx), d.recorder.Close(ctx), d.runner.Close(ctx), endWebhooks(ctx, d.webhooks, d.unsubscribe))
}

// Leads tells whether this replica decides.
func (d *deciding) Leads() bool { return d.runner.Leads() }

// Statuses tells what each rule does.
func (d *deciding) Statuses() []engine.RuleStatus { return d.runner.Statuses() }

// errStopReplay ends a replay whose caller wants no more frames.
var errStopReplay = errors.New("no more frames are wanted")

// Replay runs the rules in force over stored frames.
func (d *deciding) Replay(_ context.Context, frames func(f func(*engine.Frame) error) error) ([]engine.RuleReplay, error) {
	var failure error
	sequence := iter.Seq2[*engine.Frame, error](func(yield func(*engine.Frame, error) bool) {
		failure = frames(func(f *engine.Frame) error {
			if !yield(f, nil) {
				return errStopReplay
			}
			return nil
		})
	})
	report, err := trigger.Replay(d.runner.Rules(), sequence)
	if failure != nil && !errors.Is(failure, errStopReplay) {
		return nil, failure
	}
	if err != nil {
		return nil, err
	}
	list := []engine.RuleReplay{}
	for _, r := range report.Rules {
		note := r.Note
		if r.More > 0 {
			note = strings.TrimSpace(fmt.Sprintf("%d more firings are not listed. %s", r.More, note))
		}
		list = append(list, engine.RuleReplay{
			Rule: r.Rule, Kind: r.Kind, Source: strings.Join(report.Sources, ", "), Text: r.Text, Frames: report.Frames, Firings: r.Firings, Suppressions: r.Suppressions, Note: note,
		})
	}
	return list, nil
}

// retentionPolicy is the policy of a configuration.
func retentionPolicy(c configs.Config) engine.RetentionPolicy {
	r := c.Retention
	p := engine.RetentionPolicy{
		Classes: map[string]engine.Retention{}, KeepLast: r.KeepLast, KeepHourly: r.KeepHourly, KeepDaily: r.KeepDaily, KeepWeekly: r.KeepWeekly,
		KeepMonthly: r.KeepMonthly, KeepYearly: r.KeepYearly, KeepWithin: engine.Retention(r.KeepWithin), MaxSnapshots: r.MaxSnapshots, Zone: c.Zone,
	}
	if p.Zone == "" || p.Zone == "local" {
		p.Zone = time.Local.String()
		if p.Zone == "Local" {
			p.Zone = "UTC" // the machine does not say what its zone is called
		}
	}
	for class, span := range r.Spans() {
		p.Classes[class] = engine.Retention(span)
	}
	return p
}

// templates are the named scopes of a configuration.
func templates(c configs.Config) []engine.Template {
	var list []engine.Template
	for name, t := range c.Templates {
		list = append(list, engine.Template{
			Name: name, Description: t.Description, Sources: t.Sources, Labels: t.Labels, RelationshipTypes: t.RelationshipTypes, Keys: t.Keys,
			Properties: t.Properties, Tags: t.Tags, Retention: t.Retention,
		})
	}
	slices.SortFunc(list, func(a, b engine.Template) int { return strings.Compare(a.Name, b.Name) })
	return list
}
