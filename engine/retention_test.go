package engine_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"graphsnap/engine"
)

var update = flag.Bool("update", false, "write the expected decisions of testdata/retention anew")

// TestRetentionGolden plays the cases of testdata/retention. A case is a name, a policy, snapshots and, after a line of
// dashes, what becomes of them:
//
//	== NAME
//	now 2026-06-30T12:00:00Z
//	policy manual=90d keep_daily=7 zone=Europe/Berlin max=5
//	snap ID AGE|+AHEAD|MOMENT TRIGGER [SEVERITY] [class=] [pin=WHO:WHY] [case=] [baseline=] [source=]
//	every SPAN COUNT PREFIX TRIGGER ...
func TestRetentionGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/retention/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no cases", err)
	}
	policies := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for i, text := range strings.Split(string(raw), "== ")[1:] {
			name, _, _ := strings.Cut(text, "\n")
			input, _, _ := strings.Cut(strings.TrimRight(text, "\n"), "\n----\n")
			if i > 0 {
				out.WriteString("\n")
			}
			policies++
			fmt.Fprintf(&out, "== %s\n----\n%s", strings.TrimRight(input, "\n"), decided(t, name, input))
		}
		if *update {
			if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := out.String(); !*update && got != string(raw) {
			t.Errorf("%s: %s", file, firstDifference(got, string(raw)))
		}
	}
	if policies < 40 {
		t.Errorf("only %d policies are played", policies)
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	name := ""
	for i := range g {
		if strings.HasPrefix(g[i], "== ") {
			name = g[i]
		}
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("%s\ngot  %s\nwant %s", name, g[i], strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""))
		}
	}
	return "lines are missing"
}

// decided plays one case.
func decided(t *testing.T, name, input string) string {
	t.Helper()
	now := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
	var policy engine.RetentionPolicy
	var rows []engine.RetentionRow
	for _, line := range strings.Split(input, "\n")[1:] {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "now":
			now = must(time.Parse(time.RFC3339, words[1]))(t)
		case "policy":
			policy = policyOf(t, words[1:])
		case "snap":
			rows = append(rows, rowOf(t, now, len(rows), words[1], words[2], words[3:]))
		case "every":
			step, n := spanOf(t, words[1]), must(strconv.Atoi(words[2]))(t)
			for i := range n {
				rows = append(rows, rowOf(t, now, len(rows), fmt.Sprint(words[3], i+1), now.Add(-time.Duration(i)*step).Format(time.RFC3339), words[4:]))
			}
		default:
			t.Fatalf("%s: %q cannot be read", name, line)
		}
	}
	plan := engine.PlanRetention(policy, rows, now)
	var out strings.Builder
	for _, d := range plan.Decisions {
		verb := "keep  "
		if d.Remove {
			verb = "remove"
		}
		fmt.Fprintf(&out, "%s %s: %s\n", verb, d.ID, strings.Join(d.Reasons, "; "))
	}
	for _, note := range plan.Notes {
		fmt.Fprintf(&out, "note: %s\n", note)
	}
	return out.String()
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func spanOf(t *testing.T, text string) time.Duration {
	t.Helper()
	return time.Duration(must(engine.ParseRetention(text))(t))
}

func policyOf(t *testing.T, words []string) engine.RetentionPolicy {
	t.Helper()
	p := engine.RetentionPolicy{Classes: map[string]engine.Retention{}}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		numbers := map[string]*int{
			"keep_last": &p.KeepLast, "keep_hourly": &p.KeepHourly, "keep_daily": &p.KeepDaily, "keep_weekly": &p.KeepWeekly,
			"keep_monthly": &p.KeepMonthly, "keep_yearly": &p.KeepYearly, "max": &p.MaxSnapshots,
		}
		switch into, number := numbers[name]; {
		case number:
			*into = must(strconv.Atoi(value))(t)
		case name == "keep_within":
			p.KeepWithin = must(engine.ParseRetention(value))(t)
		case name == "zone":
			p.Zone = value
		case value == "-":
			p.Classes[name] = 0
		default:
			p.Classes[name] = must(engine.ParseRetention(value))(t)
		}
	}
	return p
}

