package cypher

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestEveryFileHasItsVariable compares the folder with the variables: a file that nothing names is dead.
func TestEveryFileHasItsVariable(t *testing.T) {
	source, err := os.ReadFile("cypher.go")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`= load\("([^"]+)"\)`).FindAllStringSubmatch(string(source), -1) {
		named[m[1]] = true
	}
	all := All()
	for _, s := range all {
		if !named[s.Name] {
			t.Errorf("%s.cypher has no variable", s.Name)
		}
		if strings.Contains(s.Text, ";") {
			t.Errorf("%s.cypher holds more than one statement", s.Name)
		}
	}
	if len(named) != len(all) {
		t.Errorf("%d variables, %d files", len(named), len(all))
	}
}

// TestParametersAreNamed compares the parameters of each text with those of its header.
func TestParametersAreNamed(t *testing.T) {
	for _, s := range All() {
		used := map[string]bool{}
		for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(s.Text, -1) {
			used[m[1]] = true
		}
		named := map[string]bool{}
		for _, p := range s.Params {
			named[p] = true
		}
		if !reflect.DeepEqual(used, named) {
			t.Errorf("%s uses %v, its header names %v", s.Name, used, named)
		}
	}
}

func TestMigrations(t *testing.T) {
	for _, database := range []string{"live", "snapshots"} {
		steps := Migrations(database)
		files, err := filepath.Glob("migrations/" + database + "/*.cypher")
		if err != nil || len(files) != len(steps) || len(steps) == 0 {
			t.Fatalf("%d files, %d steps, %v", len(files), len(steps), err)
		}
		for i, m := range steps {
			if !regexp.MustCompile(`^V\d{3}__[a-z_]+$`).MatchString(m.Name) || (i > 0 && m.Name <= steps[i-1].Name) || len(m.Statements) == 0 {
				t.Errorf("step %s is badly named, out of order or empty", m.Name)
			}
			for _, s := range m.Statements {
				if !strings.Contains(s, "IF NOT EXISTS") {
					t.Errorf("step %s cannot be repeated: %s", m.Name, s)
				}
			}
		}
	}
}
