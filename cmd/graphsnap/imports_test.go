package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// houses says what each folder may import of this module; it is the picture of engine/DESIGN.md. cmd may import all.
var houses = map[string][]string{
	"engine":            {},
	"engine/neo4jdb":    {"engine", "cypher"},
	"engine/collect":    {"engine"},
	"engine/local":      {"engine"},
	"engine/analysis":   {},
	"engine/notify":     {"engine"},
	"engine/trigger":    {"engine", "engine/analysis"},
	"engine/enginetest": {"engine"},
	"cypher":            {},
	"api":               {"engine"},
	"configs":           {"engine", "engine/trigger"},
	"frontend":          {},
}

// owners says which folder is the only one to import a third-party module.
var owners = map[string]string{
	"github.com/neo4j/neo4j-go-driver/":           "engine/neo4jdb",
	"github.com/gin-gonic/gin":                    "api",
	"github.com/danielgtaylor/huma/":              "api",
	"github.com/gorilla/websocket":                "api",
	"github.com/prometheus/client_golang/":        "api",
	"github.com/klauspost/compress/":              "api",
	"github.com/goccy/go-yaml":                    "configs",
	"github.com/jackc/pgx/":                       "engine/collect",
	"github.com/wasilibs/go-pgquery":              "engine/collect",
	"github.com/go-sql-driver/mysql":              "engine/collect",
	"github.com/pingcap/tidb/pkg/parser":          "engine/collect",
	"github.com/DataDog/go-sqllexer":              "engine/collect",
	"github.com/fergusstrange/embedded-postgres":  "engine/local",
	"github.com/testcontainers/testcontainers-go": "engine/enginetest",
	"github.com/moby/moby/api/":                   "engine/enginetest",
	"github.com/Shopify/toxiproxy/":               "engine/enginetest",
	"github.com/rs/zerolog":                       "engine/enginetest",
	"pgregory.net/rapid":                          "engine/enginetest",
	"golang.org/x/term":                           "cmd/graphsnap",
	"github.com/spf13/cobra":                      "cmd/graphsnap",
	"github.com/vbauerster/mpb/":                  "cmd/graphsnap",
	"github.com/robfig/cron/":                     "engine/trigger",
	"golang.org/x/sys":                            "engine/local",
}

// anywhere are modules that any folder may import.
var anywhere = []string{"github.com/google/uuid"}

var topLevel = []string{
	"cmd", "engine", "cypher", "api", "frontend", "configs", "go.mod", "go.sum", "Makefile", "docker-compose.yml", "README.md", "LICENSE", "CHANGELOG.md", "bin",
}

// violations checks the rules on a tree: who imports whom, no init functions, the clock in one file.
func violations(tree fs.FS) []string {
	var found []string
	report := func(file, what string) { found = append(found, file+": "+what) }
	_ = fs.WalkDir(tree, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		raw, err := fs.ReadFile(tree, file)
		if err != nil {
			report(file, err.Error())
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, raw, parser.SkipObjectResolution)
		if err != nil {
			report(file, err.Error())
			return nil
		}
		folder, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
		for _, spec := range parsed.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if what := forbidden(folder, imported, test); what != "" {
				report(file, what)
			}
		}
		if !test {
			for _, what := range habits(parsed, file) {
				report(file, what)
			}
		}
		return nil
	})
	return found
}

func forbidden(folder, imported string, test bool) string {
	if own, ok := strings.CutPrefix(imported, "graphsnap/"); ok {
		allowed, house := houses[folder]
		switch {
		case strings.HasPrefix(folder, "cmd/"):
			if own == "engine/enginetest" && !test {
				return "imports enginetest, which is for tests"
			}
		case !house:
			return "this folder is no house: add it to the rules of this test"
		case test && (own == "engine/enginetest" || own == folder):
		case !slices.Contains(allowed, own):
			return folder + " may not import " + own
		}
		return ""
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if slices.Contains(anywhere, imported) {
		return ""
	}
	for prefix, owner := range owners {
		if strings.HasPrefix(imported, prefix) {
			if folder != owner && !test {
				return "only " + owner + " may import " + imported
			}
			return ""
		}
	}
	return "nobody owns " + imported + ": add it to the rules of this test"
}

// habits finds init functions and calls of time.Now.
func habits(file *ast.File, name string) []string {
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncDecl:
			if x.Name.Name == "init" && x.Recv == nil {
				found = append(found, "has an init function")
			}
		case *ast.SelectorExpr:
			if p, ok := x.X.(*ast.Ident); ok && p.Name == "time" && x.Sel.Name == "Now" && name != "engine/clock.go" {
				found = append(found, "calls time.Now; take an engine.Clock")
			}
		}
		return true
	})
	return found
}

func TestHousesKeepTheirRules(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(os.DirFS(root)) {
		t.Error(v)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s stands at the top level, where only %v belong", e.Name(), topLevel)
		}
	}
}

// TestRulesFindViolations breaks each rule once.
func TestRulesFindViolations(t *testing.T) {
	for want, source := range map[string]string{
		"engine/local may not import engine/collect": "package local\nimport _ \"graphsnap/engine/collect\"",
		"only engine/neo4jdb may import":             "package local\nimport _ \"github.com/neo4j/neo4j-go-driver/v5/neo4j\"",
		"nobody owns example.org/x":                  "package local\nimport _ \"example.org/x\"",
		"has an init function":                       "package local\nfunc init() {}",
		"calls time.Now":                             "package local\nimport \"time\"\nvar x = time.Now()",
	} {
		tree := memoryTree{"engine/local/x.go": source}
		found := violations(tree.fs(t))
		if len(found) != 1 || !strings.Contains(found[0], want) {
			t.Errorf("want %q, found %v", want, found)
		}
	}
}

type memoryTree map[string]string

func (m memoryTree) fs(t *testing.T) fs.FS {
	dir := t.TempDir()
	for name := range maps.Keys(m) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(m[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return os.DirFS(dir)
}