func rowOf(t *testing.T, now time.Time, place int, id, when string, words []string) engine.RetentionRow {
	t.Helper()
	r := engine.RetentionRow{ID: id, Seq: int64(1000 - place), Source: "shop", Trigger: engine.TriggerType(words[0]), Severity: engine.SeverityLow}
	ahead, future := strings.CutPrefix(when, "+")
	switch {
	case strings.Contains(when, "T"):
		r.Timestamp = must(time.Parse(time.RFC3339, when))(t)
	case future:
		r.Timestamp = now.Add(spanOf(t, ahead))
	default:
		r.Timestamp = now.Add(-spanOf(t, when))
	}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "class":
			r.Class = value
		case "pin":
			who, why, _ := strings.Cut(value, ":")
			r.Pin = &engine.Pin{Actor: who, Note: strings.ReplaceAll(why, "_", " ")}
		case "case":
			r.Cases = strings.Split(value, ",")
		case "baseline":
			r.Baseline = value
		case "source":
			r.Source = value
		default:
			if r.Severity = engine.Severity(name); r.Severity.Rank() == 0 {
				t.Fatalf("%q says nothing of a snapshot", word)
			}
		}
	}
	return r
}

var planned = time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)

func randomRows(t *rapid.T, most int) []engine.RetentionRow {
	var rows []engine.RetentionRow
	for i := range rapid.IntRange(0, most).Draw(t, "snapshots") {
		r := engine.RetentionRow{
			ID: fmt.Sprintf("s%d", i), Seq: int64(i), Source: rapid.SampledFrom([]string{"shop", "bank"}).Draw(t, "source"),
			Timestamp: planned.Add(-time.Duration(rapid.IntRange(-48, 24*900).Draw(t, "hours")) * time.Hour),
			Trigger:   rapid.SampledFrom(engine.TriggerTypes).Draw(t, "trigger"),
			Severity:  rapid.SampledFrom([]engine.Severity{"low", "medium", "high", "critical"}).Draw(t, "severity"),
			Class:     rapid.SampledFrom([]string{"", "", "", "weekly", "permanent", "manual"}).Draw(t, "class"),
		}
		switch rapid.IntRange(0, 11).Draw(t, "protected") {
		case 0:
			r.Pin = &engine.Pin{Actor: "ann"}
		case 1:
			r.Cases = []string{"c"}
		case 2:
			r.Baseline = "b"
		}
		rows = append(rows, r)
	}
	return rows
}

func randomPolicy(t *rapid.T) engine.RetentionPolicy {
	p := engine.RetentionPolicy{Classes: map[string]engine.Retention{}, Zone: rapid.SampledFrom([]string{"", "Europe/Berlin", "Asia/Kathmandu"}).Draw(t, "zone")}
	span := rapid.SampledFrom([]engine.Retention{engine.Permanent, engine.Retention(time.Hour), engine.Retention(30 * 24 * time.Hour), engine.Retention(365 * 24 * time.Hour)})
	for _, class := range []string{"manual", "scheduled", "threshold", "auto", "incident", "high_severity", "weekly"} {
		if rapid.IntRange(0, 2).Draw(t, class) == 0 {
			p.Classes[class] = span.Draw(t, "span")
		}
	}
	for _, n := range []*int{&p.KeepLast, &p.KeepHourly, &p.KeepDaily, &p.KeepWeekly, &p.KeepMonthly, &p.KeepYearly} {
		*n = rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5, engine.KeepAll}).Draw(t, "keep")
	}
	if rapid.IntRange(0, 3).Draw(t, "within") == 0 {
		p.KeepWithin = span.Draw(t, "span")
	}
	p.MaxSnapshots = rapid.SampledFrom([]int{0, 0, 1, 5, 20}).Draw(t, "maximum")
	return p
}

