package engine

import (
	"regexp"
	"strings"
	"time"
)

// TriggerType is why a snapshot was taken.
type TriggerType string

// The trigger types.
const (
	TriggerManual    TriggerType = "manual"
	TriggerScheduled TriggerType = "scheduled"
	TriggerThreshold TriggerType = "threshold"
	TriggerIncident  TriggerType = "incident"
)

// TriggerTypes lists all trigger types.
var TriggerTypes = []TriggerType{TriggerManual, TriggerScheduled, TriggerThreshold, TriggerIncident}

// ConsistencyMode says how sure it is that a captured state ever existed as a whole.
type ConsistencyMode string

// The consistency modes, from sure to unsure.
const (
	ConsistencyQuiet  ConsistencyMode = "quiet"  // nothing was committed to the live database during the read
	ConsistencyTick   ConsistencyMode = "tick"   // the source's collector wrote no tick during the read
	ConsistencyDouble ConsistencyMode = "double" // two readings were equal, and between them no transaction was under way
	ConsistencyGate   ConsistencyMode = "gate"   // the source's collector was held off during the read
	ConsistencyFuzzy  ConsistencyMode = "fuzzy"  // nothing could be proven: parts may be of different moments
)

// Consistency is the evidence that a captured state existed as a whole.
type Consistency struct {
	Mode     ConsistencyMode
	Attempts int
	ReadMS   float64   // duration of the read that was used, milliseconds
	ReadFrom time.Time // when that read began, UTC
	Evidence string    // what proves the mode: bookmarks, ticks or digests before and after
}

// SchemaVersion is the version of the snapshot document and of the stored model.
const SchemaVersion = 1

// Snapshot is an immutable frozen state of one source, without its graph.
type Snapshot struct {
	ID                string // snap_YYYYMMDD_HHMMSS_<slug>, UTC
	Seq               int64  // small ascending number, unique over all sources
	CaptureID         string // of the request that made it; no two snapshots have the same. "" for imports and for those of old versions
	Source            string
	Timestamp         time.Time // the moment that was frozen, UTC
	TriggerType       TriggerType
	Rule              string // the rule that fired; "" for manual captures
	TriggerReason     string
	Severity          Severity // of the worst element
	Description       string
	Tags              []string
	Template          string
	Retention         string // retention class that was asked for; "" follows from trigger and severity
	Summary           Summary
	Live              LiveState
	Labels            map[string]int // nodes by type
	RelationshipTypes map[string]int
	NodeCount         int
	RelationshipCount int
	Consistency       Consistency
	Warnings          []string
	RootHash          string // SHA-256 over the frozen content, hex
	StateHash         string // the same without the properties that only say when a value was taken
	HeaderHash        string // SHA-256 over what stands on the snapshot itself, hex
	ManifestHash      string // SHA-256 over the encoded manifest, hex
	ChainHash         string // SHA-256 over RootHash, HeaderHash and the ChainHash before it in publishing order, hex
	SameAs            string // the snapshot before it, where that has the same StateHash
	Imported          bool   // brought in from an export, not captured here
	CaptureDurationMS float64
	SchemaVersion     int
	Previous, Next    string // neighbours on the timeline, "" at its ends; filled in by Freeze and Get only
	Pin               *Pin   // nil where it is not pinned; it stands beside the snapshot, so no hash is over it
}

// The sizes of a page of a list.
const (
	defaultPage = 50
	maxPage     = 1000
)

// Filter selects rows of a list of snapshots. Zero values select everything.
type Filter struct {
	Source   string
	Trigger  TriggerType
	Severity Severity
	Since    time.Time // inclusive
	Until    time.Time // exclusive
	Query    string    // part of id or description, case does not matter
	Tag      string
	Prefix   string // beginning of the id
	Limit    int    // 1-1000; 0 means 50
	Cursor   string // as given by the page before
}

var (
	slugBreaks = regexp.MustCompile(`[^a-z0-9]+`)
	idForm     = regexp.MustCompile(`^snap_\d{8}_\d{6}_[a-z0-9_]+$`)
)

// maxSlug keeps ids readable in tables and file names.
const maxSlug = 40

// SnapshotID gives `snap_YYYYMMDD_HHMMSS_<slug>` in UTC. The slug comes from the description, else from the trigger.
func SnapshotID(at time.Time, description string, trigger TriggerType) string {
	slug := strings.Trim(slugBreaks.ReplaceAllString(strings.ToLower(description), "_"), "_")
	if len(slug) > maxSlug {
		slug = slug[:maxSlug]
		if i := strings.LastIndexByte(slug, '_'); i > maxSlug/2 {
			slug = slug[:i]
		}
		slug = strings.Trim(slug, "_")
	}
	if slug == "" {
		slug = string(trigger)
	}
	return "snap_" + at.UTC().Format("20060102_150405") + "_" + slug
}

// IsSnapshotID reports whether a text has the form of a snapshot id.
func IsSnapshotID(s string) bool { return idForm.MatchString(s) }
