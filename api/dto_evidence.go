package api

import "time"

// AuditEvent is one entry of the audit trail. Its hash is SHA-256 over the entry and the hash before it.
type AuditEvent struct {
	No           int64     `json:"no" doc:"From 1, without gaps"`
	At           time.Time `json:"at"`
	Actor        string    `json:"actor" doc:"Who did it, as far as somebody said so"`
	Action       string    `json:"action" example:"snapshot.published"`
	SnapshotID   string    `json:"snapshot_id"`
	Source       string    `json:"source"`
	Before       string    `json:"before" doc:"What was, as the JSON text that is hashed; empty where there was nothing"`
	After        string    `json:"after" doc:"What is, as the JSON text that is hashed; empty where nothing is left"`
	PreviousHash string    `json:"previous_hash"`
	Hash         string    `json:"hash"`
}

// AuditPage is a page of the audit trail in writing order.
type AuditPage struct {
	Events   []AuditEvent `json:"events" nullable:"false"`
	NextFrom *int64       `json:"next_from" doc:"First number of the next page; null on the last one"`
}

// CaptureState is a snapshot that is not, or no longer, published.
type CaptureState struct {
	Seq        int64      `json:"seq"`
	CaptureID  string     `json:"capture_id"`
	Source     string     `json:"source"`
	State      string     `json:"state" enum:"capturing,complete,failed,deleting"`
	SnapshotID string     `json:"snapshot_id" doc:"Once it has one"`
	Reason     string     `json:"reason" doc:"Why it failed"`
	Since      time.Time  `json:"since"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"When another server may remove what is left of it, unless it goes on"`
}

// CaptureStates lists what is being staged, failed or being deleted, newest first.
type CaptureStates struct {
	Captures []CaptureState `json:"captures" nullable:"false"`
}

// ImportReport says what became of each snapshot of a file, in the order of the file.
type ImportReport struct {
	Format       string             `json:"format" enum:"json,csv,archive"`
	Total        int                `json:"total" doc:"Snapshots that the file announces"`
	Imported     int                `json:"imported"`
	AlreadyThere int                `json:"already_there" doc:"Snapshots that are here with the same content"`
	Failed       int                `json:"failed" doc:"Snapshots of which nothing was written"`
	Snapshots    []ImportedSnapshot `json:"snapshots" nullable:"false"`
	Ignored      []string           `json:"ignored" nullable:"false" doc:"Fields that this version does not know"`
	Error        string             `json:"error,omitempty" doc:"Why an archive could not be read to its end; what is listed as imported stays"`
	Hint         string             `json:"hint,omitempty"`
}

// ImportedSnapshot is what became of one snapshot.
type ImportedSnapshot struct {
	SnapshotID        string     `json:"snapshot_id" doc:"As far as it is known"`
	Source            string     `json:"source"`
	Timestamp         *time.Time `json:"timestamp"`
	Status            string     `json:"status" enum:"imported,already_there,failed"`
	NodeCount         int        `json:"node_count"`
	RelationshipCount int        `json:"relationship_count"`
	Error             string     `json:"error,omitempty"`
	Hint              string     `json:"hint,omitempty"`
}
