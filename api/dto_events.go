package api

import "time"

// Event is the one envelope of the WebSocket: CloudEvents 1.0 JSON with a rising seq.
type Event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Seq             int64     `json:"seq"`
	Data            any       `json:"data"`
}

// The types of Event and what Data holds.
const (
	EventHello           = "graphsnap.hello"            // HelloData; the first message of a connection
	EventHeartbeat       = "graphsnap.heartbeat"        // {}
	EventTick            = "graphsnap.tick"             // TickData
	EventCaptureProgress = "graphsnap.capture.progress" // CaptureProgressData
	EventCaptureFailed   = "graphsnap.capture.failed"   // CaptureFailedData
	EventSnapshotCreated = "graphsnap.snapshot.created" // Row
	EventDeleteProgress  = "graphsnap.delete.progress"  // DeleteProgressData
	EventSnapshotDeleted = "graphsnap.snapshot.deleted" // SnapshotDeletedData
	EventSnapshotPinned  = "graphsnap.snapshot.pinned"  // SnapshotPinnedData
	EventRetention       = "graphsnap.retention"        // RetentionRun; with each removal, and at the end
	EventVerifyProgress  = "graphsnap.verify.progress"  // VerifyProgressData
	EventCase            = "graphsnap.case."            // and opened, updated or ended: CaseRow
	EventFiring          = "graphsnap.firing."          // and done or failed: Firing
)

// HelloData opens a connection.
type HelloData struct {
	Version string `json:"version"`
	LastSeq int64  `json:"last_seq"`
	Resumed bool   `json:"resumed" doc:"Whether all events since ?since= follow; else reload what you show"`
}

// TickData says that a collection round was written.
type TickData struct {
	Source      string    `json:"source"`
	Tick        int64     `json:"tick"`
	CollectedAt time.Time `json:"collected_at"`
	TotalQPS    *float64  `json:"total_qps"`
	AvgLatency  *float64  `json:"avg_latency"`
	TimeMSPerS  *float64  `json:"time_ms_per_s"`
	Status      string    `json:"status"`
	Message     string    `json:"message"`
}

// CaptureProgressData says how far a capture is; stages are read, summarise, freeze, verify, publish.
type CaptureProgressData struct {
	CaptureID string `json:"capture_id"`
	Source    string `json:"source"`
	Stage     string `json:"stage"`
	Done      int    `json:"done"`
	Total     int    `json:"total"`
}

// CaptureFailedData says why a capture failed.
type CaptureFailedData struct {
	CaptureID string `json:"capture_id"`
	Source    string `json:"source"`
	Error     string `json:"error"`
	Hint      string `json:"hint"`
}

// SnapshotDeletedData names a deleted snapshot.
type SnapshotDeletedData struct {
	SnapshotID string `json:"snapshot_id"`
	Source     string `json:"source"`
}

// SnapshotPinnedData names a snapshot that was pinned, or unpinned where pin is null.
type SnapshotPinnedData struct {
	SnapshotID string `json:"snapshot_id"`
	Source     string `json:"source"`
	Pin        *Pin   `json:"pin"`
}

// DeleteProgressData says how many elements of a snapshot are removed.
type DeleteProgressData struct {
	SnapshotID string `json:"snapshot_id"`
	Source     string `json:"source"`
	Stage      string `json:"stage"`
	Done       int    `json:"done"`
	Total      int    `json:"total"`
}

// VerifyProgressData says how many snapshots a verification has read.
type VerifyProgressData struct {
	VerifyID   string `json:"verify_id"`
	SnapshotID string `json:"snapshot_id" doc:"The one that is read now"`
	Done       int    `json:"done"`
	Total      int    `json:"total"`
}
