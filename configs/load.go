package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"graphsnap/engine"
)

// Find gives the file to load: the named one, else GRAPHSNAP_CONFIG, else the first of ./graphsnap.yaml, the user's
// ~/.config/graphsnap/graphsnap.yaml and /etc/graphsnap/graphsnap.yaml that exists, else "".
func Find(named string) string {
	if named != "" {
		return named
	}
	if file := os.Getenv("GRAPHSNAP_CONFIG"); file != "" {
		return file
	}
	places := []string{"graphsnap.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(dir, "graphsnap", "graphsnap.yaml"))
	}
	for _, file := range append(places, "/etc/graphsnap/graphsnap.yaml") {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// maxFile bounds a configuration file, bytes.
const maxFile = 1 << 20

// Load reads a file, or only defaults where the name is "", then the environment, and checks the whole. warnings name
// variables that look like ours but mean nothing. Kinds: invalid, not_found.
func Load(file string, environ []string) (c Config, warnings []string, err error) {
	c = Default()
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			kind := engine.KindInvalid
			if errors.Is(err, fs.ErrNotExist) {
				kind = engine.KindNotFound
			}
			return c, nil, engine.Errorf(kind, "config", "%s cannot be read", file).WithCause(err).WithHint("`graphsnap config example` prints one to begin with")
		}
		defer func() { _ = f.Close() }()
		raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		if err != nil || len(raw) > maxFile {
			return c, nil, engine.Errorf(engine.KindInvalid, "config", "%s is no configuration: it cannot be read or has more than 1 MiB", file)
		}
		if c, err = Parse(raw, file); err != nil {
			return c, nil, err
		}
	}
	if warnings, err = override(&c, environ); err != nil {
		return c, nil, err
	}
	return c, warnings, c.check()
}

// Parse reads the text of a configuration over the defaults; name stands in errors. It does not look at the
// environment. Kinds: invalid.
func Parse(raw []byte, name string) (Config, error) {
	c := Default()
	decoder := yaml.NewDecoder(bytes.NewReader(raw), yaml.DisallowUnknownField(),
		yaml.CustomUnmarshaler(func(d *Duration, raw []byte) error {
			span, err := parseDuration(strings.Trim(strings.TrimSpace(string(raw)), `"'`))
			*d = Duration(span)
			return err
		}))
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, explain(err, raw, name)
	}
	return c, nil
}

// parseDuration adds days and years to what Go knows.
func parseDuration(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "y": 365 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			if v, err := strconv.ParseFloat(n, 64); err == nil && v >= 0 && v < 1e5 {
				return time.Duration(v * float64(length)), nil
			}
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time span; write 90s, 5m, 12h or 30d", text)
	}
	return d, nil
}

var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// explain gives the place, an excerpt and, for unknown keys, what was probably meant.
func explain(err error, raw []byte, name string) error {
	line, column, message := 0, 0, err.Error()
	var at yaml.Error
	if errors.As(err, &at) {
		message = at.GetMessage()
		if token := at.GetToken(); token != nil && token.Position != nil {
			line, column = token.Position.Line, token.Position.Column
		}
	}
	e := engine.Errorf(engine.KindInvalid, "config", "%s: %s", name, message)
	if line > 0 {
		e = engine.Errorf(engine.KindInvalid, "config", "%s:%d:%d: %s\n%s", name, line, column, message, excerpt(raw, line, column))
	}
	e.Hint = "`graphsnap config example` shows every key"
	if m := unknownField.FindStringSubmatch(message); m != nil {
		guess := nearest(m[1], keysAt(raw, line))
		if guess == "" {
			// On one line, or in the wrong section: some key of any section may be meant.
			guess = nearest(m[1], everyKey())
		}
		if guess != "" {
			e.Hint = fmt.Sprintf("did you mean %q?", guess)
		}
	}
	return e
}

// excerpt shows the line and the one before it, with a caret under the column.
func excerpt(raw []byte, line, column int) string {
	lines := strings.Split(string(raw), "\n")
	var b strings.Builder
	for n := max(1, line-1); n <= line && n <= len(lines); n++ {
		fmt.Fprintf(&b, "%5d | %s\n", n, strings.TrimRight(lines[n-1], "\r"))
	}
	fmt.Fprintf(&b, "      | %s^", strings.Repeat(" ", max(0, column-1)))
	return b.String()
}

// keysAt lists the keys that are allowed where a line stands: the path of its parents by indentation.
func keysAt(raw []byte, line int) []string {
	lines := strings.Split(string(raw), "\n")
	if line < 1 || line > len(lines) {
		return nil
	}
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " -")) }
	var parents []string
	depth := indent(lines[line-1])
	for i := line - 2; i >= 0 && depth > 0; i-- {
		text := lines[i]
		if trimmed := strings.TrimSpace(text); trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		if d := indent(text); d < depth {
			key, _, _ := strings.Cut(strings.TrimLeft(text, " -"), ":")
			parents, depth = append([]string{strings.TrimSpace(key)}, parents...), d
		}
	}
	return allowed(parents)
}

