package collect

// usage is what a statement does with tables: which it touches, in order of appearance, and which pairs it joins.
type usage struct {
	tables []string // node keys
	pairs  []joinedPair
}

// joinedPair is two tables that a statement brings together. Basis is join where a predicate joins them and co_access
// where they merely stand in one statement.
type joinedPair struct {
	a, b  string // in order of appearance
	times int    // how often the statement joins them
	basis string
}

const (
	basisJoin     = "join"
	basisCoAccess = "co_access"
)

// parseUsage reads a normalised statement. It returns nil for statements that plan nothing, such as BEGIN, and an error
// for text that does not parse.
func parseUsage(text string, c *catalog) (*usage, error) {
	statements, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	r := &resolver{catalog: c, pairs: map[[2]string]*joinedPair{}}
	planned := false
	for _, s := range statements {
		planned = r.statement(s, nil, nil) != nil || planned
	}
	if !planned {
		return nil, nil
	}
	return r.usage(), nil
}

// column is a column traced to a table; instance tells apart two mentions of one table.
type column struct {
	rel      *relation
	instance int
}

// source is one item of a FROM clause: a table, or something derived whose columns were traced.
type source struct {
	alias    string
	rel      *relation // nil for derived ones
	instance int
	columns  map[string]column // derived ones only
}

func (s *source) column(name string) (column, bool) {
	if s.rel != nil {
		if s.rel.columns[name] || len(s.rel.columns) == 0 {
			return column{s.rel, s.instance}, true
		}
		return column{}, false
	}
	c, ok := s.columns[name]
	return c, ok
}

// scope is what names mean at one level of a statement.
type scope struct {
	sources []*source
	parent  *scope
	ctes    map[string]*output
}

// output is what a query gives: columns by name, and the first one for IN (SELECT ...).
type output struct {
	columns map[string]column
	first   *column
}

type resolver struct {
	catalog  *catalog
	tables   []string
	seen     map[string]bool
	pairs    map[[2]string]*joinedPair
	order    [][2]string
	instance int
	depth    int
}

// maxDepth bounds views of views and nested queries.
const maxDepth = 40

func (r *resolver) usage() *usage {
	u := &usage{tables: r.tables}
	joined := map[string]bool{}
	for _, ends := range r.order {
		p := r.pairs[ends]
		u.pairs = append(u.pairs, *p)
		joined[p.a], joined[p.b] = true, true
	}
	// A table that no predicate joins is still read for the sake of the first one.
	for i, table := range r.tables {
		if i > 0 && !joined[table] {
			u.pairs = append(u.pairs, joinedPair{r.tables[0], table, 1, basisCoAccess})
		}
	}
	return u
}

func (r *resolver) touch(rel *relation) {
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	if key := rel.key(); !r.seen[key] {
		r.seen[key] = true
		r.tables = append(r.tables, key)
	}
}

func (r *resolver) join(a, b column) {
	if a.rel == nil || b.rel == nil || a.instance == b.instance {
		return
	}
	ka, kb := a.rel.key(), b.rel.key()
	if r.position(kb) < r.position(ka) {
		ka, kb = kb, ka
	}
	ends := [2]string{ka, kb}
	p, ok := r.pairs[ends]
	if !ok {
		p = &joinedPair{a: ka, b: kb, basis: basisJoin}
		r.pairs[ends] = p
		r.order = append(r.order, ends)
	}
	p.times++
}

func (r *resolver) position(key string) int {
	for i, k := range r.tables {
		if k == key {
			return i
		}
	}
	return len(r.tables)
}

// statement resolves one statement of any kind; nil where it is none that reads or writes tables.
func (r *resolver) statement(node object, parent *scope, ctes map[string]*output) *output {
	if r.depth++; r.depth > maxDepth {
		return &output{}
	}
	defer func() { r.depth-- }()
	for kind, body := range node {
		stmt, ok := body.(object)
		if !ok {
			continue
		}
		switch kind {
		case "SelectStmt":
			return r.query(stmt, parent, ctes)
		case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt":
			return r.change(stmt, parent, ctes)
		}
	}
	return nil
}