func TestNothingProtectedIsEverRemoved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		policy, rows := randomPolicy(rt), randomRows(rt, 60)
		plan := engine.PlanRetention(policy, rows, planned)
		if len(plan.Decisions) != len(rows) || plan.Keep+plan.Remove != len(rows) {
			rt.Fatalf("%d snapshots, %d decisions, %d kept, %d removed", len(rows), len(plan.Decisions), plan.Keep, plan.Remove)
		}
		removed, newest := map[string]bool{}, map[string]engine.RetentionRow{}
		for _, d := range plan.Decisions {
			removed[d.ID] = d.Remove
			if len(d.Reasons) == 0 {
				rt.Fatalf("%s has no reason", d.ID)
			}
		}
		for _, r := range rows {
			if n, known := newest[r.Source]; !known || r.Timestamp.After(n.Timestamp) || r.Timestamp.Equal(n.Timestamp) && r.Seq > n.Seq {
				newest[r.Source] = r
			}
			permanent := r.Class == "permanent" || r.Severity.IsBottleneck() && policy.Classes["high_severity"] == engine.Permanent ||
				r.Class == "weekly" && policy.Classes["weekly"] == engine.Permanent || r.Class == "" && policy.Classes[string(r.Trigger)] == engine.Permanent
			if removed[r.ID] && (r.Pin != nil || len(r.Cases) > 0 || r.Baseline != "" || permanent) {
				rt.Fatalf("%+v is removed by %+v", r, policy)
			}
		}
		for _, r := range newest {
			if removed[r.ID] {
				rt.Fatalf("the newest, %+v, is removed by %+v", r, policy)
			}
		}
		if over := plan.Keep > policy.MaxSnapshots && policy.MaxSnapshots > 0; over && !slices.ContainsFunc(plan.Notes, func(n string) bool { return strings.Contains(n, "cannot be reached") }) {
			rt.Fatalf("%d are kept of at most %d, and nothing says so", plan.Keep, policy.MaxSnapshots)
		}
	})
}

func TestPlanningAgainRemovesNothingMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		policy, rows := randomPolicy(rt), randomRows(rt, 60)
		first := engine.PlanRetention(policy, rows, planned)
		gone := map[string]bool{}
		for _, d := range first.Decisions {
			gone[d.ID] = d.Remove
		}
		left := slices.DeleteFunc(slices.Clone(rows), func(r engine.RetentionRow) bool { return gone[r.ID] })
		second := engine.PlanRetention(policy, left, planned)
		for _, d := range second.Decisions {
			if d.Remove {
				rt.Fatalf("the second run removes %s as well: %v\n%+v", d.ID, d.Reasons, policy)
			}
		}
		// A run that was cut off comes to the same end.
		removals, half := first.Removals(), map[string]bool{}
		if len(removals) != first.Remove {
			rt.Fatalf("%d removals of %d", len(removals), first.Remove)
		}
		for _, d := range removals[:rapid.IntRange(0, len(removals)).Draw(rt, "done")] {
			half[d.ID] = true
		}
		for _, d := range engine.PlanRetention(policy, slices.DeleteFunc(slices.Clone(rows), func(r engine.RetentionRow) bool { return half[r.ID] }), planned).Decisions {
			if d.Remove && !gone[d.ID] {
				rt.Fatalf("after a run that was cut off, %s goes too: %v\n%+v", d.ID, d.Reasons, policy)
			}
		}
	})
}

func TestAnEmptyPolicyAndAClockThatGoesBackRemoveNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := randomRows(rt, 60)
		if plan := engine.PlanRetention(engine.RetentionPolicy{}, rows, planned); plan.Remove != 0 {
			rt.Fatalf("an empty policy removes %d", plan.Remove)
		}
		policy := randomPolicy(rt)
		policy.MaxSnapshots = 0
		if plan := engine.PlanRetention(policy, rows, planned.AddDate(-5, 0, 0)); plan.Remove != 0 {
			rt.Fatalf("a clock that went back by five years removes %d", plan.Remove)
		}
	})
}

