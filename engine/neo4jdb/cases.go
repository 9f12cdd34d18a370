package neo4jdb

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

var _ engine.CaseStore = (*Snapshots)(nil)

// OpenCase writes a new case with its snapshots.
func (s *Snapshots) OpenCase(ctx context.Context, l engine.Lease, c *engine.Case) error {
	p, err := caseProperties(c)
	if err != nil {
		return err
	}
	p["case_id"], p["open_source"] = c.ID, c.Source
	return s.committed(s.audited(ctx, &l, func(tx *tx, record func(engine.AuditEvent) error) error {
		open, err := tx.one(ctx, cypher.CasesOpenOf, map[string]any{"source": c.Source})
		if err != nil {
			return err
		}
		if open != nil {
			return engine.Errorf(engine.KindConflict, "open case", "the case %s of %q is open already", text(open, "id"), c.Source).
				WithHint("one incident is one case: `graphsnap cases show %s` shows it, `graphsnap cases close %s` ends it", text(open, "id"), text(open, "id"))
		}
		if _, err := getCase(ctx, tx, c.ID); err == nil || engine.KindOf(err) != engine.KindNotFound {
			if err == nil {
				err = engine.Errorf(engine.KindConflict, "open case", "there is a case %s already", c.ID)
			}
			return err
		}
		if err := tx.exec(ctx, cypher.CasesOpen, map[string]any{"properties": p}); err != nil {
			return err
		}
		trigger := ""
		for i := range c.Snapshots {
			if c.Snapshots[i].Role == engine.RoleTrigger {
				trigger = c.Snapshots[i].ID
			}
			if err := link(ctx, tx, c.ID, &c.Snapshots[i]); err != nil {
				return err
			}
		}
		if err := writeLinks(ctx, tx, c.ID, c.Snapshots); err != nil {
			return err
		}
		return record(event(ruleActor(c.Rule), engine.ActionCaseOpened, trigger, c.Source, nil, caseSaysOf(c)))
	}), "case opened")
}

// caseSays is what the audit trail says of a case.
type caseSays struct {
	CaseID    string          `json:"case_id"`
	State     string          `json:"state"`
	Severity  engine.Severity `json:"severity"`
	Rules     []string        `json:"rules"`
	Reason    string          `json:"reason,omitempty"`
	Onset     *time.Time      `json:"onset,omitempty"`
	Note      string          `json:"note,omitempty"`
	EndReason string          `json:"end_reason,omitempty"`
}

func caseSaysOf(c *engine.Case) *caseSays {
	return &caseSays{c.ID, c.State, c.Severity, append([]string{}, c.Rules...), c.Reason, momentOrNil(c.OnsetAt), c.Note, c.EndReason}
}

func (a *caseSays) equal(b *caseSays) bool {
	return a.State == b.State && a.Severity == b.Severity && slices.Equal(a.Rules, b.Rules) && a.Note == b.Note
}

// UpdateCase writes all fields but the snapshots. The audit trail hears of real changes only.
func (s *Snapshots) UpdateCase(ctx context.Context, l engine.Lease, c *engine.Case) error {
	p, err := caseProperties(c)
	if err != nil {
		return err
	}
	if c.State == engine.CaseEnded {
		p["open_source"] = nil
	}
	return s.committed(s.audited(ctx, &l, func(tx *tx, record func(engine.AuditEvent) error) error {
		was, err := openCase(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, cypher.CasesUpdate, map[string]any{"id": c.ID, "properties": p}); err != nil {
			return err
		}
		before, after := caseSaysOf(was), caseSaysOf(c)
		switch {
		case c.State == engine.CaseEnded:
			return record(event(ruleActor(c.Rule), engine.ActionCaseEnded, "", was.Source, before, after))
		case !before.equal(after):
			return record(event(ruleActor(c.Rule), engine.ActionCaseUpdated, "", was.Source, before, after))
		}
		return nil
	}), "case updated")
}

// openCase reads a case that must be open, under its lock.
func openCase(ctx context.Context, tx *tx, id string) (*engine.Case, error) {
	c, err := lockedCase(ctx, tx, id)
	if err == nil && c.State != engine.CaseOpen {
		err = engine.Errorf(engine.KindConflict, "case", "the case %s has ended: %s", id, c.EndReason).WithHint("an ended case stays as it is; the next incident opens a new one")
	}
	return c, err
}

func lockedCase(ctx context.Context, tx *tx, id string) (*engine.Case, error) {
	if err := tx.exec(ctx, cypher.CasesLock, map[string]any{"id": id}); err != nil {
		return nil, err
	}
	return getCase(ctx, tx, id)
}

