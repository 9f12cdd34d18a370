package neo4jdb

import (
	"context"
	"encoding/json"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

var _ engine.RuleStore = (*Snapshots)(nil)

// maxMemory bounds what one rule may remember, bytes.
const maxMemory = 64 << 10

// AcquireLease takes a free lease or renews one's own.
func (s *Snapshots) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (l engine.Lease, held bool, err error) {
	if name == "" || holder == "" || ttl <= 0 {
		return l, false, engine.Errorf(engine.KindInvalid, "lease", "a lease needs a name, a holder and a time to live")
	}
	err = s.write(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.RulesAcquire, map[string]any{"name": name, "holder": holder, "ttl_ms": ttl.Milliseconds()})
		if err == nil {
			l = engine.Lease{Name: name, Holder: text(row, "holder"), Token: integer(row, "token"), Until: moment(row, "expires_at").UTC()}
		}
		return err
	})
	return l, err == nil && l.Holder == holder, err
}

// ReleaseLease gives a lease back early.
func (s *Snapshots) ReleaseLease(ctx context.Context, l engine.Lease) error {
	given := false
	return s.write(ctx, func(tx *tx) error {
		held, err := fence(ctx, tx, l)
		switch {
		case err != nil:
			return err
		case !held && given: // by an earlier attempt whose answer was lost
			return nil
		case !held:
			return passedOn(l)
		}
		given = true
		return tx.exec(ctx, cypher.RulesRelease, map[string]any{"name": l.Name})
	})
}

// fence holds a lease until the transaction ends; held is false where it is no longer l.
func fence(ctx context.Context, tx *tx, l engine.Lease) (held bool, err error) {
	row, err := tx.one(ctx, cypher.RulesFence, map[string]any{"name": l.Name, "holder": l.Holder, "token": l.Token})
	return row != nil, err
}

func passedOn(l engine.Lease) error {
	return engine.Errorf(engine.KindConflict, "lease", "the lease %q has passed to another replica or ran out, so nothing was changed", l.Name).
		WithHint("nothing to do: the replica that has it goes on; if this repeats with one replica only, this machine sleeps or the snapshot database is too slow")
}

// fenced runs f in one transaction that holds a lease. f may be repeated.
func (s *Snapshots) fenced(ctx context.Context, l engine.Lease, f func(*tx) error) error {
	return s.write(ctx, func(tx *tx) error {
		held, err := fence(ctx, tx, l)
		if err == nil && !held {
			err = passedOn(l)
		}
		if err != nil {
			return err
		}
		return f(tx)
	})
}

// audited runs change in one transaction under the chain's lock, and under a lease where one is given. record appends to
// the audit trail. Where the answer to the commit was lost, the trail tells whether it happened. Locks are taken in the order
// lease, chain, all else.
func (s *Snapshots) audited(ctx context.Context, l *engine.Lease, change func(tx *tx, record func(engine.AuditEvent) error) error) error {
	var last engine.AuditEvent // of an earlier attempt
	return s.write(ctx, func(tx *tx) error {
		held := true
		var err error
		if l != nil {
			if held, err = fence(ctx, tx, *l); err != nil {
				return err
			}
		}
		chain, err := lockChain(ctx, tx)
		if err != nil {
			return err
		}
		if last.No > 0 {
			row, err := tx.one(ctx, cypher.AuditList, map[string]any{"from": last.No, "id": nil, "source": nil, "action": nil, "limit": 1})
			if err != nil || (row != nil && properties(row, "properties")["hash"] == last.Hash) {
				return err
			}
		}
		if !held {
			return passedOn(*l)
		}
		return change(tx, func(e engine.AuditEvent) error {
			last, err = chain.record(ctx, tx, e)
			return err
		})
	})
}

// Memories gives what all rules remember.
func (s *Snapshots) Memories(ctx context.Context) ([]engine.RuleMemory, error) {
	var list []engine.RuleMemory
	err := s.read(ctx, func(tx *tx) error {
		list = nil
		return tx.each(ctx, cypher.RulesMemories, nil, func(r *neo4j.Record) error {
			v, _ := r.Get("data")
			data, _ := v.([]byte)
			list = append(list, engine.RuleMemory{Rule: text(r, "rule"), Source: text(r, "source"), Data: data, At: moment(r, "at").UTC()})
			return nil
		})
	})
	return list, err
}

// Remember writes what rules must not forget.
func (s *Snapshots) Remember(ctx context.Context, l engine.Lease, m []engine.RuleMemory) error {
	rows, err := memoryRows(m)
	if err != nil {
		return err
	}
	return s.fenced(ctx, l, func(tx *tx) error {
		return tx.exec(ctx, cypher.RulesRemember, map[string]any{"rows": rows})
	})
}

func memoryRows(memories []engine.RuleMemory) ([]any, error) {
	rows := make([]any, len(memories))
	for i, m := range memories {
		if len(m.Data) > maxMemory {
			return nil, engine.Errorf(engine.KindExhausted, "remember", "rule %q wants to remember %d bytes of %q", m.Rule, len(m.Data), m.Source).
				WithHint("at most %d bytes are kept; shorten the rule's window", maxMemory)
		}
		rows[i] = []any{m.Rule, m.Source, m.Data, momentOrNull(m.At)}
	}
	return rows, nil
}

