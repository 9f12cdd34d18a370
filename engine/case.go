package engine

import (
	"context"
	"time"
)

// The states of a case.
const (
	CaseOpen  = "open"
	CaseEnded = "ended"
)

// The roles of a snapshot in a case.
const (
	RoleBefore   = "before"    // a frame from before the trigger
	RoleTrigger  = "trigger"   // the snapshot of the firing that opened the case
	RoleFollowUp = "follow_up" // taken while it lasted, also by further firings
	RoleAfter    = "after"     // the last one, after recovery
)

// Case is an incident: the frames before it, the snapshot that its trigger took, follow-ups until recovery or a limit.
type Case struct {
	ID        string // case_YYYYMMDD_HHMMSS_<slug>, UTC
	Source    string
	FiringID  string // of the firing that opened it
	Title     string
	State     string // open or ended
	Severity  Severity
	Rule      string // of the firing that opened it
	Rules     []string
	Reason    string   // of the firing that opened it
	Metric    string   // that the opening rule looked at
	Key       string   // of the element that it looked at; "" for totals
	Threshold *float64 // of the firing that opened it; a peak below it is a low
	OpenedAt  time.Time
	OnsetAt   time.Time // when the metric began to leave its usual range
	PeakAt    time.Time
	PeakValue *float64
	MetAt     time.Time // of the newest frame in which a rule was met
	EndedAt   time.Time // zero while open
	EndReason string    // "recovered ...", "limit ...", "closed by NAME"
	Note      string    // what is missing in it, and why: "only 1 frame from before the trigger ..."
	Affected  []string  // keys of elements, worst first
	Snapshots []CaseSnapshot
	Points    []CasePoint // what the frames showed, oldest first
}

// CaseSnapshot is a snapshot of a case. ID stays when the snapshot is deleted; Exists tells.
type CaseSnapshot struct {
	ID     string
	Role   string
	At     time.Time
	Exists bool
}

// CasePoint is what one frame showed. Nil is unknown.
type CasePoint struct {
	At           time.Time
	Value        *float64 // of the case's metric
	TotalQPS     *float64
	AvgLatencyMS *float64
	ErrorRate    *float64
	Bottlenecks  int
	Severity     Severity // the worst of the frame
}

// CaseFilter selects rows of the list of cases. Zero values select everything.
type CaseFilter struct {
	Source       string
	State        string
	Severity     Severity
	Since, Until time.Time // of OpenedAt; Until exclusive
	Limit        int       // 1-1000; 0 means 50
	Cursor       string
}

// CaseStore keeps cases; engine/neo4jdb implements it. Methods that take a Lease give kind conflict, and change nothing,
// where it has passed to another. Every change writes an audit event in the same transaction.
type CaseStore interface {
	// OpenCase writes a new case with its Snapshots, which are published. Kinds: conflict (the source has an open one, or the id
	// is taken).
	OpenCase(ctx context.Context, l Lease, c *Case) error
	// UpdateCase writes all fields but Snapshots. Kinds: not_found, conflict (it has ended, so nothing was changed).
	UpdateCase(ctx context.Context, l Lease, c *Case) error
	// LinkCase adds a published snapshot to a case; twice is once. Kinds: not_found.
	LinkCase(ctx context.Context, caseID, snapshotID, role string) error
	// CloseCase ends an open case in the name of a person, whoever has the lease. Kinds: not_found, conflict (it has ended).
	CloseCase(ctx context.Context, id, actor, reason string, at time.Time) error
	// Cases gives one page, newest first, without Points, and the cursor of the next page or "".
	Cases(ctx context.Context, f CaseFilter) ([]Case, string, error)
	// Case gives one with Points and Snapshots in time order. Kinds: not_found.
	Case(ctx context.Context, id string) (*Case, error)
}

// MaxCasePoints bounds the points of a case.
const MaxCasePoints = 2000

// ThinPoints gives at most so many points: the older half loses every second one until they fit, so that a long case keeps
// its recent past in full and its beginning in outline. The first point and the worst one stay. Pure.
func ThinPoints(points []CasePoint, most int) []CasePoint {
	for most >= 4 && len(points) > most {
		worst := 0
		for i, p := range points {
			if p.Value != nil && (points[worst].Value == nil || *p.Value > *points[worst].Value) {
				worst = i
			}
		}
		kept := make([]CasePoint, 0, len(points))
		for i, p := range points {
			if i >= len(points)/2 || i%2 == 0 || i == worst {
				kept = append(kept, p)
			}
		}
		points = kept
	}
	return points
}
