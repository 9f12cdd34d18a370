package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
)

func TestExampleHoldsEveryDefault(t *testing.T) {
	c, err := Parse([]byte(Example), "example")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 1 || c.Sources[0].Interval != Duration(5*time.Second) || !c.Sources[0].Default {
		t.Errorf("sources are %+v", c.Sources)
	}
	c.Sources = nil
	want := Default()
	a, errA := c.YAML()
	b, errB := want.YAML()
	if errA != nil || errB != nil || a != b {
		t.Errorf("the example says\n%s\nthe defaults are\n%s", a, b)
	}
}

func TestMistakesAreExplained(t *testing.T) {
	for name, test := range map[string]struct{ text, says, hint string }{
		"unknown key":         {"server:\n  prt: 1\n", "x.yaml:2:3", `did you mean "port"?`},
		"unknown section":     {"srever:\n  port: 1\n", "x.yaml:1:1", `did you mean "server"?`},
		"unknown in a source": {"sources:\n  - name: a\n    dns: postgres://h/d\n", "x.yaml:3:5", `did you mean "dsn"?`},
		"on one line":         {"server: {prt: 1}\n", "x.yaml:1:10", `did you mean "port"?`},
		"deep":                {"collect:\n  thresholds:\n    avg_latency_ms: {medium: 1, hihg: 2}\n", "x.yaml:3", `did you mean "high"?`},
		"wrong type":          {"server:\n  port: eighty\n", "x.yaml:2:9", "config example"},
		"wrong duration":      {"collect:\n  interval: soon\n", "no time span", "config example"},
		"no YAML":             {"server: [\n", "x.yaml", ""},
		"a list":              {"- a\n", "x.yaml:1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(test.text), "x.yaml")
			if engine.KindOf(err) != engine.KindInvalid || !strings.Contains(err.Error(), test.says) || !strings.Contains(engine.HintOf(err), test.hint) {
				t.Errorf("got %v\nhint %q", err, engine.HintOf(err))
			}
		})
	}
	_, err := Parse([]byte("server:\n  host: 127.0.0.1\n  prot: 1\n"), "x.yaml")
	if want := "    2 |   host: 127.0.0.1\n    3 |   prot: 1\n      |   ^"; !strings.Contains(err.Error(), want) {
		t.Errorf("the excerpt is\n%v\nwant\n%s", err, want)
	}
}

func TestValuesThatMakeNoSense(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"port":            func(c *Config) { c.Server.Port = 0 },
		"uri":             func(c *Config) { c.Live.URI = "http://h" },
		"nameless source": func(c *Config) { c.Sources = []Source{{DSN: "x"}} },
		"twins":           func(c *Config) { c.Sources = []Source{{Name: "a", DSN: "x"}, {Name: "a", DSN: "x"}} },
		"two defaults": func(c *Config) {
			c.Sources = []Source{{Name: "a", DSN: "x", Default: true}, {Name: "b", DSN: "x", Default: true}}
		},
		"no dsn":   func(c *Config) { c.Sources = []Source{{Name: "a"}} },
		"type":     func(c *Config) { c.Sources = []Source{{Name: "a", DSN: "x", Type: "oracle"}} },
		"interval": func(c *Config) { c.Collect.Interval = 1 },
		"level":    func(c *Config) { c.Log.Level = "loud" },
	} {
		c := Default()
		change(&c)
		if err := c.check(); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "g.yaml")
	if err := os.WriteFile(file, []byte("server: {port: 1000}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := Load(file, []string{"GRAPHSNAP_SERVER_PORT=2000", "GRAPHSNAP_LIVE_PASSWORD=secret", "GRAPHSNAP_COLLECT_INTERVAL=10s", "GRAPHSNAP_LIVE_URL=x", "GRAPHSNAP_DATA_DIR=/x", "OTHER=1"})
	if err != nil || c.Server.Port != 2000 || c.Live.Password != "secret" || c.Collect.Interval != Duration(10*time.Second) {
		t.Errorf("got %+v, %v", c, err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "did you mean GRAPHSNAP_LIVE_URI?") {
		t.Errorf("warnings are %v", warnings)
	}
	if _, _, err := Load(file, []string{"GRAPHSNAP_SERVER_PORT=x"}); engine.KindOf(err) != engine.KindInvalid {
		t.Errorf("a port that is no number: %v", err)
	}
	if _, _, err := Load(filepath.Join(t.TempDir(), "none"), nil); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := Default()
	c.Live.Password, c.Sources = "hush", []Source{{Name: "a", DSN: "postgres://u:hush@h/d"}}
	text, err := c.YAML()
	if err != nil || strings.Contains(text, "hush") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "30d": 720 * time.Hour, "1y": 8760 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s gives %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "-5s", "soon", "d", "1e99d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q gives %v, want an error", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Example))
	f.Add([]byte("server:\n  prt: 1\n"))
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte{0, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := Parse(raw, "fuzz"); err != nil && engine.KindOf(err) != engine.KindInvalid {
			t.Errorf("kind %s: %v", engine.KindOf(err), err)
		}
	})
}
