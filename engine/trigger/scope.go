package trigger

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"graphsnap/engine"
)

// The kinds of scopes.
const (
	ScopeTotals       = "totals"       // the whole source
	ScopeNode         = "node"         // users:Table, or users whatever its label
	ScopePair         = "pair"         // users->products: the relationships of the metric's type from one to the other
	ScopeRelationship = "relationship" // users:Table-[AVG_LATENCY_MS]->products:Table
	ScopeLabel        = "label"        // label:Table: all nodes with the label
	ScopeType         = "type"         // type:AVG_LATENCY_MS: all relationships of the type
)

// Scope says which elements a rule looks at.
type Scope struct {
	Kind     string
	Source   string // source:shop; "" for the sources of the rule
	Name     string // key or name of the node, key of the relationship, label or type
	From, To string // keys or names of the ends of a pair
}

// ParseScope reads a scope:
//
//	""                                         the whole source
//	source:shop                                the whole source, where it is shop
//	users:Table, users                         a node by key or by name
//	users->products                            the relationships from users to products, ends by name or key
//	users:Table-[AVG_LATENCY_MS]->products:Table   a relationship by key
//	label:Table                                all nodes with a label; the rule looks at each of them
//	type:AVG_LATENCY_MS                        all relationships of a type
//
// A node whose name is label, type or source is to be written as an end of a pair or by a relationship. Kinds: invalid.
func ParseScope(text string) (Scope, error) {
	const op = "scope"
	const hint = "write users->products, users:Table, label:Table or type:AVG_LATENCY_MS, or nothing for the whole source"
	text = strings.TrimSpace(text)
	bad := func(why string) (Scope, error) {
		return Scope{}, engine.Errorf(engine.KindInvalid, op, "%q is no scope: %s", text, why).WithHint(hint)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return bad("it holds control characters")
	}
	if text == "" {
		return Scope{Kind: ScopeTotals}, nil
	}
	if prefix, name, ok := strings.Cut(text, ":"); ok && !strings.Contains(text, "->") {
		name = strings.TrimSpace(name)
		switch prefix {
		case "source":
			if name == "" {
				return bad("it names no source")
			}
			return Scope{Kind: ScopeTotals, Source: name}, nil
		case "label":
			if name == "" {
				return bad("it names no label")
			}
			return Scope{Kind: ScopeLabel, Name: name}, nil
		case "type":
			if name == "" {
				return bad("it names no type of relationships")
			}
			return Scope{Kind: ScopeType, Name: name}, nil
		}
	}
	if from, rest, ok := strings.Cut(text, "-["); ok {
		relType, to, ok := strings.Cut(rest, "]->")
		if !ok || from == "" || relType == "" || to == "" {
			return bad("a key of a relationship is from-[TYPE]->to")
		}
		return Scope{Kind: ScopeRelationship, Name: text}, nil
	}
	if from, to, ok := strings.Cut(text, "->"); ok {
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		switch {
		case from == "" || to == "":
			return bad("one end is missing")
		case strings.Contains(to, "->"):
			return bad("a pair has two ends; make a rule for each step of a path")
		}
		return Scope{Kind: ScopePair, From: from, To: to}, nil
	}
	return Scope{Kind: ScopeNode, Name: text}, nil
}

// String writes the scope so that ParseScope reads it.
func (s Scope) String() string {
	switch s.Kind {
	case ScopeTotals:
		if s.Source != "" {
			return "source:" + s.Source
		}
		return ""
	case ScopeLabel:
		return "label:" + s.Name
	case ScopeType:
		return "type:" + s.Name
	case ScopePair:
		return s.From + "->" + s.To
	}
	return s.Name
}

// single says that the scope holds one element at most.
func (s Scope) single() bool { return s.Kind != ScopeLabel && s.Kind != ScopeType }

// named says whether a key is meant by a key or a name.
func named(key, keyOrName string) bool { return key == keyOrName || engine.KeyName(key) == keyOrName }
