package api

import "time"

// CaseRow is an incident without its course.
type CaseRow struct {
	CaseID    string         `json:"case_id" doc:"case_YYYYMMDD_HHMMSS_<slug>, UTC" example:"case_20260131_090500_shop_slow"`
	Source    string         `json:"source" doc:"The monitored database"`
	Title     string         `json:"title"`
	State     string         `json:"state" enum:"open,ended"`
	Severity  string         `json:"severity" enum:"low,medium,high,critical,"`
	Rule      string         `json:"rule" doc:"Of the firing that opened it"`
	Rules     []string       `json:"rules" nullable:"false" doc:"All that fired while it was open"`
	Reason    string         `json:"reason" doc:"Of the firing that opened it, with its numbers"`
	Metric    string         `json:"metric" doc:"That the opening rule looked at"`
	Unit      string         `json:"unit" doc:"Of the metric, and so of threshold, peak and course: ms, s, ms/s, /s, % or ratio; empty for plain numbers and where it is unknown"`
	Key       string         `json:"key" doc:"Of the element that it looked at; empty for totals"`
	Threshold *float64       `json:"threshold" doc:"Of the opening rule; a peak below it is a low"`
	OpenedAt  time.Time      `json:"opened_at"`
	OnsetAt   *time.Time     `json:"onset_at" doc:"When the metric began to leave its usual range"`
	PeakAt    *time.Time     `json:"peak_at"`
	PeakValue *float64       `json:"peak_value"`
	EndedAt   *time.Time     `json:"ended_at" doc:"When no rule was met any more; null while open"`
	EndReason string         `json:"end_reason" doc:"recovered, limit or closed by whom"`
	Note      string         `json:"note" doc:"What is missing in it, and why"`
	Affected  []string       `json:"affected" nullable:"false" doc:"Keys of elements, worst first"`
	Snapshots []CaseSnapshot `json:"snapshots" nullable:"false" doc:"In the order of time"`
}

// CaseSnapshot is a snapshot of a case.
type CaseSnapshot struct {
	SnapshotID string    `json:"snapshot_id"`
	Role       string    `json:"role" enum:"before,trigger,follow_up,after"`
	Timestamp  time.Time `json:"timestamp"`
	Exists     bool      `json:"exists" doc:"false where it was deleted"`
}

// CaseDocument is an incident with its course.
type CaseDocument struct {
	CaseRow
	Points []CasePoint `json:"points" nullable:"false" doc:"What the frames showed, oldest first"`
}

// CasePoint is what one frame showed; unknown figures are null, never 0.
type CasePoint struct {
	Timestamp        time.Time `json:"timestamp"`
	Value            *float64  `json:"value" doc:"Of the case's metric"`
	TotalQPS         *float64  `json:"total_qps"`
	AvgLatency       *float64  `json:"avg_latency"`
	ErrorRate        *float64  `json:"error_rate"`
	BottlenecksCount int       `json:"bottlenecks_count"`
	Severity         string    `json:"severity"`
}

// CasePage is a page of cases, newest first.
type CasePage struct {
	Cases      []CaseRow `json:"cases" nullable:"false"`
	NextCursor string    `json:"next_cursor" doc:"Empty on the last page"`
}

// Firing is what a rule decided, and what became of it.
type Firing struct {
	FiringID   string     `json:"firing_id" doc:"Also the id of its capture"`
	Source     string     `json:"source"`
	Rule       string     `json:"rule"`
	Kind       string     `json:"kind" enum:"scheduled,threshold,incident,smart"`
	At         time.Time  `json:"at"`
	Reason     string     `json:"reason"`
	Severity   string     `json:"severity"`
	Metric     string     `json:"metric"`
	Key        string     `json:"key"`
	Value      *float64   `json:"value"`
	Threshold  *float64   `json:"threshold"`
	OnsetAt    *time.Time `json:"onset_at"`
	Affected   []string   `json:"affected" nullable:"false"`
	State      string     `json:"state" enum:"pending,done,failed"`
	SnapshotID string     `json:"snapshot_id"`
	Failure    string     `json:"failure"`
}

// DeploymentStart says what is going to be deployed.
type DeploymentStart struct {
	Name    string `json:"name" minLength:"1" maxLength:"100" doc:"What is deployed" example:"checkout"`
	Version string `json:"version,omitempty" maxLength:"100" example:"v2"`
	Source  string `json:"source,omitempty" maxLength:"200" doc:"Needed where there are several and none is the default"`
}

// Deployment is a change of the application, with a snapshot from before and one from after.
type Deployment struct {
	DeploymentID string     `json:"deployment_id"`
	Name         string     `json:"name"`
	Version      string     `json:"version"`
	Source       string     `json:"source"`
	Actor        string     `json:"actor" doc:"Who started it"`
	StartedAt    time.Time  `json:"started_at"`
	FinishedAt   *time.Time `json:"finished_at" doc:"null while it is open"`
	PreDeploy    string     `json:"pre_deploy" doc:"Snapshot from before" example:"snap_20260131_090500_checkout_v2_pre_deploy"`
	PostDeploy   string     `json:"post_deploy" doc:"Snapshot from after; empty while it is open"`
}

// DeploymentList lists deployments, newest first.
type DeploymentList struct {
	Deployments []Deployment `json:"deployments" nullable:"false"`
}
