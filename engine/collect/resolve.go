package collect

// maxDepth bounds views of views and nested queries.
const maxDepth = 40

// utilities are the kinds of statement that plan nothing but work on tables all the same, or run a query.
var utilities = map[string]bool{
	"CopyStmt": true, "IndexStmt": true, "VacuumStmt": true, "RefreshMatViewStmt": true, "TruncateStmt": true, "AlterTableStmt": true,
	"ClusterStmt": true, "LockStmt": true, "ReindexStmt": true, "CreateTableAsStmt": true, "ExplainStmt": true, "DeclareCursorStmt": true,
}

// statement resolves one statement of any kind; nil where it is none that is planned.
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
		case "PrepareStmt":
			query, _ := stmt["query"].(object)
			return r.statement(query, parent, ctes)
		case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt":
			return r.change(stmt, parent, ctes)
		}
		if utilities[kind] {
			r.utility(stmt)
		}
	}
	return nil
}

// utility notes the tables that a utility statement works on.
func (r *resolver) utility(stmt object) {
	s := &scope{}
	if query, ok := stmt["query"].(object); ok {
		r.statement(query, nil, nil)
	}
	relations := append(list(stmt["relations"]), list(stmt["rels"])...)
	if one, ok := stmt["relation"].(object); ok {
		r.table(one, s)
	}
	for _, item := range relations {
		if v, ok := item["RangeVar"].(object); ok {
			r.table(v, s)
		}
		if v, ok := item["VacuumRelation"].(object); ok {
			if rel, ok := v["relation"].(object); ok {
				r.table(rel, s)
			}
		}
	}
}

func (r *resolver) open(stmt object, parent *scope, ctes map[string]*output) *scope {
	s := &scope{parent: parent, ctes: map[string]*output{}}
	for name, o := range ctes {
		s.ctes[name] = o
	}
	with, _ := stmt["withClause"].(object)
	recursive, _ := with["recursive"].(bool)
	for _, item := range list(with["ctes"]) {
		cte, _ := item["CommonTableExpr"].(object)
		name, _ := cte["ctename"].(string)
		query, _ := cte["ctequery"].(object)
		aliases := texts(cte["aliascolnames"])
		if inner, ok := query["SelectStmt"].(object); ok && recursive && inner["larg"] != nil {
			r.recurse(name, aliases, inner, parent, s)
			continue
		}
		if o := r.statement(query, parent, s.ctes); o != nil {
			s.ctes[name] = o.renamed(aliases)
		}
	}
	return s
}

// recurse resolves a recursive CTE: its second arm sees the rows of the first one.
func (r *resolver) recurse(name string, aliases []string, stmt object, parent *scope, s *scope) {
	inner := r.open(stmt, parent, s.ctes)
	left, _ := stmt["larg"].(object)
	right, _ := stmt["rarg"].(object)
	base := r.query(left, parent, inner.ctes).renamed(aliases)
	inner.ctes[name] = base
	s.ctes[name] = united(base, r.query(right, parent, inner.ctes))
}

func (r *resolver) query(stmt object, parent *scope, ctes map[string]*output) *output {
	if r.depth++; r.depth > maxDepth {
		return &output{}
	}
	defer func() { r.depth-- }()
	s := r.open(stmt, parent, ctes)
	if left, ok := stmt["larg"].(object); ok {
		right, _ := stmt["rarg"].(object)
		return united(r.query(left, parent, s.ctes), r.query(right, parent, s.ctes))
	}
	for _, item := range list(stmt["fromClause"]) {
		r.from(item, s)
	}
	out := r.outputs(list(stmt["targetList"]), s)
	r.clauses(s, stmt, "fromClause", "withClause", "targetList")
	return out
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
	r.clauses(s, stmt, "relation", "fromClause", "usingClause", "sourceRelation", "selectStmt", "withClause", "returningList")
	return r.outputs(list(stmt["returningList"]), s)
}

// from adds an item of a FROM clause to the scope and gives what it added.
func (r *resolver) from(node object, s *scope) []*source {
	before := len(s.sources)
	switch {
	case node["RangeVar"] != nil:
		r.table(node["RangeVar"].(object), s)
	case node["RangeTableSample"] != nil:
		sample := node["RangeTableSample"].(object)
		if rel, ok := sample["relation"].(object); ok {
			r.from(rel, s)
		}
	case node["RangeSubselect"] != nil:
		sub := node["RangeSubselect"].(object)
		query, _ := sub["subquery"].(object)
		parent := s.parent
		if lateral, _ := sub["lateral"].(bool); lateral {
			parent = s
		}
		if o := r.statement(query, parent, s.ctes); o != nil {
			s.sources = append(s.sources, &source{alias: aliasOf(sub), columns: o.named(columnAliases(sub))})
		}
	case node["RangeFunction"] != nil:
		// A function may read what stands before it, and what it gives is nobody's column.
		call := node["RangeFunction"].(object)
		r.expression(call["functions"], s)
		s.sources = append(s.sources, &source{alias: aliasOf(call), columns: map[string]column{}})
	case node["JoinExpr"] != nil:
		r.joined(node["JoinExpr"].(object), s)
	}
	return s.sources[before:]
}