// Fire writes down a pending firing.
func (s *Snapshots) Fire(ctx context.Context, l engine.Lease, f engine.Firing, m engine.RuleMemory) error {
	f.State = engine.FiringPending
	rows, err := memoryRows([]engine.RuleMemory{m})
	if err != nil {
		return err
	}
	what := firedEvent{f.ID, f.Rule, f.Kind, f.Reason, f.Severity, f.Metric, f.Key, f.Value, f.Threshold, momentOrNil(f.Onset)}
	err = s.audited(ctx, &l, func(tx *tx, record func(engine.AuditEvent) error) error {
		known, err := tx.one(ctx, cypher.RulesFiring, map[string]any{"id": f.ID})
		if err != nil {
			return err
		}
		if known != nil {
			return engine.Errorf(engine.KindConflict, "fire", "the firing %q of rule %q is written down already", f.ID, f.Rule)
		}
		if err := tx.exec(ctx, cypher.RulesFire, map[string]any{"properties": firingProperties(f)}); err != nil {
			return err
		}
		if err := tx.exec(ctx, cypher.RulesRemember, map[string]any{"rows": rows}); err != nil {
			return err
		}
		return record(event(ruleActor(f.Rule), engine.ActionRuleFired, "", f.Source, nil, what))
	})
	return s.committed(err, "fired")
}

// committed passes the outcome of a write on, and names the place behind it to the tests.
func (s *Snapshots) committed(err error, place string) error {
	if err == nil {
		s.mayCrash(place)
	}
	return err
}

// firedEvent is what the audit trail says of a firing.
type firedEvent struct {
	FiringID  string          `json:"firing_id"`
	Rule      string          `json:"rule"`
	Kind      string          `json:"kind"`
	Reason    string          `json:"reason"`
	Severity  engine.Severity `json:"severity,omitempty"`
	Metric    string          `json:"metric,omitempty"`
	Key       string          `json:"key,omitempty"`
	Value     *float64        `json:"value,omitempty"`
	Threshold *float64        `json:"threshold,omitempty"`
	Onset     *time.Time      `json:"onset,omitempty"`
}

func ruleActor(rule string) string { return "rule " + rule }

func momentOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// event gives an audit event whose before and after are written as JSON; nil leaves them empty.
func event(actor, action, snapshotID, source string, before, after any) engine.AuditEvent {
	e := engine.AuditEvent{Actor: actor, Action: action, SnapshotID: snapshotID, Source: source}
	for into, what := range map[*string]any{&e.Before: before, &e.After: after} {
		if what == nil {
			continue
		}
		raw, err := json.Marshal(what)
		if err != nil { // a number that JSON has no form for
			raw, _ = json.Marshal(map[string]string{"unreadable": err.Error()})
		}
		*into = string(raw)
	}
	return e
}

// FinishFiring says how a firing ended.
func (s *Snapshots) FinishFiring(ctx context.Context, l engine.Lease, f engine.Firing) error {
	return s.committed(s.fenced(ctx, l, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.RulesFinish, map[string]any{"id": f.ID, "state": f.State, "snapshot_id": f.SnapshotID, "failure": f.Failure})
		if err == nil && row == nil {
			err = engine.Errorf(engine.KindNotFound, "finish firing", "there is no firing %q", f.ID)
		}
		return err
	}), "firing finished")
}

// Suppress writes the audit events of rules that were met and did not fire.
func (s *Snapshots) Suppress(ctx context.Context, l engine.Lease, list []engine.Suppression) error {
	if len(list) == 0 {
		return nil
	}
	return s.audited(ctx, &l, func(_ *tx, record func(engine.AuditEvent) error) error {
		for _, x := range list {
			after := map[string]any{"rule": x.Rule, "reason": x.Reason, "at": x.At.UTC()}
			if err := record(event(ruleActor(x.Rule), engine.ActionRuleSuppressed, "", x.Source, nil, after)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Firings gives firings, newest first.
func (s *Snapshots) Firings(ctx context.Context, source string, pending bool, limit int) ([]engine.Firing, error) {
	statement := cypher.RulesFirings
	if pending {
		statement = cypher.RulesPending
	}
	var list []engine.Firing
	err := s.read(ctx, func(tx *tx) error {
		list = nil
		return tx.each(ctx, statement, map[string]any{"source": orNull(source), "limit": limit}, func(r *neo4j.Record) error {
			list = append(list, firingOf(properties(r, "properties")))
			return nil
		})
	})
	return list, err
}

// firingProperties gives the properties of a :Firing node; null leaves out.
func firingProperties(f engine.Firing) map[string]any {
	p := map[string]any{
		"firing_id": f.ID, "rule": f.Rule, "kind": f.Kind, "source": f.Source, "at": f.At.UTC(), "trigger_type": string(f.Trigger),
		"reason": f.Reason, "severity": string(f.Severity), "metric": f.Metric, "key": f.Key, "onset": momentOrNull(f.Onset),
		"affected": append([]string{}, f.Affected...), "case": f.Case, "template": f.Template, "description": f.Description,
		"tags": append([]string{}, f.Tags...), "retention": f.Retention, "state": f.State, "snapshot_id": f.SnapshotID, "failure": f.Failure,
		"value": floatOrNull(f.Value), "threshold": floatOrNull(f.Threshold),
	}
	if f.State == engine.FiringPending {
		p["pending"] = true
	}
	return p
}

func floatOrNull(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

func firingOf(p engine.Properties) engine.Firing {
	r := stored(p)
	return engine.Firing{
		ID: r.word("firing_id"), Rule: r.word("rule"), Kind: r.word("kind"), Source: r.word("source"), At: r.at("at"),
		Trigger: engine.TriggerType(r.word("trigger_type")), Reason: r.word("reason"), Severity: engine.Severity(r.word("severity")),
		Metric: r.word("metric"), Key: r.word("key"), Value: r.float("value"), Threshold: r.float("threshold"), Onset: r.at("onset"),
		Affected: texts(p["affected"]), Case: p["case"] == true, Template: r.word("template"), Description: r.word("description"),
		Tags: texts(p["tags"]), Retention: r.word("retention"), State: r.word("state"), SnapshotID: r.word("snapshot_id"), Failure: r.word("failure"),
	}
}
