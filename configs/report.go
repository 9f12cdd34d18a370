package configs

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"graphsnap/engine"
)

// problem is one thing that is wrong.
type problem struct {
	at            place
	message, hint string
}

// report gathers what is wrong with a configuration, and knows where each key of it is written.
type report struct {
	name     string
	raw      []byte
	keys     map[string]place // of the key, by path: rules[0].threshold.metric
	values   map[string]place // of the value
	secrets  []string         // that stand in it
	problems []problem
	warnings []string
}

func newReport(name string, raw []byte) *report {
	return &report{name: name, raw: raw, keys: map[string]place{}, values: map[string]place{}}
}

// find gives the place of a path, or of the nearest part around it that is written.
func find(places map[string]place, path string) place {
	for {
		if at, ok := places[path]; ok {
			return at
		}
		if path = path[:max(0, strings.LastIndexAny(path, ".["))]; path == "" {
			return place{}
		}
	}
}

// written says whether the file has a key at a path.
func (r *report) written(path string) bool {
	_, ok := r.keys[path]
	return ok
}

// at notes what is wrong with the value at a path.
func (r *report) at(path, hint, format string, args ...any) {
	r.problems = append(r.problems, problem{find(r.values, path), fmt.Sprintf(format, args...), hint})
}

// atKey notes what is wrong with the key at a path.
func (r *report) atKey(path, hint, format string, args ...any) {
	r.problems = append(r.problems, problem{find(r.keys, path), fmt.Sprintf(format, args...), hint})
}

// cause notes an error about the value at a path.
func (r *report) cause(path string, err error) {
	message := err.Error()
	var e *engine.Error
	if errors.As(err, &e) && e.Op != "" {
		message = strings.TrimPrefix(message, e.Op+": ") // the place says it better
	}
	r.at(path, engine.HintOf(err), "%s", message)
}

// alias says that what a path stands for is written elsewhere.
func (r *report) alias(path, written string) {
	for _, places := range []map[string]place{r.keys, r.values} {
		places[path] = find(places, written)
	}
}

// aliasAll does so for all that is below the path as well.
func (r *report) aliasAll(path, written string) {
	for _, places := range []map[string]place{r.keys, r.values} {
		for below, at := range maps.Clone(places) {
			if rest, ok := strings.CutPrefix(below, written); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				places[path+rest] = at
			}
		}
	}
}

// where names a place for people.
func (r *report) where(path string) string {
	at := find(r.values, path)
	switch {
	case at.env != "":
		return at.env
	case at.line == 0:
		return path
	}
	return fmt.Sprintf("line %d (%s)", at.line, path)
}

func (r *report) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// moreProblems bounds how many are listed after the first one.
const moreProblems = 20

// err gives all problems as one error: the first in full, the others in a line each.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	list := r.problems
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i].at, list[j].at
		return a.line < b.line || a.line == b.line && a.column < b.column
	})
	first := list[0]
	text := r.position(first.at) + first.message
	if first.at.line > 0 {
		text += "\n" + r.excerpt(first.at.line, first.at.column)
	}
	for i, p := range list[1:] {
		if i == moreProblems {
			text += fmt.Sprintf("\nand %d more", len(list)-1-i)
			break
		}
		text += "\nalso " + r.position(p.at) + p.message
		if p.hint != "" {
			text += " (" + p.hint + ")"
		}
	}
	return engine.Errorf(engine.KindInvalid, "config", "%s", text).WithHint("%s", first.hint)
}

func (r *report) position(at place) string {
	switch {
	case at.env != "":
		return "environment variable " + at.env + ": "
	case at.line > 0:
		return fmt.Sprintf("%s:%d:%d: ", r.name, at.line, at.column)
	case r.name != "":
		return r.name + ": "
	}
	return ""
}

// widest is how much of a line an excerpt shows, in characters.
const widest = 120

// excerpt shows the line and the one before it, with a caret under the column. Errors go to logs and over the network, so
// what is secret in them is covered, letter by letter, which leaves the columns where they are.
func (r *report) excerpt(line, column int) string {
	lines := strings.Split(string(r.raw), "\n")
	var b strings.Builder
	for n := max(1, line-1); n <= line && n <= len(lines); n++ {
		text := []rune(r.covered(strings.ReplaceAll(strings.TrimRight(lines[n-1], "\r"), "\t", " ")))
		if len(text) > widest {
			text = append(text[:widest:widest], []rune(" ...")...)
		}
		fmt.Fprintf(&b, "%5d | %s\n", n, string(text))
	}
	fmt.Fprintf(&b, "      | %s^", strings.Repeat(" ", min(widest, max(0, column-1))))
	return b.String()
}

// What is secret in a line: in a file that cannot be parsed this is all there is to go by.
var (
	secretRest  = regexp.MustCompile(`^(\s*(?:- )*\s*["']?(?:password|secret|dsn|url)["']?\s*:\s+)(\S.*)$`)
	secretValue = regexp.MustCompile(`([{,]\s*["']?(?:password|secret|dsn|url)["']?\s*:\s*)("[^"]*"?|'[^']*'?|[^,}]+)`)
	secretURL   = regexp.MustCompile(`(://)([^@\s]*)@`)
)

func (r *report) covered(line string) string {
	for _, secret := range r.secrets {
		line = strings.ReplaceAll(line, secret, cover(secret))
	}
	for _, form := range []*regexp.Regexp{secretRest, secretValue, secretURL} {
		at := form.FindAllStringSubmatchIndex(line, -1)
		for i := len(at) - 1; i >= 0; i-- {
			from, to := at[i][4], at[i][5]
			line = line[:from] + cover(line[from:to]) + line[to:]
		}
	}
	return line
}

func cover(secret string) string { return strings.Repeat("x", utf8.RuneCountInString(secret)) }

// quoted lists words for a hint.
func quoted(words []string) string { return strings.Join(words, ", ") }

// guess gives `did you mean "x"?` where one of the words is near, else the words.
func guess(word string, words []string, what string) string {
	if near := nearest(word, words); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return what + ": " + quoted(words)
}

// nearest gives the word with the smallest edit distance, if that is at most a third of the word.
func nearest(word string, words []string) string {
	best, distance := "", len(word)/3+2
	for _, w := range words {
		if d := levenshtein(strings.ToLower(word), strings.ToLower(w)); d < distance {
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
