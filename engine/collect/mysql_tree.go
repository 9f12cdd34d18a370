package collect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the literals' types; the module has no other outside its database
)

// mysqlNames says what the names of a MySQL statement mean: the tables that exist and the schema the session stood in.
type mysqlNames struct {
	catalog *catalog
	schema  string // "" where the statement ran without one
	ctes    map[string]bool
}

// mysqlTree parses a text of MySQL or MariaDB and gives its statements in the shape of PostgreSQL's tree, so that one
// resolver serves both. Tables stand under the names of the catalog; all other names are in lower case, as MySQL's
// columns know none.
func mysqlTree(text string, c *catalog, schema string) ([]object, error) {
	p := parser.New()
	p.SetSQLMode(mysql.ModeIgnoreSpace) // digests have a space between a function and its arguments
	statements, _, err := p.ParseSQL(text)
	if err != nil {
		return nil, err
	}
	trees := make([]object, len(statements))
	for i, s := range statements {
		n := &mysqlNames{catalog: c, schema: schema, ctes: map[string]bool{}}
		trees[i] = n.statement(s)
	}
	return trees, nil
}

func (n *mysqlNames) statement(node ast.Node) object {
	switch s := node.(type) {
	case *ast.SelectStmt:
		return object{"SelectStmt": n.query(s)}
	case *ast.SetOprStmt, *ast.SetOprSelectList:
		return object{"SelectStmt": n.query(s)}
	case *ast.SubqueryExpr:
		return n.statement(s.Query)
	case *ast.InsertStmt:
		return object{"InsertStmt": n.insert(s)}
	case *ast.UpdateStmt:
		o := object{"withClause": n.with(s.With), "fromClause": n.tables(s.TableRefs), "whereClause": n.expression(s.Where)}
		var set []any
		for _, a := range s.List {
			set = append(set, n.expression(a))
		}
		o["targetList"] = set
		return object{"UpdateStmt": o}
	case *ast.DeleteStmt:
		return object{"DeleteStmt": object{"withClause": n.with(s.With), "fromClause": n.tables(s.TableRefs), "whereClause": n.expression(s.Where)}}
	case *ast.ExplainStmt:
		return object{"ExplainStmt": object{"query": n.statement(s.Stmt)}}
	}
	return object{"TruncateStmt": object{"relations": n.worksOn(node)}}
}

// worksOn gives the tables of a statement that plans nothing.
func (n *mysqlNames) worksOn(node ast.Node) []any {
	var names []*ast.TableName
	switch s := node.(type) {
	case *ast.TruncateTableStmt:
		names = append(names, s.Table)
	case *ast.AnalyzeTableStmt:
		names = s.TableNames
	case *ast.AlterTableStmt:
		names = append(names, s.Table)
	case *ast.CreateIndexStmt:
		names = append(names, s.Table)
	case *ast.DropIndexStmt:
		names = append(names, s.Table)
	}
	var relations []any
	for _, t := range names {
		relations = append(relations, object{"RangeVar": n.table(t, "")})
	}
	return relations
}

// query gives the body of a SELECT, or of arms that UNION and its like put together.
func (n *mysqlNames) query(node ast.Node) object {
	switch s := node.(type) {
	case *ast.SelectStmt:
		o := object{"withClause": n.with(s.With), "fromClause": n.tables(s.From), "whereClause": n.expression(s.Where)}
		if s.Fields != nil {
			o["targetList"] = n.targets(s.Fields)
		}
		if s.GroupBy != nil {
			o["groupClause"] = n.expression(s.GroupBy)
		}
		if s.Having != nil {
			o["havingClause"] = n.expression(s.Having.Expr)
		}
		if s.OrderBy != nil {
			o["sortClause"] = n.expression(s.OrderBy)
		}
		return o
	case *ast.SetOprStmt:
		with := n.with(s.With) // first: the arms read its names
		o := n.arms(s.SelectList)
		o["withClause"] = with
		return o
	case *ast.SetOprSelectList:
		with := n.with(s.With)
		o := n.arms(s)
		if s.With != nil {
			o["withClause"] = with
		}
		return o
	case *ast.SubqueryExpr:
		return n.query(s.Query)
	}
	return object{}
}

