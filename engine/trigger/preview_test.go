package trigger

import (
	"testing"
	"time"
)

func TestPreview(t *testing.T) {
	set := Set{}
	rule := Rule{Name: "a", When: BusinessHours, Schedule: &Schedule{Every: 30 * time.Minute}}
	friday := time.Date(2026, 11, 27, 16, 20, 0, 0, time.UTC)
	runs := set.Runs(rule, friday, 2)
	if len(runs) != 2 || !runs[0].Equal(friday.Add(10*time.Minute)) || !runs[1].Equal(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("runs are %v", runs)
	}
	if text, err := set.Describe(rule); err != nil || text != "every 30 min in business_hours" {
		t.Errorf("%q, %v", text, err)
	}
	if runs := set.Runs(Rule{Name: "b", Incident: &Incident{Detector: DetectDeadlocks}}, friday, 2); runs != nil {
		t.Errorf("an incident runs at %v", runs)
	}
}
