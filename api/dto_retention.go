package api

import (
	"time"

	"graphsnap/engine"
)

// Pin keeps a snapshot from retention.
type Pin struct {
	Actor string    `json:"actor" doc:"Who pinned it, as far as somebody said so"`
	Note  string    `json:"note" doc:"Why"`
	At    time.Time `json:"at"`
}

// PinRequest pins a snapshot.
type PinRequest struct {
	Note string `json:"note,omitempty" maxLength:"2000" doc:"Why it is kept"`
}

// RetentionStatus is what retention does, by which policy.
type RetentionStatus struct {
	Enabled bool                   `json:"enabled" doc:"Whether this server removes anything by itself"`
	Policy  engine.RetentionPolicy `json:"policy"`
	Current *RetentionRun          `json:"current" doc:"The run that is under way; null where there is none"`
	Last    *RetentionRun          `json:"last" doc:"The last run of this server that is over"`
	NextAt  *time.Time             `json:"next_at"`
}

// RetentionRun is one run of retention.
type RetentionRun struct {
	RunID      string     `json:"run_id"`
	Actor      string     `json:"actor" doc:"Who asked; retention for the hourly ones"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at" doc:"null while it is under way"`
	Planned    int        `json:"planned" doc:"Snapshots to remove in this run"`
	Removed    int        `json:"removed"`
	Spared     int        `json:"spared" doc:"Pinned, taken into a case or gone since it was planned"`
	Left       int        `json:"left" doc:"What the next run takes"`
	Current    string     `json:"current" doc:"The snapshot that is being removed"`
	Failure    string     `json:"failure" doc:"Why it ended early; empty where it did not"`
	Notes      []string   `json:"notes" nullable:"false"`
}

// RetentionPlanRequest asks what a policy means; nothing is removed.
type RetentionPlanRequest struct {
	Policy *engine.RetentionPolicy `json:"policy,omitempty" doc:"A policy to try; the one of the server where it is missing"`
	Source string                  `json:"source,omitempty" maxLength:"200" doc:"Decisions of this source only; the maximum counts all of them"`
	Only   string                  `json:"only,omitempty" enum:"keep,remove," doc:"Which decisions are listed; both where it is missing"`
	Offset int                     `json:"offset,omitempty" minimum:"0" doc:"next_offset of the page before"`
	Limit  int                     `json:"limit,omitempty" minimum:"0" maximum:"1000" doc:"100 where it is missing"`
}

// RetentionPlan is what a policy means for the snapshots, newest first.
type RetentionPlan struct {
	Policy     engine.RetentionPolicy `json:"policy"`
	At         time.Time              `json:"at" doc:"The moment that ages are counted from"`
	Keep       int                    `json:"keep" doc:"On all pages"`
	Remove     int                    `json:"remove"`
	Notes      []string               `json:"notes" nullable:"false" doc:"What the policy cannot do, or says of nothing"`
	Decisions  []RetentionDecision    `json:"decisions" nullable:"false"`
	NextOffset *int                   `json:"next_offset" doc:"null on the last page"`
}

// RetentionDecision says what becomes of one snapshot, and why.
type RetentionDecision struct {
	SnapshotID string    `json:"snapshot_id"`
	Source     string    `json:"source"`
	Timestamp  time.Time `json:"timestamp"`
	Class      string    `json:"class" doc:"Retention class: of the capture, else of its trigger"`
	Remove     bool      `json:"remove"`
	Protected  bool      `json:"protected" doc:"No policy removes it"`
	Reasons    []string  `json:"reasons" nullable:"false"`
}

// Templates lists the templates, by name.
type Templates struct {
	Templates []engine.Template `json:"templates" nullable:"false"`
}

// TemplatePreview is what a template would capture now.
type TemplatePreview struct {
	Template          engine.Template        `json:"template"`
	Source            string                 `json:"source"`
	Nodes             ScopedCount            `json:"nodes"`
	Relationships     ScopedCount            `json:"relationships"`
	Labels            map[string]ScopedCount `json:"labels" doc:"Nodes by type"`
	RelationshipTypes map[string]ScopedCount `json:"relationship_types"`
	Warnings          []string               `json:"warnings" nullable:"false" doc:"Entries of the template that match nothing"`
}

// ScopedCount counts elements of the live graph and those of them that are captured.
type ScopedCount struct {
	Live     int `json:"live"`
	Captured int `json:"captured"`
}

func pinOf(p *engine.Pin) *Pin {
	if p == nil {
		return nil
	}
	return &Pin{p.Actor, p.Note, p.At.UTC()}
}

func runOf(r *engine.RetentionRun) *RetentionRun {
	if r == nil {
		return nil
	}
	return &RetentionRun{r.ID, r.Actor, r.StartedAt, moment(r.FinishedAt), r.Planned, r.Removed, r.Spared, r.Left, r.Current, r.Failure, orEmpty(r.Notes)}
}

func previewOf(t *engine.Template, p *engine.TemplatePreview) TemplatePreview {
	counts := func(m map[string]engine.Scoped) map[string]ScopedCount {
		out := make(map[string]ScopedCount, len(m))
		for name, c := range m {
			out[name] = ScopedCount{c.Live, c.Kept}
		}
		return out
	}
	return TemplatePreview{
		Template: *t, Source: p.Source, Nodes: ScopedCount{p.Nodes, p.KeptNodes}, Relationships: ScopedCount{p.Relationships, p.KeptRelationships},
		Labels: counts(p.Labels), RelationshipTypes: counts(p.RelationshipTypes), Warnings: orEmpty(p.Warnings),
	}
}
