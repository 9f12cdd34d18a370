package engine

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Template is a named scope of captures. Empty lists select everything; a relationship is captured where both ends are.
type Template struct {
	Name              string   `json:"name" yaml:"name"`
	Description       string   `json:"description,omitempty" yaml:"description,omitempty" doc:"Of the snapshots, where a capture gives none"`
	Sources           []string `json:"sources,omitempty" yaml:"sources,omitempty" doc:"The sources that it is for"`
	Labels            []string `json:"labels,omitempty" yaml:"labels,omitempty" doc:"Nodes with one of these labels"`
	RelationshipTypes []string `json:"relationship_types,omitempty" yaml:"relationship_types,omitempty" doc:"Relationships of one of these types"`
	Keys              []string `json:"keys,omitempty" yaml:"keys,omitempty" doc:"Nodes whose key, or name, fits a pattern with * and ?; !PATTERN takes out" example:"[\"order*\",\"!*_archive\"]"`
	Properties        []string `json:"properties,omitempty" yaml:"properties,omitempty" doc:"Names of the properties that stay; name, value and severity always do"`
	Tags              []string `json:"tags,omitempty" yaml:"tags,omitempty" doc:"Added to the tags of the snapshots"`
	Retention         string   `json:"retention,omitempty" yaml:"retention,omitempty" doc:"Retention class of the snapshots, where a capture gives none"`
}

var templateForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// keptProperties stay whatever the template says: without them an element says nothing, and bottlenecks are none.
var keptProperties = []string{"name", "value", "severity"}

// Validate holds a template to its form. Kinds: invalid.
func (t *Template) Validate() error {
	const op = "template"
	if !templateForm.MatchString(t.Name) {
		return Errorf(KindInvalid, op, "%q is no name of a template", t.Name).WithHint("use letters, digits, ., - and _, at most 64")
	}
	for what, list := range map[string][]string{"sources": t.Sources, "labels": t.Labels, "relationship_types": t.RelationshipTypes, "keys": t.Keys, "properties": t.Properties} {
		if slices.Contains(list, "") {
			return Errorf(KindInvalid, op, "template %s has an empty entry in %s", t.Name, what).WithHint("leave the whole list out to select everything")
		}
	}
	for _, pattern := range t.Keys {
		if _, err := path.Match(asGlob(strings.TrimPrefix(pattern, "!")), ""); err != nil || pattern == "!" {
			return Errorf(KindInvalid, op, "template %s has the key pattern %q, which cannot be read", t.Name, pattern).WithHint("write order* or !*_archive; [a-z] stands for one character, \\ takes the meaning of the next away")
		}
	}
	if t.Retention != "" && !classForm.MatchString(t.Retention) {
		return Errorf(KindInvalid, op, "template %s has %q as retention, which is no name of a class", t.Name, t.Retention).WithHint("name a class of the retention policy")
	}
	r := CaptureRequest{Description: t.Description, Tags: t.Tags}
	return r.normalise()
}

// asGlob takes the meaning of / away, which is a character as any other in a key.
func asGlob(pattern string) string { return strings.ReplaceAll(pattern, "/", "\x00") }

// fitsKey reports whether a pattern fits a key, or the name in it.
func fitsKey(pattern, key string) bool {
	glob := asGlob(pattern)
	whole, _ := path.Match(glob, asGlob(key)) // patterns are validated
	name, _ := path.Match(glob, asGlob(KeyName(key)))
	return whole || name
}

func (t *Template) selectsKey(key string) bool {
	wanted, fits := false, false
	for _, pattern := range t.Keys {
		if out, negated := strings.CutPrefix(pattern, "!"); negated {
			if fitsKey(out, key) {
				return false
			}
			continue
		}
		wanted = true
		fits = fits || fitsKey(pattern, key)
	}
	return fits || !wanted
}

func (t *Template) selectsNode(n *Node) bool {
	labelled := len(t.Labels) == 0 || slices.ContainsFunc(n.Labels, func(l string) bool { return slices.Contains(t.Labels, l) })
	return labelled && t.selectsKey(n.Key)
}

