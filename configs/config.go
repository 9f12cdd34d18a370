package configs

import (
	"fmt"
	"log/slog"
	"time"
)

// Config is everything that can be set. Every key has a default, so an empty file is a valid one.
type Config struct {
	Server    Server   `yaml:"server"`
	Live      Database `yaml:"live"`
	Snapshots Database `yaml:"snapshots"`
	Sources   []Source `yaml:"sources"`
	Collect   Collect  `yaml:"collect"`
	Log       Log      `yaml:"log"`

	Zone        string              `yaml:"zone"` // of calendars, schedules and windows that name none: local, UTC or an IANA name
	Rules       []Rule              `yaml:"rules"`
	Calendars   map[string]Calendar `yaml:"calendars"`
	Maintenance []Maintenance       `yaml:"maintenance"`
	Retention   Retention           `yaml:"retention"`
	Templates   map[string]Template `yaml:"templates"`
	Recorder    Recorder            `yaml:"recorder"`
	Webhooks    []Webhook           `yaml:"webhooks"`
	Storage     Storage             `yaml:"storage"`
	Export      Export              `yaml:"export"`
}

// Server is where the API, the WebSocket and the viewer are served.
type Server struct {
	Host string `yaml:"host"` // loopback only, until there are tokens
	Port int    `yaml:"port"`

	ImportLimitMB int `yaml:"import_limit_mb"` // MiB of one import, as sent and after decompression
}

// Database is a Neo4j database. The password comes from password_file where that is set.
type Database struct {
	URI           string `yaml:"uri"`
	User          string `yaml:"user"`
	Password      Secret `yaml:"password"`
	PasswordFile  string `yaml:"password_file"`
	Database      string `yaml:"database"`       // "" means the user's home database
	DefaultSource string `yaml:"default_source"` // live only: the source of elements that name none
}

// Source is one monitored SQL database.
type Source struct {
	Name     string   `yaml:"name"`
	Type     string   `yaml:"type"` // postgresql, mysql or mariadb; "" means what the DSN names
	DSN      Secret   `yaml:"dsn"`
	Interval Duration `yaml:"interval"` // of the ticks; 0 means collect.interval
	Default  bool     `yaml:"default"`  // taken by requests that name no source
}

// Collect is how all sources are collected and judged.
type Collect struct {
	Interval Duration `yaml:"interval"`
	Window   Duration `yaml:"window"` // over which rates are formed
	// StatementTexts keeps the normalised texts of the heaviest statements in the graph; values are never in them.
	StatementTexts bool       `yaml:"statement_texts"`
	Thresholds     Thresholds `yaml:"thresholds"`
}

// Thresholds are the severity rules; index_efficiency_pct is bad when low, the others when high.
type Thresholds struct {
	AvgLatencyMS    Levels  `yaml:"avg_latency_ms"`
	TimeMSPerS      Levels  `yaml:"time_ms_per_s"`
	HotspotScore    Levels  `yaml:"hotspot_score"`
	IndexEfficiency Levels  `yaml:"index_efficiency_pct"`
	MinShare        float64 `yaml:"min_share"`      // part of the database's time below which everything is low, 0-1
	MinLatencyMS    float64 `yaml:"min_latency_ms"` // mean latency below which index efficiency does not matter, ms
}

// Levels are the values from which a metric is medium, high or critical.
type Levels struct {
	Medium   float64 `yaml:"medium"`
	High     float64 `yaml:"high"`
	Critical float64 `yaml:"critical"`
}

// Log is what is logged to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Secret is a text that is never printed.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "xxxxx"
}

// MarshalYAML hides the secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// MarshalJSON hides the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", s.String()), nil }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Default gives the configuration that an empty file has.
func Default() Config {
	return Config{
		Server:    Server{Host: "127.0.0.1", Port: 8080, ImportLimitMB: 16384},
		Live:      Database{URI: "bolt://127.0.0.1:7687", User: "neo4j", DefaultSource: "default"},
		Snapshots: Database{URI: "bolt://127.0.0.1:7688", User: "neo4j"},
		Collect: Collect{
			Interval: Duration(5 * time.Second), Window: Duration(60 * time.Second), StatementTexts: true,
			Thresholds: Thresholds{
				AvgLatencyMS:    Levels{50, 200, 1000},
				TimeMSPerS:      Levels{200, 500, 2000},
				HotspotScore:    Levels{40, 70, 90},
				IndexEfficiency: Levels{50, 20, 5},
				MinShare:        0.02,
				MinLatencyMS:    5,
			},
		},
		Log:  Log{Level: "info", Format: "text"},
		Zone: "local",
		Recorder: Recorder{
			Length: Duration(10 * time.Minute), MemoryMB: 256, Before: 5, FollowUpEvery: Duration(time.Minute), FollowUps: 10,
			Recovery: Duration(2 * time.Minute), Limit: Duration(2 * time.Hour),
		},
		Storage: Storage{Type: StorageNeo4j},
		Export:  Export{Formats: []string{"json"}, IncludeMetadata: true},
	}
}