func (r *resolver) open(stmt object, parent *scope, ctes map[string]*output) *scope {
	s := &scope{parent: parent, ctes: map[string]*output{}}
	for name, o := range ctes {
		s.ctes[name] = o
	}
	with, _ := stmt["withClause"].(object)
	for _, item := range list(with["ctes"]) {
		cte, _ := item["CommonTableExpr"].(object)
		name, _ := cte["ctename"].(string)
		query, _ := cte["ctequery"].(object)
		if recursive, _ := with["recursive"].(bool); recursive {
			s.ctes[name] = &output{} // its own rows; what they come from is known once the other arm is resolved
		}
		if o := r.statement(query, parent, s.ctes); o != nil {
			s.ctes[name] = o
		}
	}
	return s
}

func (r *resolver) query(stmt object, parent *scope, ctes map[string]*output) *output {
	s := r.open(stmt, parent, ctes)
	if left, ok := stmt["larg"].(object); ok {
		right, _ := stmt["rarg"].(object)
		out := r.query(left, parent, s.ctes)
		r.query(right, parent, s.ctes)
		return out
	}
	for _, item := range list(stmt["fromClause"]) {
		r.from(item, s)
	}
	r.conditions(s, stmt, "fromClause", "withClause")
	return r.outputs(list(stmt["targetList"]), s)
}

// change resolves INSERT, UPDATE, DELETE and MERGE, whose own table is one more source.
func (r *resolver) change(stmt object, parent *scope, ctes map[string]*output) *output {
	s := r.open(stmt, parent, ctes)
	if target, ok := stmt["relation"].(object); ok {
		r.table(target, s)
	}
	for _, clause := range []string{"fromClause", "usingClause"} {
		for _, item := range list(stmt[clause]) {
			r.from(item, s)
		}
	}
	if merged, ok := stmt["sourceRelation"].(object); ok {
		r.from(merged, s)
	}
	if query, ok := stmt["selectStmt"].(object); ok {
		r.statement(query, parent, s.ctes)
	}
	r.conditions(s, stmt, "relation", "fromClause", "usingClause", "sourceRelation", "selectStmt", "withClause")
	return r.outputs(list(stmt["returningList"]), s)
}

// from adds an item of a FROM clause to the scope and gives what it added.
func (r *resolver) from(node object, s *scope) []*source {
	before := len(s.sources)
	switch {
	case node["RangeVar"] != nil:
		r.table(node["RangeVar"].(object), s)
	case node["RangeSubselect"] != nil:
		sub := node["RangeSubselect"].(object)
		query, _ := sub["subquery"].(object)
		parent := s.parent
		if lateral, _ := sub["lateral"].(bool); lateral {
			parent = s
		}
		if o := r.statement(query, parent, s.ctes); o != nil {
			s.sources = append(s.sources, &source{alias: aliasOf(sub), columns: o.columns})
		}
	case node["JoinExpr"] != nil:
		join := node["JoinExpr"].(object)
		larg, _ := join["larg"].(object)
		rarg, _ := join["rarg"].(object)
		left, right := r.from(larg, s), r.from(rarg, s)
		for _, name := range using(join, left, right) {
			a, okA := lookup(left, name)
			b, okB := lookup(right, name)
			if okA && okB {
				r.join(a, b)
			}
		}
		r.expression(join["quals"], s)
	}
	return s.sources[before:]
}

func lookup(sources []*source, name string) (column, bool) {
	for _, s := range sources {
		if c, ok := s.column(name); ok {
			return c, true
		}
	}
	return column{}, false
}