func (r *resolver) joined(join object, s *scope) {
	before := len(s.sources)
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
	if alias := aliasOf(join); alias != "" {
		all := &source{alias: alias, columns: map[string]column{}}
		for _, src := range s.sources[before:] {
			for _, name := range src.names() {
				if _, taken := all.columns[name]; !taken {
					all.columns[name], _ = src.column(name)
				}
			}
		}
		s.sources = append(s.sources, all)
	}
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
		s.sources = append(s.sources, &source{alias: alias, columns: r.again(o).named(columnAliases(v))})
		return
	}
	rel := r.catalog.find(schema, name)
	if rel == nil {
		return
	}
	if rel.view {
		if o := r.view(rel); o != nil {
			s.sources = append(s.sources, &source{alias: alias, columns: o.named(columnAliases(v))})
			return
		}
	}
	r.touch(rel)
	r.instance++
	s.sources = append(s.sources, &source{alias: alias, rel: rel, instance: r.instance})
}

// view resolves the query behind a view, so that its work counts for the tables that do it.
func (r *resolver) view(rel *relation) *output {
	statements, err := r.catalog.tree(rel)
	if err != nil || len(statements) == 0 {
		return nil
	}
	return r.statement(statements[0], nil, nil)
}

// clauses walks every clause but the named ones.
func (r *resolver) clauses(s *scope, stmt object, except ...string) {
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

// expression finds the predicates that join and the queries inside an expression, and gives the tables, each mention
// once, whose columns its value comes from.
func (r *resolver) expression(node any, s *scope) []column {
	switch n := node.(type) {
	case []any:
		var found []column
		for _, item := range n {
			found = merge(found, r.expression(item, s))
		}
		return found
	case object:
		if ref, ok := n["ColumnRef"].(object); ok {
			if c, ok := s.resolve(ref); ok && c.rel != nil {
				return []column{c}
			}
			return nil
		}
		if e, ok := n["A_Expr"].(object); ok {
			left, right := r.expression(e["lexpr"], s), r.expression(e["rexpr"], s)
			if compares(e) && (len(left) == 1 || len(right) == 1) {
				for _, a := range left {
					for _, b := range right {
						r.join(a, b)
					}
				}
			}
			return merge(left, right)
		}
		// SET (a, b) = (SELECT ...) stands in the tree once a column, with the same query each time.
		if m, ok := n["MultiAssignRef"].(object); ok && number(m["colno"]) > 1 {
			return nil
		}
		if link, ok := n["SubLink"].(object); ok {
			return r.sublink(link, s)
		}
		var found []column
		for _, name := range sortedKeys(n) {
			found = merge(found, r.expression(n[name], s))
		}
		return found
	}
	return nil
}

// sublink resolves a query inside an expression: IN and its like join with what they test, a scalar one is a value.
func (r *resolver) sublink(link object, s *scope) []column {
	query, _ := link["subselect"].(object)
	out := r.statement(query, s, s.ctes)
	switch link["subLinkType"] {
	case "EXISTS_SUBLINK":
		return nil
	case "ANY_SUBLINK", "ALL_SUBLINK":
		tested := []object{}
		test, _ := link["testexpr"].(object)
		if row, ok := test["RowExpr"].(object); ok {
			tested = list(row["args"])
		} else if test != nil {
			tested = append(tested, test)
		}
		for i, t := range tested {
			found := r.expression(t, s)
			if out != nil && i < len(out.columns) && len(found) == 1 {
				r.join(found[0], out.columns[i])
			}
		}
		return nil
	}
	if c, ok := out.first(); ok {
		return []column{c}
	}
	return nil
}

// outputs gives the columns of a select list; each expression of it is resolved once, here.
func (r *resolver) outputs(targets []object, s *scope) *output {
	out := &output{}
	for _, t := range targets {
		target, _ := t["ResTarget"].(object)
		value, _ := target["val"].(object)
		ref, isColumn := value["ColumnRef"].(object)
		if isColumn && hasStar(ref) {
			of := fields(ref)
			for _, src := range s.sources {
				if len(of) > 0 && of[len(of)-1] != "" && of[len(of)-1] != src.alias {
					continue
				}
				for _, name := range src.names() {
					c, _ := src.column(name)
					out.put(name, c)
				}
			}
			continue
		}
		found := r.expression(value, s)
		name, _ := target["name"].(string)
		if name == "" && isColumn {
			names := fields(ref)
			name = names[len(names)-1]
		}
		if name == "" {
			name = implied(value)
		}
		c := column{}
		if len(found) == 1 {
			c = found[0]
		}
		out.put(name, c)
	}
	return out
}

// merge adds columns that are not there yet.
func merge(have, more []column) []column {
next:
	for _, c := range more {
		for _, h := range have {
			if h == c {
				continue next
			}
		}
		have = append(have, c)
	}
	return have
}