func (t *Template) selectsType(relType string) bool {
	return len(t.RelationshipTypes) == 0 || slices.Contains(t.RelationshipTypes, relType)
}

func (t *Template) narrow(p Properties) Properties {
	if len(t.Properties) == 0 {
		return p
	}
	out := make(Properties, len(t.Properties)+len(keptProperties))
	for _, list := range [][]string{t.Properties, keptProperties} {
		for _, name := range list {
			if v, there := p[name]; there {
				out[name] = v
			}
		}
	}
	return out
}

// Sink gives a sink that hands on to next what the template selects. It stands behind the proof of a reading, so that what
// proves the whole proves the part.
func (t *Template) Sink(next Sink) Sink { return &scoped{t: t, next: next, kept: map[string]bool{}} }

type scoped struct {
	t    *Template
	next Sink
	kept map[string]bool // keys of the nodes that were handed on
}

func (s *scoped) Nodes(ctx context.Context, nodes []Node, digests []int64) error {
	var out []Node
	var kept []int64
	for i := range nodes {
		n := nodes[i]
		if !s.t.selectsNode(&n) {
			continue
		}
		s.kept[n.Key] = true
		n.Properties = s.t.narrow(n.Properties)
		out, kept = append(out, n), s.digest(kept, digests, i)
	}
	if len(out) == 0 {
		return ctx.Err()
	}
	return s.next.Nodes(ctx, out, kept)
}

func (s *scoped) Relationships(ctx context.Context, rels []Relationship, digests []int64) error {
	var out []Relationship
	var kept []int64
	for i := range rels {
		r := rels[i]
		if !s.t.selectsType(r.Type) || !s.kept[r.From] || !s.kept[r.To] {
			continue
		}
		r.Properties = s.t.narrow(r.Properties)
		out, kept = append(out, r), s.digest(kept, digests, i)
	}
	if len(out) == 0 {
		return ctx.Err()
	}
	return s.next.Relationships(ctx, out, kept)
}

// digest keeps what a store holds beside an element, as long as the element stays as it is.
func (s *scoped) digest(kept, digests []int64, i int) []int64 {
	if digests == nil || len(s.t.Properties) > 0 {
		return nil
	}
	return append(kept, digests[i])
}

// SetTemplates replaces all templates; captures under way keep theirs. Kinds: invalid.
func (e *Engine) SetTemplates(list []Template) error {
	named := make(map[string]*Template, len(list))
	for i := range list {
		t := list[i]
		if err := t.Validate(); err != nil {
			return err
		}
		if named[t.Name] != nil {
			return Errorf(KindInvalid, "template", "there are two templates %q", t.Name).WithHint("give one of them another name")
		}
		named[t.Name] = &t
	}
	e.templates.Store(&named)
	return nil
}

// Templates lists the templates, by name.
func (e *Engine) Templates() []Template {
	var out []Template
	if all := e.templates.Load(); all != nil {
		for _, name := range sortedNames(*all) {
			out = append(out, *(*all)[name])
		}
	}
	return out
}

// Template gives a template by name. Kinds: not_found.
func (e *Engine) Template(name string) (*Template, error) {
	hint := "no template is configured; leave the template out to capture everything"
	if all := e.templates.Load(); all != nil {
		if t := (*all)[name]; t != nil {
			return t, nil
		}
		if len(*all) > 0 {
			hint = "templates are: " + strings.Join(sortedNames(*all), ", ")
		}
	}
	return nil, Errorf(KindNotFound, "template", "there is no template %q", name).WithHint("%s", hint)
}

// scope resolves the template of a request and fills in what the request leaves to it.
func (e *Engine) scope(r *CaptureRequest) error {
	if r.Template == "" {
		return nil
	}
	t, err := e.Template(r.Template)
	if err != nil {
		return err
	}
	r.scope = t
	if strings.TrimSpace(r.Description) == "" {
		r.Description = t.Description
	}
	if r.Retention == "" {
		r.Retention = t.Retention
	}
	r.Tags = append(slices.Clone(r.Tags), t.Tags...)
	return nil
}

