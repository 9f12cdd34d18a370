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
		for _, l := range left {
			if l.rel == nil {
				continue
			}
			for name := range l.rel.columns {
				if _, ok := lookup(right, name); ok {
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

func sortedKeys(o object) []string {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