func (n *mysqlNames) arms(list *ast.SetOprSelectList) object {
	if list == nil || len(list.Selects) == 0 {
		return object{}
	}
	left := n.query(list.Selects[0])
	for _, arm := range list.Selects[1:] {
		left = object{"larg": left, "rarg": n.query(arm)}
	}
	return left
}

func (n *mysqlNames) with(w *ast.WithClause) object {
	if w == nil {
		return nil
	}
	// A recursive CTE names itself, so all names are known before their queries are read.
	for _, c := range w.CTEs {
		n.ctes[c.Name.L] = true
	}
	var ctes []any
	for _, c := range w.CTEs {
		ctes = append(ctes, object{"CommonTableExpr": object{
			"ctename": c.Name.L, "ctequery": n.statement(c.Query), "aliascolnames": words(c.ColNameList),
		}})
	}
	return object{"recursive": w.IsRecursive, "ctes": ctes}
}

func (n *mysqlNames) insert(s *ast.InsertStmt) object {
	o := object{}
	if s.Table != nil && s.Table.TableRefs != nil {
		if from := list(n.from(s.Table.TableRefs)); len(from) > 0 {
			o["relation"] = from[0]["RangeVar"]
		}
	}
	if s.Select != nil {
		o["selectStmt"] = n.statement(s.Select)
	}
	var values []any
	for _, row := range s.Lists {
		for _, v := range row {
			values = append(values, n.expression(v))
		}
	}
	for _, a := range s.OnDuplicate {
		values = append(values, n.expression(a.Expr))
	}
	o["valuesLists"] = values
	return o
}

func (n *mysqlNames) tables(refs *ast.TableRefsClause) []any {
	if refs == nil || refs.TableRefs == nil {
		return nil
	}
	return n.from(refs.TableRefs)
}

// from gives the items of a FROM clause; a comma is a join without a condition.
func (n *mysqlNames) from(node ast.ResultSetNode) []any {
	switch t := node.(type) {
	case *ast.Join:
		left := n.from(t.Left)
		if t.Right == nil || len(left) != 1 {
			return left
		}
		right := n.from(t.Right)
		if len(right) != 1 {
			return left
		}
		join := object{"larg": left[0], "rarg": right[0], "isNatural": t.NaturalJoin}
		if t.On != nil {
			join["quals"] = n.expression(t.On.Expr)
		}
		var using []any
		for _, c := range t.Using {
			using = append(using, word(c.Name.L))
		}
		join["usingClause"] = using
		return []any{object{"JoinExpr": join}}
	case *ast.TableSource:
		switch s := t.Source.(type) {
		case *ast.TableName:
			return []any{object{"RangeVar": n.table(s, t.AsName.L)}}
		case *ast.Join:
			return n.from(s)
		default:
			return []any{object{"RangeSubselect": object{
				"subquery": n.statement(s), "lateral": t.Lateral, "alias": object{"aliasname": t.AsName.L, "colnames": words(t.ColumnNames)},
			}}}
		}
	case *ast.TableName:
		return []any{object{"RangeVar": n.table(t, "")}}
	}
	return nil
}

// table names a table as the catalog does. Digests give names that are keywords, such as events, in capitals, so a name
// that is not there as written is looked for without regard to case.
func (n *mysqlNames) table(t *ast.TableName, alias string) object {
	if alias == "" {
		alias = t.Name.L
	}
	v := object{"relname": t.Name.L, "alias": object{"aliasname": alias}}
	if t.Schema.O == "" && n.ctes[t.Name.L] {
		return v
	}
	schema := t.Schema.O
	if schema == "" {
		schema = n.schema
	}
	v["schemaname"], v["relname"] = n.catalog.spell(schema, t.Name.O)
	return v
}

// spell gives schema and name as the catalog writes them; what is not there stays as it is.
func (c *catalog) spell(schema, name string) (string, string) {
	if c.relations[schema+"."+name] != nil || schema == "" {
		return schema, name
	}
	if c.folded == nil {
		c.folded = make(map[string]*relation, len(c.relations))
		for key, r := range c.relations {
			c.folded[strings.ToLower(key)] = r
		}
	}
	if r := c.folded[strings.ToLower(schema+"."+name)]; r != nil {
		return r.schema, r.name
	}
	return schema, name
}