// through puts a template in front of a sink; nil selects everything.
func (t *Template) through(next Sink) Sink {
	if t == nil {
		return next
	}
	return t.Sink(next)
}

// isFor holds a template to its sources. Kinds: invalid.
func (t *Template) isFor(source string) error {
	if t == nil || len(t.Sources) == 0 || slices.Contains(t.Sources, source) {
		return nil
	}
	return Errorf(KindInvalid, "template", "template %s is not for source %s", t.Name, source).WithHint("it is for: %s", strings.Join(t.Sources, ", "))
}

// TemplatePreview is what a template would capture now.
type TemplatePreview struct {
	Source            string
	Nodes             int // of the live graph
	Relationships     int
	KeptNodes         int
	KeptRelationships int
	Labels            map[string]Scoped // nodes by their first label
	RelationshipTypes map[string]Scoped
	Warnings          []string // entries of the template that match nothing
}

// Scoped counts elements in the live graph and those of them that a template keeps.
type Scoped struct{ Live, Kept int }

// PreviewTemplate holds a template against the live graph of a source, proven or not; nothing is captured. Kinds: invalid,
// not_found, unavailable.
func (e *Engine) PreviewTemplate(ctx context.Context, t Template, source string) (*TemplatePreview, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if source == "" && len(t.Sources) == 1 {
		source = t.Sources[0]
	}
	source, err := e.liveSource(ctx, source)
	if err != nil {
		return nil, err
	}
	_, g, err := e.LiveGraph(ctx, source)
	if err != nil {
		return nil, err
	}
	p := &TemplatePreview{
		Source: source, Nodes: len(g.Nodes), Relationships: len(g.Relationships), Labels: map[string]Scoped{}, RelationshipTypes: map[string]Scoped{}, Warnings: []string{},
	}
	kept := &collected{}
	if err := Feed(ctx, g, t.Sink(kept)); err != nil {
		return nil, err
	}
	p.KeptNodes, p.KeptRelationships = len(kept.Graph.Nodes), len(kept.Graph.Relationships)
	tally := func(m map[string]Scoped, name string, live, kept int) {
		m[name] = Scoped{m[name].Live + live, m[name].Kept + kept}
	}
	for _, n := range g.Nodes {
		tally(p.Labels, n.Type(), 1, 0)
	}
	for _, n := range kept.Graph.Nodes {
		tally(p.Labels, n.Type(), 0, 1)
	}
	for _, r := range g.Relationships {
		tally(p.RelationshipTypes, r.Type, 1, 0)
	}
	for _, r := range kept.Graph.Relationships {
		tally(p.RelationshipTypes, r.Type, 0, 1)
	}
	p.warn(&t, g)
	return p, nil
}

// warn names the entries of a template that match nothing in a graph.
func (p *TemplatePreview) warn(t *Template, g *Graph) {
	labels, types, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, n := range g.Nodes {
		for _, l := range n.Labels {
			labels[l] = true
		}
		for name := range n.Properties {
			names[name] = true
		}
	}
	for _, r := range g.Relationships {
		types[r.Type] = true
		for name := range r.Properties {
			names[name] = true
		}
	}
	missing := func(format string, args ...any) { p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...)) }
	if err := t.isFor(p.Source); err != nil {
		missing("the template is not for source %s", p.Source)
	}
	for _, l := range t.Labels {
		if !labels[l] {
			missing("no node has the label %s", l)
		}
	}
	for _, r := range t.RelationshipTypes {
		if !types[r] {
			missing("there is no relationship of type %s", r)
		}
	}
	for _, pattern := range t.Keys {
		if !slices.ContainsFunc(g.Nodes, func(n Node) bool { return fitsKey(strings.TrimPrefix(pattern, "!"), n.Key) }) {
			missing("no key fits %s", pattern)
		}
	}
	for _, name := range t.Properties {
		if !names[name] {
			missing("nothing has the property %s", name)
		}
	}
	if p.KeptNodes == 0 {
		missing("the template selects nothing of %s", p.Source)
	}
}
