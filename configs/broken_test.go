package configs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"graphsnap/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestBroken holds what each broken configuration is told against a golden file: place, excerpt with caret, message, hint.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d broken configurations, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = Parse(raw, filepath.Base(file))
			if engine.KindOf(err) != engine.KindInvalid {
				t.Fatalf("got %v", err)
			}
			got := err.Error() + "\nhint: " + engine.HintOf(err) + "\n"
			if !strings.Contains(got, filepath.Base(file)+":") || !strings.Contains(got, "^") || engine.HintOf(err) == "" {
				t.Errorf("no place, no caret or no hint:\n%s", got)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
