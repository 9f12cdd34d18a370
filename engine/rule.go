package engine

import (
	"context"
	"time"
)

// RuleStatus is what a rule does on one source just now.
type RuleStatus struct {
	Rule      string
	Kind      string // scheduled, threshold, incident or smart
	Source    string
	Text      string // the rule in one line: "avg_latency > 1000 ms for 30s"
	State     string // idle, met (its duration is not over), fired (met and captured), cooldown, cold (its baseline is), suppressed or disabled
	Detail    string // why, with the numbers
	Since     time.Time
	LastValue *float64
	Unit      string
	LastAt    time.Time // of LastValue
	NextRun   time.Time // scheduled rules only
	LastFired time.Time
	LastHour  int // firings within the last hour
}

// The states of a firing.
const (
	FiringPending = "pending" // decided and written down; its capture is under way or was cut off
	FiringDone    = "done"
	FiringFailed  = "failed"
)

// Firing is the decision of a rule to capture one source. It is written down before anything is captured, so that a crash
// neither loses nor doubles it.
type Firing struct {
	ID          string // the ID of its capture too, and no two snapshots have the same capture id
	Rule        string
	Kind        string // scheduled, threshold, incident or smart
	Source      string
	At          time.Time   // when the rule decided
	Trigger     TriggerType // of the snapshot
	Reason      string      // for people, with the numbers: "avg_latency 1.2 s > 1 s for 30 s"
	Severity    Severity    // "": the worst that the capture finds
	Metric      string      // that the rule looked at, as in MetricSeries
	Key         string      // the element that it looked at; "" for totals
	Value       *float64
	Threshold   *float64
	Onset       time.Time // when the metric began to leave its usual range; zero: unknown
	Affected    []string  // keys of the elements that met the rule, worst first, at most 50
	Case        bool      // opens a case, or joins the one that is open
	Template    string
	Description string
	Tags        []string
	Retention   string // retention class; "" follows from trigger and severity

	State      string
	SnapshotID string // once done
	Failure    string // why it failed
}

// RuleMemory is what a rule must not forget over a restart: its own encoding, opaque to the store.
type RuleMemory struct {
	Rule, Source string
	Data         []byte // at most 64 KiB
	At           time.Time
}

// Lease lets one replica at a time decide. Token rises with every change of hands; what a holder writes is refused once
// another has a higher one.
type Lease struct {
	Name, Holder string
	Token        int64
	Until        time.Time // by the database's clock
}

// Suppression says that a rule was met and yet did not fire, and why, with the numbers.
type Suppression struct {
	Rule, Source, Reason string
	At                   time.Time
}

// RuleStore keeps the decisions of rules; engine/neo4jdb implements it in the snapshot database. Methods that take a Lease
// give kind conflict, and change nothing, where it has passed to another. All give kind unavailable.
type RuleStore interface {
	// AcquireLease takes a free lease or renews one's own; held is false where another has it.
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (l Lease, held bool, err error)
	// ReleaseLease gives a lease back early.
	ReleaseLease(ctx context.Context, l Lease) error
	// Memories gives what all rules remember.
	Memories(ctx context.Context) ([]RuleMemory, error)
	// Remember writes what rules must not forget.
	Remember(ctx context.Context, l Lease, m []RuleMemory) error
	// Fire writes down a pending firing, the memory of its rule and an audit event in one transaction. A firing with the same
	// ID is conflict.
	Fire(ctx context.Context, l Lease, f Firing, m RuleMemory) error
	// FinishFiring sets State, SnapshotID and Failure.
	FinishFiring(ctx context.Context, l Lease, f Firing) error
	// Suppress writes the audit event of rules that were met and did not fire.
	Suppress(ctx context.Context, l Lease, s []Suppression) error
	// Firings gives the firings of a source ("": all), newest first; only pending ones where asked.
	Firings(ctx context.Context, source string, pending bool, limit int) ([]Firing, error)
}

// RuleReplay says what a rule would have done on one source over stored history.
type RuleReplay struct {
	Rule, Kind, Source, Text string
	Frames                   int // stored states that it looked at
	Firings                  []Firing
	Suppressions             []Suppression
	Note                     string // what limits the answer, such as a baseline that is still cold
}

// Rules is what decides about captures while the server runs; engine/trigger implements it.
type Rules interface {
	// Leader tells whether this replica decides, and who does where that is known.
	Leader() (leading bool, holder string)
	// Statuses tells what each rule does on each source.
	Statuses() []RuleStatus
	// Replay runs the rules over frames in time order; frames hands them to f until they end. Kinds: as frames.
	Replay(ctx context.Context, frames func(f func(*Frame) error) error) ([]RuleReplay, error)
}

// StoredFrames hands the snapshots of a source between two moments to f as frames, oldest first, one graph at a time.
// Kinds: not_found (no such source), unavailable.
func (e *Engine) StoredFrames(ctx context.Context, source string, since, until time.Time, f func(*Frame) error) error {
	source, err := e.historySource(ctx, source)
	if err != nil {
		return err
	}
	var rows []Snapshot
	for filter := (Filter{Source: source, Since: since, Until: until, Limit: maxPage}); ; {
		page, cursor, err := e.store.List(ctx, filter)
		if err != nil {
			return err
		}
		rows = append(rows, page...)
		if filter.Cursor = cursor; cursor == "" {
			break
		}
	}
	for i := len(rows) - 1; i >= 0; i-- {
		s := &rows[i]
		g, err := e.Graph(ctx, s.ID)
		if KindOf(err) == KindNotFound && err != nil {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if err := f(&Frame{Source: source, At: s.Timestamp, State: s.Live, Graph: g, Consistency: s.Consistency}); err != nil {
			return err
		}
	}
	return nil
}

// Firings lists what rules decided, newest first. Kinds: invalid, unavailable.
func (e *Engine) Firings(ctx context.Context, source string, limit int) ([]Firing, error) {
	if limit < 1 || limit > maxPage {
		return nil, Errorf(KindInvalid, "firings", "limit %d is out of range", limit).WithHint("ask for 1 to %d firings", maxPage)
	}
	if e.rules == nil {
		return nil, nil
	}
	return e.rules.Firings(ctx, source, false, limit)
}