// table adds a table, a view or the rows of a CTE under its alias.
func (r *resolver) table(v object, s *scope) {
	name, _ := v["relname"].(string)
	schema, _ := v["schemaname"].(string)
	alias := aliasOf(v)
	if alias == "" {
		alias = name
	}
	if o, ok := s.ctes[name]; ok && schema == "" {
		s.sources = append(s.sources, &source{alias: alias, columns: o.columns})
		return
	}
	rel := r.catalog.find(schema, name)
	if rel == nil {
		return
	}
	if rel.view {
		if o := r.view(rel); o != nil {
			s.sources = append(s.sources, &source{alias: alias, columns: o.columns})
			return
		}
	}
	r.touch(rel)
	r.instance++
	s.sources = append(s.sources, &source{alias: alias, rel: rel, instance: r.instance})
}

// view resolves the query behind a view, so that its work counts for the tables that do it.
func (r *resolver) view(rel *relation) *output {
	statements, err := parseTree(rel.definition)
	if err != nil || len(statements) == 0 {
		return nil
	}
	return r.statement(statements[0], nil, nil)
}

// conditions walks every clause but the named ones.
func (r *resolver) conditions(s *scope, stmt object, except ...string) {
	skip := map[string]bool{}
	for _, name := range except {
		skip[name] = true
	}
	for _, name := range sortedKeys(stmt) {
		if !skip[name] {
			r.expression(stmt[name], s)
		}
	}
}

// expression finds the predicates that join and the queries inside an expression.
func (r *resolver) expression(node any, s *scope) {
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			r.expression(item, s)
		}
	case object:
		if e, ok := n["A_Expr"].(object); ok {
			left, right := r.columns(e["lexpr"], s), r.columns(e["rexpr"], s)
			if len(left) == 1 && len(right) == 1 {
				r.join(left[0], right[0])
			}
		}
		if link, ok := n["SubLink"].(object); ok {
			query, _ := link["subselect"].(object)
			out := r.statement(query, s, s.ctes)
			if test := r.columns(link["testexpr"], s); out != nil && out.first != nil && len(test) == 1 {
				r.join(test[0], *out.first)
			}
			r.expression(link["testexpr"], s)
			return
		}
		for _, name := range sortedKeys(n) {
			r.expression(n[name], s)
		}
	}
}

// columns gives the distinct table mentions in an expression, without those of inner queries.
func (r *resolver) columns(node any, s *scope) []column {
	var found []column
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, item := range n {
				walk(item)
			}
		case object:
			if ref, ok := n["ColumnRef"].(object); ok {
				if c, ok := resolve(ref, s); ok {
					for _, have := range found {
						if have == c {
							return
						}
					}
					found = append(found, c)
				}
				return
			}
			for _, name := range sortedKeys(n) {
				if name != "SubLink" {
					walk(n[name])
				}
			}
		}
	}
	walk(node)
	return found
}

// resolve finds what a column name means, here or in an outer query.
func resolve(ref object, s *scope) (column, bool) {
	names := fields(ref)
	for ; s != nil; s = s.parent {
		for _, src := range s.sources {
			switch len(names) {
			case 1:
				if c, ok := src.column(names[0]); ok {
					return c, true
				}
			case 2, 3:
				if src.alias == names[len(names)-2] {
					return src.column(names[len(names)-1])
				}
			}
		}
	}
	return column{}, false
}

func (r *resolver) outputs(targets []object, s *scope) *output {
	out := &output{columns: map[string]column{}}
	for i, t := range targets {
		target, _ := t["ResTarget"].(object)
		value, _ := target["val"].(object)
		ref, isColumn := value["ColumnRef"].(object)
		if isColumn && hasStar(ref) {
			for _, src := range s.sources {
				if src.rel != nil {
					for name := range src.rel.columns {
						out.columns[name] = column{src.rel, src.instance}
					}
				}
				for name, c := range src.columns {
					out.columns[name] = c
				}
			}
			continue
		}
		found := r.columns(value, s)
		if len(found) != 1 {
			continue
		}
		name, _ := target["name"].(string)
		if name == "" && isColumn {
			names := fields(ref)
			name = names[len(names)-1]
		}
		if name != "" {
			out.columns[name] = found[0]
		}
		if i == 0 {
			out.first = &found[0]
		}
	}
	return out
}
