package notify

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"graphsnap/engine"
)

// cloudEvent is an event in the JSON of CloudEvents 1.0.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            any       `json:"data"`

	of string // the monitored database
}

// caseData is a case as receivers see it.
type caseData struct {
	CaseID    string         `json:"case_id"`
	Source    string         `json:"source"`
	Title     string         `json:"title"`
	State     string         `json:"state"`
	Severity  string         `json:"severity"`
	Rule      string         `json:"rule"`
	Rules     []string       `json:"rules"`
	Reason    string         `json:"reason"`
	Metric    string         `json:"metric"`
	Key       string         `json:"key"`
	Threshold *float64       `json:"threshold"`
	OpenedAt  time.Time      `json:"opened_at"`
	OnsetAt   *time.Time     `json:"onset_at"`
	PeakAt    *time.Time     `json:"peak_at"`
	PeakValue *float64       `json:"peak_value"`
	EndedAt   *time.Time     `json:"ended_at"`
	EndReason string         `json:"end_reason"`
	Note      string         `json:"note"`
	Affected  []string       `json:"affected"`
	Snapshots []caseSnapshot `json:"snapshots"`
}

type caseSnapshot struct {
	SnapshotID string    `json:"snapshot_id"`
	Role       string    `json:"role"`
	Timestamp  time.Time `json:"timestamp"`
}

// firingData is a firing as receivers see it.
type firingData struct {
	FiringID   string     `json:"firing_id"`
	Source     string     `json:"source"`
	Rule       string     `json:"rule"`
	Kind       string     `json:"kind"`
	At         time.Time  `json:"at"`
	Reason     string     `json:"reason"`
	Severity   string     `json:"severity"`
	Metric     string     `json:"metric"`
	Key        string     `json:"key"`
	Value      *float64   `json:"value"`
	Threshold  *float64   `json:"threshold"`
	OnsetAt    *time.Time `json:"onset_at"`
	Affected   []string   `json:"affected"`
	State      string     `json:"state"`
	SnapshotID string     `json:"snapshot_id"`
	Failure    string     `json:"failure"`
}

// eventOf gives the event that receivers hear of, nil where they hear nothing: graphsnap.case.opened, updated and ended, and
// graphsnap.firing.done and failed.
func eventOf(ev engine.Event) *cloudEvent {
	switch {
	case ev.Case != nil:
		c := &ev.Case.Case
		d := caseData{
			CaseID: c.ID, Source: c.Source, Title: c.Title, State: c.State, Severity: string(c.Severity), Rule: c.Rule, Rules: orEmpty(c.Rules), Reason: c.Reason,
			Metric: c.Metric, Key: c.Key, Threshold: finite(c.Threshold), OpenedAt: c.OpenedAt.UTC(), OnsetAt: moment(c.OnsetAt), PeakAt: moment(c.PeakAt),
			PeakValue: finite(c.PeakValue), EndedAt: moment(c.EndedAt), EndReason: c.EndReason, Note: c.Note, Affected: orEmpty(c.Affected), Snapshots: []caseSnapshot{},
		}
		for _, s := range c.Snapshots {
			d.Snapshots = append(d.Snapshots, caseSnapshot{s.ID, s.Role, s.At.UTC()})
		}
		return &cloudEvent{Type: "graphsnap.case." + ev.Case.Change, Subject: c.ID, Data: d, of: c.Source}
	case ev.Fired != nil:
		f := ev.Fired
		return &cloudEvent{Type: "graphsnap.firing." + f.State, Subject: f.ID, of: f.Source, Data: firingData{
			FiringID: f.ID, Source: f.Source, Rule: f.Rule, Kind: f.Kind, At: f.At.UTC(), Reason: f.Reason, Severity: string(f.Severity), Metric: f.Metric, Key: f.Key,
			Value: finite(f.Value), Threshold: finite(f.Threshold), OnsetAt: moment(f.Onset), Affected: orEmpty(f.Affected), State: f.State, SnapshotID: f.SnapshotID, Failure: f.Failure,
		}}
	}
	return nil
}

// encode completes an event and gives its JSON.
func (e *cloudEvent) encode(from string, now time.Time) ([]byte, error) {
	e.SpecVersion, e.ID, e.Source, e.Time, e.DataContentType = "1.0", rand.Text(), from, now.UTC(), "application/json"
	return json.Marshal(e)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// finite gives nil for what JSON has no number for.
func finite(v *float64) *float64 {
	if v == nil || *v-*v != 0 {
		return nil
	}
	return v
}