// allowed lists the keys under a path of the example, which holds every key.
func allowed(parents []string) []string {
	file, err := parseExample()
	if err != nil {
		return nil
	}
	node := file
	for _, p := range parents {
		m, ok := node.(*ast.MappingNode)
		if !ok {
			return nil
		}
		i := slices.IndexFunc(m.Values, func(v *ast.MappingValueNode) bool { return v.Key.String() == p })
		if i < 0 {
			return nil
		}
		node = m.Values[i].Value
		if list, ok := node.(*ast.SequenceNode); ok && len(list.Values) > 0 {
			node = list.Values[0]
		}
	}
	m, ok := node.(*ast.MappingNode)
	if !ok {
		return nil
	}
	var keys []string
	for _, v := range m.Values {
		keys = append(keys, v.Key.String())
	}
	return keys
}

// everyKey lists the keys of all sections.
func everyKey() []string {
	file, err := parseExample()
	if err != nil {
		return nil
	}
	var keys []string
	ast.Walk(collector(func(n ast.Node) {
		if v, ok := n.(*ast.MappingValueNode); ok {
			keys = append(keys, v.Key.String())
		}
	}), file)
	return keys
}

// collector visits every node of a tree.
type collector func(ast.Node)

// Visit passes a node on and goes deeper.
func (c collector) Visit(n ast.Node) ast.Visitor {
	c(n)
	return c
}

// nearest gives the word with the smallest edit distance, if that is at most a third of the word.
func nearest(word string, words []string) string {
	best, distance := "", len(word)/3+2
	for _, w := range words {
		if d := levenshtein(word, w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// check looks at values that are well-formed but make no sense.
func (c *Config) check() error {
	fail := func(hint, format string, args ...any) error {
		return engine.Errorf(engine.KindInvalid, "config", format, args...).WithHint("%s", hint)
	}
	if c.Server.Port < 1 || c.Server.Port > 65535 {
		return fail("choose 1 to 65535", "server.port %d is out of range", c.Server.Port)
	}
	if c.Server.ImportLimitMB < 1 || c.Server.ImportLimitMB > 1<<30 {
		return fail("write the MiB that one import may have, such as 16384", "server.import_limit_mb %d is out of range", c.Server.ImportLimitMB)
	}
	for name, uri := range map[string]string{"live.uri": c.Live.URI, "snapshots.uri": c.Snapshots.URI} {
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || !slices.Contains([]string{"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"}, u.Scheme) {
			return fail("write bolt://HOST:7687 or neo4j+s://HOST", "%s %q is no address of a Neo4j", name, uri)
		}
	}
	seen, defaults := map[string]bool{}, 0
	for i, s := range c.Sources {
		switch {
		case s.Name == "":
			return fail("give it one, such as shop", "sources[%d] has no name", i)
		case seen[s.Name]:
			return fail("names tell sources apart", "two sources are called %q", s.Name)
		case !slices.Contains([]string{"", "postgresql", "mysql", "mariadb"}, s.Type):
			return fail("types are postgresql, mysql and mariadb", "source %q has type %q", s.Name, s.Type)
		case s.DSN == "":
			return fail("write postgres://USER@HOST:5432/DATABASE or mysql://USER@HOST:3306/DATABASE", "source %q has no dsn", s.Name)
		}
		seen[s.Name] = true
		if s.Default {
			defaults++
		}
	}
	if defaults > 1 {
		return fail("keep `default: true` at one", "%d sources are the default", defaults)
	}
	if c.Collect.Interval < Duration(time.Second) || c.Collect.Window < c.Collect.Interval {
		return fail("collect.interval is at least 1s and collect.window no shorter", "collect.interval %s with collect.window %s", c.Collect.Interval, c.Collect.Window)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return fail("levels are debug, info, warn and error", "log.level is %q", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fail("formats are text and json", "log.format is %q", c.Log.Format)
	}
	return nil
}

// ReadPassword gives the password of a database, from its file where it has one. Kinds: invalid, denied.
func (d Database) ReadPassword() (string, error) {
	if d.PasswordFile == "" {
		return string(d.Password), nil
	}
	raw, err := os.ReadFile(d.PasswordFile)
	if err != nil {
		return "", engine.Errorf(engine.KindDenied, "config", "the password file %s cannot be read", d.PasswordFile).WithCause(err)
	}
	return strings.TrimSpace(string(raw)), nil
}
