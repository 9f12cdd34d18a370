package api

import "time"

// Health is "ok" or the plain cause of the trouble, with the next step in Hint.
type Health struct {
	Health string `json:"health" doc:"ok, or what is wrong"`
	Hint   string `json:"hint,omitempty" doc:"What to do next"`
}

// APIStatus tells where the API is.
type APIStatus struct {
	URL string `json:"url"`
	Health
}

// ServerStatus tells where a Neo4j server is and how it feels.
type ServerStatus struct {
	Bolt         string `json:"bolt"`
	HTTP         string `json:"http"`
	User         string `json:"user"`
	PasswordFile string `json:"password_file" doc:"Empty where the password comes from the configuration"`
	Version      string `json:"version"`
	Health
}

// SourceStatus tells how the collecting of one source goes. The DSN never holds a password.
type SourceStatus struct {
	Name          string     `json:"name"`
	Type          string     `json:"type"`
	DSN           string     `json:"dsn"`
	Default       bool       `json:"default"`
	Tick          int64      `json:"tick"`
	CollectedAt   *time.Time `json:"collected_at"`
	ParseCoverage *float64   `json:"parse_coverage" doc:"Share of execution time whose statements were understood, 0-1"`
	CollectMS     *float64   `json:"collect_ms" doc:"What the last tick cost the monitored database, milliseconds"`
	Health
}

// Status is the state of the whole product.
type Status struct {
	API       APIStatus      `json:"api"`
	Live      ServerStatus   `json:"live"`
	Snapshots ServerStatus   `json:"snapshots"`
	Sources   []SourceStatus `json:"sources" nullable:"false"`
	Config    ConfigStatus   `json:"config"`
	Version   string         `json:"version"`
}

// DemoFault is one fault of the demo.
type DemoFault struct {
	Name   string     `json:"name"`
	Cause  string     `json:"cause"`
	Active bool       `json:"active"`
	Since  *time.Time `json:"since"`
}

// DemoClass is one query class of the demo workload with the workload's own counts.
type DemoClass struct {
	Name    string   `json:"name"`
	Tables  []string `json:"tables" nullable:"false"`
	Weight  float64  `json:"weight"`
	Sent    int64    `json:"sent"`
	Errors  int64    `json:"errors"`
	TotalMS float64  `json:"total_ms"`
}

// DemoStatus is what the demo workload does now.
type DemoStatus struct {
	DSN           string      `json:"dsn"`
	Rate          float64     `json:"rate" doc:"Wanted statements per second"`
	EffectiveRate float64     `json:"effective_rate" doc:"After the wave and the faults"`
	Classes       []DemoClass `json:"classes" nullable:"false"`
	Faults        []DemoFault `json:"faults" nullable:"false"`
}

// DemoLoad sets the rate of the demo workload.
type DemoLoad struct {
	Rate float64 `json:"rate" minimum:"0" maximum:"5000" doc:"Statements per second"`
}
