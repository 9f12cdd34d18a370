package collect

import (
	"encoding/json"
	"sort"

	pgquery "github.com/wasilibs/go-pgquery"
)

// object is a node of PostgreSQL's parse tree in JSON; its keys are those of the server's own structures.
type object = map[string]any

// parseTree parses a text of SQL with PostgreSQL's own parser and gives its statements.
func parseTree(text string) ([]object, error) {
	raw, err := pgquery.ParseToJSON(text)
	if err != nil {
		return nil, err
	}
	var tree struct {
		Stmts []struct {
			Stmt object `json:"stmt"`
		} `json:"stmts"`
	}
	if err := json.Unmarshal([]byte(raw), &tree); err != nil {
		return nil, err
	}
	statements := make([]object, len(tree.Stmts))
	for i, s := range tree.Stmts {
		statements[i] = s.Stmt
	}
	return statements, nil
}

// using gives the column names of USING (...) or NATURAL.
func using(join object, left, right []*source) []string {
	var names []string
	for _, item := range list(join["usingClause"]) {
		if text, ok := item["String"].(object); ok {
			name, _ := text["sval"].(string)
			names = append(names, name)
		}
	}
	if natural, _ := join["isNatural"].(bool); natural {
		seen := map[string]bool{}
		for _, l := range left {
			for _, name := range l.names() {
				if _, ok := lookup(right, name); ok && !seen[name] {
					seen[name] = true
					names = append(names, name)
				}
			}
		}
		sort.Strings(names)
	}
	return names
}

func fields(ref object) []string {
	var names []string
	for _, f := range list(ref["fields"]) {
		if text, ok := f["String"].(object); ok {
			name, _ := text["sval"].(string)
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	return names
}

func hasStar(ref object) bool {
	for _, f := range list(ref["fields"]) {
		if _, ok := f["A_Star"]; ok {
			return true
		}
	}
	return false
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

func aliasOf(node object) string {
	alias, _ := node["alias"].(object)
	name, _ := alias["aliasname"].(string)
	return name
}

func list(v any) []object {
	items, _ := v.([]any)
	out := make([]object, 0, len(items))
	for _, item := range items {
		if o, ok := item.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// texts gives the strings of a list of names.
func texts(v any) []string {
	var names []string
	for _, item := range list(v) {
		if text, ok := item["String"].(object); ok {
			name, _ := text["sval"].(string)
			names = append(names, name)
		}
	}
	return names
}

// columnAliases gives the names in `x (a, b)`.
func columnAliases(node object) []string {
	alias, _ := node["alias"].(object)
	return texts(alias["colnames"])
}

// noPredicates are the operators that compute a value of both sides instead of comparing them.
var noPredicates = map[string]bool{
	"+": true, "-": true, "*": true, "/": true, "%": true, "^": true, "||": true, "->": true, "->>": true, "#>": true, "#>>": true,
	"&": true, "|": true, "#": true, "<->": true,
}

// compares says whether an operator's expression is a predicate.
func compares(e object) bool {
	if e["kind"] == "AEXPR_NULLIF" {
		return false
	}
	names := texts(e["name"])
	return len(names) == 0 || !noPredicates[names[len(names)-1]]
}

// implied gives the name that the server gives to a value without one: that of its function, or of what it casts.
func implied(value object) string {
	if call, ok := value["FuncCall"].(object); ok {
		if names := texts(call["funcname"]); len(names) > 0 {
			return names[len(names)-1]
		}
	}
	if cast, ok := value["TypeCast"].(object); ok {
		arg, _ := cast["arg"].(object)
		if ref, ok := arg["ColumnRef"].(object); ok {
			names := fields(ref)
			return names[len(names)-1]
		}
		return implied(arg)
	}
	if _, ok := value["CoalesceExpr"]; ok {
		return "coalesce"
	}
	return ""
}

func sortedKeys(o object) []string { return sortedNames(o) }

func sortedNames[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