func (n *mysqlNames) targets(fields *ast.FieldList) []any {
	var out []any
	for _, f := range fields.Fields {
		if f.WildCard != nil {
			ref := []any{}
			if f.WildCard.Table.L != "" {
				ref = append(ref, word(f.WildCard.Table.L))
			}
			out = append(out, object{"ResTarget": object{"val": object{"ColumnRef": object{"fields": append(ref, object{"A_Star": object{}})}}}})
			continue
		}
		out = append(out, object{"ResTarget": object{"name": f.AsName.L, "val": n.expression(f.Expr)}})
	}
	return out
}

// comparisons are the operators that hold two columns against each other.
var comparisons = map[opcode.Op]bool{
	opcode.EQ: true, opcode.NE: true, opcode.LT: true, opcode.LE: true, opcode.GT: true, opcode.GE: true, opcode.NullEQ: true,
}

func (n *mysqlNames) expression(node ast.Node) object {
	if node == nil {
		return nil
	}
	switch e := node.(type) {
	case *ast.ParenthesesExpr:
		return n.expression(e.Expr)
	case *ast.ColumnNameExpr:
		return n.columnRef(e.Name)
	case *ast.ColumnName:
		return n.columnRef(e)
	case *ast.BinaryOperationExpr:
		if comparisons[e.Op] {
			return n.compare(e.L, e.R)
		}
	case *ast.PatternLikeOrIlikeExpr:
		return predicate(n.expression(e.Expr), n.expression(e.Pattern))
	case *ast.BetweenExpr:
		return predicate(n.expression(e.Expr), []any{n.expression(e.Left), n.expression(e.Right)})
	case *ast.PatternInExpr:
		if e.Sel != nil {
			return n.link("ANY_SUBLINK", e.Sel, e.Expr)
		}
		var items []any
		for _, item := range e.List {
			items = append(items, n.expression(item))
		}
		return predicate(n.expression(e.Expr), items)
	case *ast.CompareSubqueryExpr:
		return n.link("ANY_SUBLINK", e.R, e.L)
	case *ast.ExistsSubqueryExpr:
		return n.link("EXISTS_SUBLINK", e.Sel, nil)
	case *ast.SubqueryExpr:
		return n.link("EXPR_SUBLINK", e, nil)
	case *ast.RowExpr:
		return object{"RowExpr": object{"args": n.each(e.Values)}}
	}
	walk := &inner{names: n}
	node.Accept(walk)
	return object{"items": walk.found}
}

// compare holds two sides against each other; rows column by column.
func (n *mysqlNames) compare(l, r ast.ExprNode) object {
	left, okL := l.(*ast.RowExpr)
	right, okR := r.(*ast.RowExpr)
	if !okL || !okR || len(left.Values) != len(right.Values) {
		return predicate(n.expression(l), n.expression(r))
	}
	var parts []any
	for i := range left.Values {
		parts = append(parts, n.compare(left.Values[i], right.Values[i]))
	}
	return object{"items": parts}
}

func (n *mysqlNames) link(kind string, query, tested ast.ExprNode) object {
	link := object{"subLinkType": kind, "subselect": n.statement(query)}
	if tested != nil {
		link["testexpr"] = n.expression(tested)
	}
	return object{"SubLink": link}
}

func (n *mysqlNames) columnRef(c *ast.ColumnName) object {
	names := []any{}
	if c.Table.L != "" {
		names = append(names, word(c.Table.L))
	}
	return object{"ColumnRef": object{"fields": append(names, word(c.Name.L))}}
}

func (n *mysqlNames) each(nodes []ast.ExprNode) []any {
	var out []any
	for _, e := range nodes {
		out = append(out, n.expression(e))
	}
	return out
}

func predicate(left, right any) object {
	return object{"A_Expr": object{"lexpr": left, "rexpr": right}}
}

func word(name string) object { return object{"String": object{"sval": name}} }

func words(names []ast.CIStr) []any {
	var out []any
	for _, name := range names {
		out = append(out, word(name.L))
	}
	return out
}

// inner gives the expressions directly inside a node of which only they matter.
type inner struct {
	names  *mysqlNames
	inside bool
	found  []any
}

// Enter takes the node itself as it is and resolves those inside.
func (w *inner) Enter(node ast.Node) (ast.Node, bool) {
	if !w.inside {
		w.inside = true
		return node, false
	}
	w.found = append(w.found, w.names.expression(node))
	return node, true
}

// Leave goes on.
func (w *inner) Leave(node ast.Node) (ast.Node, bool) { return node, true }