// CloseCase ends a case in the name of a person.
func (s *Snapshots) CloseCase(ctx context.Context, id, actor, reason string, at time.Time) error {
	return s.audited(ctx, nil, func(tx *tx, record func(engine.AuditEvent) error) error {
		was, err := openCase(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, cypher.CasesUpdate, map[string]any{"id": id, "properties": map[string]any{
			"state": engine.CaseEnded, "ended_at": at.UTC(), "end_reason": reason, "open_source": nil,
		}}); err != nil {
			return err
		}
		now := *was
		now.State, now.EndReason = engine.CaseEnded, reason
		return record(event(actor, engine.ActionCaseEnded, "", was.Source, caseSaysOf(was), caseSaysOf(&now)))
	})
}

// LinkCase adds a published snapshot to a case.
func (s *Snapshots) LinkCase(ctx context.Context, caseID, snapshotID, role string) error {
	return s.committed(s.audited(ctx, nil, func(tx *tx, record func(engine.AuditEvent) error) error {
		c, err := lockedCase(ctx, tx, caseID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(c.Snapshots, func(x engine.CaseSnapshot) bool { return x.ID == snapshotID }) {
			return nil
		}
		x := engine.CaseSnapshot{ID: snapshotID, Role: role}
		if err := link(ctx, tx, caseID, &x); err != nil {
			return err
		}
		if err := writeLinks(ctx, tx, caseID, append(c.Snapshots, x)); err != nil {
			return err
		}
		return record(event(ruleActor(c.Rule), engine.ActionCaseUpdated, snapshotID, c.Source, nil, map[string]string{"case_id": caseID, "snapshot_id": snapshotID, "role": role}))
	}), "case linked")
}

// link joins a case and a snapshot, and fills in the snapshot's moment.
func link(ctx context.Context, tx *tx, caseID string, x *engine.CaseSnapshot) error {
	row, err := tx.one(ctx, cypher.CasesLink, map[string]any{"id": caseID, "snapshot_id": x.ID, "role": x.Role})
	if err != nil {
		return err
	}
	if row == nil {
		return engine.Errorf(engine.KindNotFound, "case", "there is no snapshot %q to put into the case %s", x.ID, caseID)
	}
	x.At = moment(row, "at").UTC()
	return nil
}

// writeLinks keeps which snapshots a case has, also beyond their deletion.
func writeLinks(ctx context.Context, tx *tx, caseID string, list []engine.CaseSnapshot) error {
	ids, roles, times := make([]string, len(list)), make([]string, len(list)), make([]any, len(list))
	for i, x := range list {
		ids[i], roles[i], times[i] = x.ID, x.Role, x.At.UTC()
	}
	return tx.exec(ctx, cypher.CasesUpdate, map[string]any{"id": caseID, "properties": map[string]any{
		"snapshot_ids": ids, "snapshot_roles": roles, "snapshot_times": times,
	}})
}

// Cases gives one page, newest first, without points.
func (s *Snapshots) Cases(ctx context.Context, f engine.CaseFilter) ([]engine.Case, string, error) {
	before, beforeID, err := decodeCaseCursor(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	var rows []engine.Case
	err = s.read(ctx, func(tx *tx) error {
		rows = nil
		return tx.each(ctx, cypher.CasesList, map[string]any{
			"source": orNull(f.Source), "state": orNull(f.State), "severity": orNull(string(f.Severity)), "since": momentOrNull(f.Since),
			"until": momentOrNull(f.Until), "before": before, "before_id": beforeID, "limit": limit + 1,
		}, func(r *neo4j.Record) error {
			c, err := caseOf(r)
			rows = append(rows, c)
			return err
		})
	})
	if err != nil || len(rows) <= limit {
		return rows, "", err
	}
	rows = rows[:limit]
	last := rows[limit-1]
	return rows, base64.RawURLEncoding.EncodeToString([]byte("c1 " + last.OpenedAt.Format(time.RFC3339Nano) + " " + last.ID)), nil
}

func decodeCaseCursor(cursor string) (time.Time, string, error) {
	if cursor == "" {
		return farFuture, "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.Split(string(raw), " ")
	var at time.Time
	if err == nil && len(parts) == 3 && parts[0] == "c1" {
		at, err = time.Parse(time.RFC3339Nano, parts[1])
	}
	if err != nil || at.IsZero() {
		return at, "", engine.Errorf(engine.KindInvalid, "cases", "the cursor is not one of ours").
			WithHint("pass next_cursor of the page before unchanged, or leave it out to begin again")
	}
	return at, parts[2], nil
}

// Case gives one case in full.
func (s *Snapshots) Case(ctx context.Context, id string) (*engine.Case, error) {
	var c *engine.Case
	err := s.read(ctx, func(tx *tx) (err error) {
		c, err = getCase(ctx, tx, id)
		return err
	})
	return c, err
}

func getCase(ctx context.Context, tx *tx, id string) (*engine.Case, error) {
	row, err := tx.one(ctx, cypher.CasesGet, map[string]any{"id": id})
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, engine.Errorf(engine.KindNotFound, "case", "there is no case %q", id).WithHint("`graphsnap cases` lists them")
	}
	c, err := caseOf(row)
	return &c, err
}

// caseProperties gives the properties of a :Case node that change with it; null takes one away.
func caseProperties(c *engine.Case) (map[string]any, error) {
	points, err := encodePoints(engine.ThinPoints(c.Points, engine.MaxCasePoints))
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"source": c.Source, "firing_id": c.FiringID, "title": c.Title, "state": c.State, "severity": string(c.Severity), "rule": c.Rule,
		"rules": append([]string{}, c.Rules...), "reason": c.Reason, "metric": c.Metric, "key": c.Key, "threshold": floatOrNull(c.Threshold),
		"opened_at": c.OpenedAt.UTC(), "onset_at": momentOrNull(c.OnsetAt), "peak_at": momentOrNull(c.PeakAt), "peak_value": floatOrNull(c.PeakValue),
		"met_at": momentOrNull(c.MetAt), "ended_at": momentOrNull(c.EndedAt), "end_reason": orNull(c.EndReason), "note": orNull(c.Note),
		"affected": append([]string{}, c.Affected...), "points": points,
	}, nil
}

func caseOf(r *neo4j.Record) (engine.Case, error) {
	p := properties(r, "properties")
	w := stored(p)
	list, _ := r.Get("there")
	there := texts(list)
	c := engine.Case{
		ID: w.word("case_id"), Source: w.word("source"), FiringID: w.word("firing_id"), Title: w.word("title"), State: w.word("state"),
		Severity: engine.Severity(w.word("severity")), Rule: w.word("rule"), Rules: texts(p["rules"]), Reason: w.word("reason"),
		Metric: w.word("metric"), Key: w.word("key"), Threshold: w.float("threshold"), OpenedAt: w.at("opened_at"), OnsetAt: w.at("onset_at"), PeakAt: w.at("peak_at"),
		PeakValue: w.float("peak_value"), MetAt: w.at("met_at"), EndedAt: w.at("ended_at"), EndReason: w.word("end_reason"), Note: w.word("note"),
		Affected: texts(p["affected"]),
	}
	ids, roles := texts(p["snapshot_ids"]), texts(p["snapshot_roles"])
	times, _ := p["snapshot_times"].([]any)
	if len(roles) != len(ids) || len(times) != len(ids) {
		return c, engine.Errorf(engine.KindInternal, "case", "the snapshots of the case %s cannot be read", c.ID)
	}
	for i, id := range ids {
		at, _ := times[i].(time.Time)
		c.Snapshots = append(c.Snapshots, engine.CaseSnapshot{ID: id, Role: roles[i], At: at.UTC(), Exists: slices.Contains(there, id)})
	}
	slices.SortStableFunc(c.Snapshots, func(a, b engine.CaseSnapshot) int { return a.At.Compare(b.At) })
	var err error
	c.Points, err = decodePoints(w.word("points"))
	return c, err
}

// Points are one text, a list a point: [unix ms, value, qps, latency, error rate, bottlenecks, rank of the severity].
func encodePoints(points []engine.CasePoint) (string, error) {
	rows := make([][7]any, len(points))
	for i, p := range points {
		rows[i] = [7]any{p.At.UnixMilli(), short(p.Value), short(p.TotalQPS), short(p.AvgLatencyMS), short(p.ErrorRate), p.Bottlenecks, p.Severity.Rank()}
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		return "", engine.Errorf(engine.KindInternal, "case", "the points of a case cannot be written").WithCause(err)
	}
	return string(raw), nil
}

// short gives nil for what JSON has no number for.
func short(v *float64) *float64 {
	if v == nil || *v-*v != 0 {
		return nil
	}
	return v
}

func decodePoints(text string) ([]engine.CasePoint, error) {
	if text == "" {
		return nil, nil
	}
	var rows [][7]*float64
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, engine.Errorf(engine.KindInternal, "case", "the points of a case cannot be read").WithCause(err)
	}
	severities := []engine.Severity{"", engine.SeverityLow, engine.SeverityMedium, engine.SeverityHigh, engine.SeverityCritical}
	points := make([]engine.CasePoint, len(rows))
	for i, r := range rows {
		p := engine.CasePoint{Value: r[1], TotalQPS: r[2], AvgLatencyMS: r[3], ErrorRate: r[4]}
		if r[0] != nil {
			p.At = time.UnixMilli(int64(*r[0])).UTC()
		}
		if r[5] != nil {
			p.Bottlenecks = int(*r[5])
		}
		if r[6] != nil && int(*r[6]) >= 0 && int(*r[6]) < len(severities) {
			p.Severity = severities[int(*r[6])]
		}
		points[i] = p
	}
	return points, nil
}
