package engine

import (
	"context"
	"strconv"
	"time"
)

// The actions of the audit trail.
const (
	ActionPublished = "snapshot.published"
	ActionImported  = "snapshot.imported"
	ActionDeleted   = "snapshot.deleted"
	ActionPinned    = "snapshot.pinned"
	ActionUnpinned  = "snapshot.unpinned"

	ActionRuleFired      = "rule.fired"
	ActionRuleSuppressed = "rule.suppressed"

	ActionCaseOpened  = "case.opened"
	ActionCaseUpdated = "case.updated" // severity, rules, note or snapshots; not for every point
	ActionCaseEnded   = "case.ended"

	ActionDeploymentStarted  = "deployment.started"
	ActionDeploymentFinished = "deployment.finished"
)

// AuditEvent is one entry of the audit trail. It is written in the same transaction as the change, and each commits to
// the one before, so that none can be changed or taken out unseen.
type AuditEvent struct {
	No           int64 // from 1, without gaps
	At           time.Time
	Actor        string // who did it; "" where nobody said
	Action       string
	SnapshotID   string
	Source       string
	Before       string // JSON of what was; "" where there was nothing
	After        string // JSON of what is; "" where nothing is left
	PreviousHash string
	Hash         string
}

// Sign gives the hash of an event: SHA-256 over the earlier hash and all that it says, hex.
func (e *AuditEvent) Sign() string {
	return HashTexts(e.PreviousHash, strconv.FormatInt(e.No, 10), e.At.UTC().Format(time.RFC3339Nano), e.Actor, e.Action, e.SnapshotID, e.Source, e.Before, e.After)
}

// SealedSnapshot is what Before and After of the audit trail say of a snapshot, as JSON.
type SealedSnapshot struct {
	Timestamp    time.Time `json:"timestamp"`
	Seq          int64     `json:"seq"`
	RootHash     string    `json:"root_hash"`
	HeaderHash   string    `json:"header_hash"`
	ChainHash    string    `json:"chain_hash"`
	PreviousHash string    `json:"previous_chain_hash,omitempty"`
	Reason       string    `json:"reason,omitempty"` // of a deletion
	Pin          *Pin      `json:"pin,omitempty"`    // that the deletion took along
}

// AuditFilter selects audit events. Zero values select everything.
type AuditFilter struct {
	From       int64 // the first number
	SnapshotID string
	Source     string
	Action     string
	Limit      int // 1-1000; 0 means 50
}

// Audit gives a page of the audit trail in writing order; the next page begins at the last number plus one. Kinds: invalid.
func (e *Engine) Audit(ctx context.Context, f AuditFilter) ([]AuditEvent, error) {
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	if f.Limit < 1 || f.Limit > maxPage || f.From < 0 {
		return nil, Errorf(KindInvalid, "audit", "limit %d or first number %d is out of range", f.Limit, f.From).WithHint("ask for 1 to %d events a page, from number 1 on", maxPage)
	}
	return e.store.Audit(ctx, f)
}

// VerifyAudit holds the audit trail, the chain of snapshots and the timelines to each other, without reading what the
// snapshots contain. It changes nothing. Kinds: unavailable.
func (e *Engine) VerifyAudit(ctx context.Context) (*VerifyReport, error) {
	r := &VerifyReport{Findings: []Finding{}}
	if _, _, err := e.verifyTrail(ctx, r); err != nil {
		return nil, err
	}
	return r, nil
}
