package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
)

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
	for variable, says := range map[string]string{"GRAPHSNAP_SERVER_PORT=x": "no whole number", "GRAPHSNAP_SERVER_PORT=0": "out of range", "GRAPHSNAP_LOG_LEVEL=loud": "log.level"} {
		_, _, err := Load(file, []string{variable})
		name, _, _ := strings.Cut(variable, "=")
		if engine.KindOf(err) != engine.KindInvalid || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), says) || engine.HintOf(err) == "" {
			t.Errorf("%s: %v", variable, err)
		}
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

// TestErrorsHideSecrets: a line beside a mistake may hold a password.
func TestErrorsHideSecrets(t *testing.T) {
	for _, text := range []string{
		"live:\n  password: hush\n  usr: x\n",
		"live:\n  usr: x\n  password: hush, hush\n   x\n",
		"live: {password: hush, usr: x}\n",
		"live: {\"password\": \"hush, hush\", usr: x}\n",
		"live:\n  password: hush\n\tuser: x\n",
		"live:\n  password: |\n    hush\n  usr: x\n",
		"sources:\n  - dsn: postgres://u:hush@h/d\n    nam: x\n",
		"sources: [postgres://u:hush@h/d]\n",
		"sources: postgres://u:hush@h/d\n",
		"webhooks:\n  - url: https://h/hush\n    event: [x]\n",
		"webhooks:\n  - {url: https://h/hush, events: [x]}\n",
	} {
		_, _, err := Parse([]byte(text), "x.yaml")
		if err == nil || strings.Contains(err.Error()+engine.HintOf(err), "hush") {
			t.Errorf("%q gives %v\nhint: %s", text, err, engine.HintOf(err))
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "30d": 720 * time.Hour, "1y": 8760 * time.Hour, "1h30m": 90 * time.Minute, "2w": 336 * time.Hour, "1.5d": 36 * time.Hour} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s gives %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "-5s", "soon", "d", "1e99d", "300y"} {
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
		if _, _, err := Parse(raw, "fuzz"); err != nil && engine.KindOf(err) != engine.KindInvalid {
			t.Errorf("kind %s: %v", engine.KindOf(err), err)
		}
	})
}