func TestRetentionTexts(t *testing.T) {
	for text, want := range map[string]string{
		"90d": "90d", "1y": "1y", "36h": "36h", "permanent": "permanent", " Permanent ": "permanent", "2w": "14d", "1y6mo": "545d", "90m": "90m", "365d": "1y", "1d1s": "86401s",
	} {
		r, err := engine.ParseRetention(text)
		if err != nil || r.String() != want {
			t.Errorf("%q gives %s, want %s; %v", text, r, want, err)
		}
		if again, err := engine.ParseRetention(r.String()); err != nil || again != r {
			t.Errorf("%q does not come back: %s, %v", text, again, err)
		}
	}
	for _, text := range []string{"", "0d", "d", "90", "-1d", "1 day", "forever", "1.5d", "999999999y", "200y200y", "99999999999999999999d", "1d "[:1]} {
		if r, err := engine.ParseRetention(text); engine.KindOf(err) != engine.KindInvalid || err == nil || engine.HintOf(err) == "" {
			t.Errorf("%q gives %s, %v", text, r, err)
		}
	}
	p := engine.RetentionPolicy{Classes: map[string]engine.Retention{"manual": engine.Retention(90 * 24 * time.Hour), "high_severity": engine.Permanent}, KeepWithin: engine.Retention(time.Hour)}
	raw, err := json.Marshal(p)
	if want := `{"classes":{"high_severity":"permanent","manual":"90d"},"keep_within":"1h"}`; err != nil || string(raw) != want {
		t.Errorf("as JSON: %s, %v", raw, err)
	}
	var back engine.RetentionPolicy
	if err := json.Unmarshal(raw, &back); err != nil || back.Classes["manual"] != p.Classes["manual"] || back.KeepWithin != p.KeepWithin {
		t.Errorf("back from JSON: %+v, %v", back, err)
	}
}

func TestPoliciesAreValidated(t *testing.T) {
	for name, p := range map[string]engine.RetentionPolicy{
		"a name with a space":       {Classes: map[string]engine.Retention{"my class": engine.Permanent}},
		"a span of nothing":         {Classes: map[string]engine.Retention{"manual": 0}},
		"permanent that is not":     {Classes: map[string]engine.Retention{"permanent": engine.Retention(time.Hour)}},
		"less than all":             {KeepDaily: -2},
		"a maximum below 0":         {MaxSnapshots: -1},
		"a zone that is not there":  {Zone: "Europe/Atlantis"},
		"a span within which is -1": {KeepWithin: -1},
	} {
		if err := p.Validate(); engine.KindOf(err) != engine.KindInvalid || err == nil || engine.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if !p.Empty() && engine.PlanRetention(p, []engine.RetentionRow{{ID: "a", Timestamp: planned.AddDate(-9, 0, 0)}, {ID: "b", Timestamp: planned.AddDate(-9, 0, 1)}}, planned).Remove != 0 {
			t.Errorf("%s removes something", name)
		}
	}
}

// manyRows are snapshots of 20 sources every five minutes.
func manyRows(n int) []engine.RetentionRow {
	rows := make([]engine.RetentionRow, n)
	for i := range rows {
		rows[i] = engine.RetentionRow{
			ID: fmt.Sprint("s", i), Seq: int64(i), Source: fmt.Sprint("shop", i%20), Timestamp: planned.Add(-time.Duration(i) * 5 * time.Minute),
			Trigger: engine.TriggerTypes[i%4], Severity: engine.SeverityLow,
		}
		if i%97 == 0 {
			rows[i].Pin = &engine.Pin{Actor: "ann"}
		}
	}
	return rows
}

var fullPolicy = engine.RetentionPolicy{
	Classes:  map[string]engine.Retention{"manual": engine.Retention(90 * 24 * time.Hour), "auto": engine.Retention(24 * time.Hour), "high_severity": engine.Permanent},
	KeepLast: 3, KeepHourly: 24, KeepDaily: 7, KeepWeekly: 5, KeepMonthly: 12, KeepYearly: 3, Zone: "Europe/Berlin", MaxSnapshots: 3000,
}

// TestPlanningGrowsWithTheSnapshots counts what is allocated rather than seconds, which a busy machine makes up.
func TestPlanningGrowsWithTheSnapshots(t *testing.T) {
	small, large := manyRows(2_500), manyRows(10_000)
	a := testing.AllocsPerRun(3, func() { engine.PlanRetention(fullPolicy, small, planned) })
	b := testing.AllocsPerRun(3, func() { engine.PlanRetention(fullPolicy, large, planned) })
	if b > 5*a || b > 20*10_000 {
		t.Errorf("four times the snapshots take %.0f allocations, %.0f before", b, a)
	}
}

func BenchmarkPlanRetention(b *testing.B) {
	rows := manyRows(10_000)
	for b.Loop() {
		engine.PlanRetention(fullPolicy, rows, planned)
	}
}
