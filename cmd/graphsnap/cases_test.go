package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"graphsnap/api"
)

func TestCasesPrint(t *testing.T) {
	at := time.Date(2026, 1, 31, 9, 5, 0, 0, time.UTC)
	onset, ended := at.Add(-time.Minute), at.Add(5*time.Minute)
	row := api.CaseRow{
		CaseID: "case_a", Source: "shop", Title: "slow", State: "ended", Severity: "high", Rules: []string{"slow"}, Reason: "1.2 s > 1 s", Metric: "avg_latency", OpenedAt: at,
		OnsetAt: &onset, PeakAt: &at, PeakValue: ptrTo(1200), EndedAt: &ended, EndReason: "recovered", Note: "only 2 frames", Affected: []string{"users:Table"},
		Snapshots: []api.CaseSnapshot{{SnapshotID: "snap_a", Role: "before", Timestamp: at}, {SnapshotID: "snap_b", Role: "trigger", Timestamp: at, Exists: true}},
	}
	answers := map[string]any{
		"GET /api/performance/cases":                        api.CasePage{Cases: []api.CaseRow{row}, NextCursor: "more"},
		"GET /api/performance/cases/case_a":                 api.CaseDocument{CaseRow: row},
		"POST /api/performance/cases/case_a/close":          api.CaseDocument{CaseRow: row},
		"POST /api/performance/deployments":                 api.Deployment{Name: "checkout", PreDeploy: "snap_x_pre_deploy"},
		"POST /api/performance/deployments/checkout/finish": api.Deployment{Name: "checkout", PreDeploy: "snap_x_pre_deploy", PostDeploy: "snap_y_post_deploy"},
		"GET /api/performance/deployments":                  api.DeploymentList{Deployments: []api.Deployment{{Name: "checkout", Version: "v2", StartedAt: at}}},
	}
	for line, want := range map[string][]string{
		"cases":                             {"case_a", "6m0s", "1.2 s > 1 s"},
		"cases show case_a":                 {"2026-01-31 09:04:00 UTC", "1200 avg_latency", "only 2 frames", "snap_a (deleted)", "recovered"},
		"cases close case_a":                {"closed case_a"},
		"deploy start checkout --version v": {"snap_x_pre_deploy"},
		"deploy finish checkout":            {"snap_y_post_deploy"},
		"deploy list":                       {"checkout", "v2", "09:05:00"},
	} {
		code, out, errs := typed(t, answers, strings.Fields(line)...)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: %q is missing in\n%s%s", line, w, out, errs)
			}
		}
		if code != exitOK {
			t.Errorf("%s: exit code %d, %s", line, code, errs)
		}
		if code, out, _ := typed(t, answers, append(strings.Fields(line), "--json")...); code != exitOK || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: exit code %d, %s", line, code, out)
		}
	}
	if code, _, errs := typed(t, answers, "cases", "show", "case_b"); code != exitNotFound || !strings.Contains(errs, "look elsewhere") {
		t.Errorf("a case that is not there: exit code %d, %s", code, errs)
	}
}
