package configs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// place is where something is written; line 0 means nowhere in the file.
type place struct {
	line, column int
	env          string // the environment variable that set it instead
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{line: t.Position.Line, column: t.Position.Column}
}

type nodeKind int

const (
	scalarNode nodeKind = iota
	nullNode
	listNode
	mapNode
)

// node is a YAML value with its place; anchors, aliases and merge keys are resolved.
type node struct {
	kind    nodeKind
	at      place
	text    string // scalars
	quoted  bool   // scalars
	items   []*node
	entries []entry
}

type entry struct {
	name  string
	at    place
	value *node
}

// get gives the value of a key, or nil.
func (n *node) get(name string) *node {
	for _, e := range n.entries {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

// What a file may hold. Both are far above any real one and far below what would take the program's memory: nine lines of
// anchors can stand for billions of values.
const (
	maxNodes = 50_000
	maxDepth = 64
)

// treeBuilder turns the parser's tree into nodes.
type treeBuilder struct {
	anchors map[string]*node
	open    map[string]bool // anchors whose value is being read
	nodes   int
}

// parseTree reads one YAML document; an empty one gives nil.
func parseTree(raw []byte) (*node, *problem) {
	tokens := lexer.Tokenize(string(raw))
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth > maxDepth {
			return nil, &problem{at: placeOf(t), message: fmt.Sprintf("more than %d brackets are open", maxDepth), hint: "a configuration needs four levels; is a bracket not closed?"}
		}
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntax(err, raw)
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.NullType || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.CommentGroupType {
			continue
		}
		if body != nil {
			return nil, &problem{at: placeOf(d.Start), message: "the file has a second document", hint: "a configuration is one document: remove the line with --- and what follows"}
		}
		body = d.Body
	}
	if body == nil {
		return nil, nil
	}
	b := &treeBuilder{anchors: map[string]*node{}, open: map[string]bool{}}
	return b.build(body, 0)
}

var twice = regexp.MustCompile(`mapping key "(.*)" already defined at \[(\d+):`)

// syntax explains what the parser did not understand.
func syntax(err error, raw []byte) *problem {
	p := &problem{message: err.Error(), hint: "`graphsnap config example` shows how each key is written"}
	var at yaml.Error
	if !errors.As(err, &at) {
		return p
	}
	p.message, p.at = at.GetMessage(), placeOf(at.GetToken())
	line := ""
	if lines := strings.Split(string(raw), "\n"); p.at.line > 0 && p.at.line <= len(lines) {
		line = lines[p.at.line-1]
	}
	switch {
	case strings.Contains(p.message, "character '\t'"):
		p.message, p.hint = "a tab stands where YAML wants spaces", "indent by two spaces"
	case strings.Contains(p.message, "already defined"):
		p.hint = "keep one of the two"
		if m := twice.FindStringSubmatch(p.message); m != nil {
			p.message = fmt.Sprintf("the key %q stands here and in line %s", m[1], m[2])
		}
	case strings.Contains(p.message, "invalid header option"):
		p.message, p.hint = "a value that begins with > or | must be quoted", "write it in quotes: \"> 1000ms\""
	case strings.Contains(p.message, "must be specified"), strings.Contains(p.message, "not found"), strings.Contains(p.message, "could not find end character"):
		p.hint = "close the bracket or quote that is open"
	case strings.Contains(line, ": ") && strings.Contains(p.message, "not allowed in this context"):
		p.hint = "write each key on its own line, lines of one level with the same indentation, and texts with a colon in quotes"
	}
	return p
}

func (b *treeBuilder) build(n ast.Node, depth int) (*node, *problem) {
	at := placeOf(n.GetToken())
	if b.nodes++; b.nodes > maxNodes {
		return nil, &problem{at: at, message: fmt.Sprintf("the file stands for more than %d values", maxNodes), hint: "an anchor that holds aliases of anchors multiplies; write the values out"}
	}
	if depth > maxDepth {
		return nil, &problem{at: at, message: fmt.Sprintf("the file is more than %d levels deep", maxDepth), hint: "a configuration needs four levels"}
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{kind: nullNode, at: at}, nil
	case *ast.TagNode:
		return b.build(n.Value, depth+1)
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		b.open[name] = true
		value, p := b.build(n.Value, depth+1)
		delete(b.open, name)
		b.anchors[name] = value
		return value, p
	case *ast.AliasNode:
		return b.alias(n, at)
	case *ast.SequenceNode:
		out := &node{kind: listNode, at: at}
		for _, v := range n.Values {
			item, p := b.build(v, depth+1)
			if p != nil {
				return nil, p
			}
			out.items = append(out.items, item)
		}
		return out, nil
	case *ast.MappingNode:
		out := &node{kind: mapNode, at: at}
		if len(n.Values) > 0 && !n.IsFlowStyle {
			out.at = placeOf(n.Values[0].Key.GetToken())
		}
		for _, v := range n.Values {
			if p := b.entry(out, v, depth); p != nil {
				return nil, p
			}
		}
		return out, nil
	case *ast.MappingValueNode:
		out := &node{kind: mapNode, at: placeOf(n.Key.GetToken())}
		return out, b.entry(out, n, depth)
	case *ast.LiteralNode:
		return &node{at: at, text: strings.TrimSpace(n.Value.Value), quoted: true}, nil
	case *ast.StringNode:
		return &node{at: at, text: n.Value, quoted: n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType}, nil
	}
	return &node{at: at, text: n.GetToken().Value}, nil
}

// alias gives a copy, because each place that repeats a value counts against maxNodes.
func (b *treeBuilder) alias(n *ast.AliasNode, at place) (*node, *problem) {
	name := n.Value.GetToken().Value
	if b.open[name] {
		return nil, &problem{at: at, message: fmt.Sprintf("the anchor &%s holds itself", name), hint: "write the value out"}
	}
	value, ok := b.anchors[name]
	if !ok {
		return nil, &problem{at: at, message: fmt.Sprintf("there is no anchor &%s before this alias", name), hint: "quote the value if it is a text that begins with *"}
	}
	if b.nodes += value.size(maxNodes); b.nodes > maxNodes {
		return nil, &problem{at: at, message: fmt.Sprintf("with this alias the file stands for more than %d values", maxNodes), hint: "an anchor that holds aliases of anchors multiplies; write the values out"}
	}
	return value, nil
}

// size counts a value and all in it, up to a limit.
func (n *node) size(limit int) int {
	count := 1
	for _, i := range n.items {
		if count < limit {
			count += i.size(limit - count)
		}
	}
	for _, e := range n.entries {
		if count < limit {
			count += e.value.size(limit - count)
		}
	}
	return count
}

func (b *treeBuilder) entry(out *node, v *ast.MappingValueNode, depth int) *problem {
	at := placeOf(v.Key.GetToken())
	value, p := b.build(v.Value, depth+1)
	if p != nil {
		return p
	}
	if !v.Key.IsMergeKey() {
		name := v.Key.GetToken().Value
		// A key of its own stands before what a merge brought.
		for i, e := range out.entries {
			if e.name == name {
				out.entries[i] = entry{name, at, value}
				return nil
			}
		}
		out.entries = append(out.entries, entry{name, at, value})
		return nil
	}
	from := []*node{value}
	if value.kind == listNode {
		from = value.items
	}
	for _, m := range from {
		if m.kind != mapNode {
			return &problem{at: at, message: "<< takes keys from a map, and this is none", hint: "write <<: *NAME of an anchor that holds keys"}
		}
		for _, e := range m.entries {
			if out.get(e.name) == nil {
				out.entries = append(out.entries, e)
			}
		}
	}
	return nil
}
