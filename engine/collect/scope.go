package collect

// column is a column traced to a table; instance tells apart two mentions of one table. The zero column is one that was
// not traced.
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

// names gives the names of a source's columns.
func (s *source) names() []string {
	if s.rel != nil {
		return sortedNames(s.rel.columns)
	}
	return sortedNames(s.columns)
}

func lookup(sources []*source, name string) (column, bool) {
	for _, s := range sources {
		if c, ok := s.column(name); ok {
			return c, true
		}
	}
	return column{}, false
}

// scope is what names mean at one level of a statement.
type scope struct {
	sources []*source
	parent  *scope
	ctes    map[string]*output
}

// resolve finds what a column name means, here or in an outer query.
func (s *scope) resolve(ref object) (column, bool) {
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

// output is what a query gives: its columns in order, with their names where they have some.
type output struct {
	names   []string
	columns []column
}

func (o *output) put(name string, c column) {
	o.names, o.columns = append(o.names, name), append(o.columns, c)
}

// first gives the column of a query that stands for a value.
func (o *output) first() (column, bool) {
	if o == nil || len(o.columns) == 0 || o.columns[0].rel == nil {
		return column{}, false
	}
	return o.columns[0], true
}

// named gives the columns by name; aliases, as in `x (a, b)`, rename the first ones.
func (o *output) named(aliases []string) map[string]column {
	m := make(map[string]column, len(o.names))
	for i, name := range o.names {
		if i < len(aliases) {
			name = aliases[i]
		}
		if name != "" {
			m[name] = o.columns[i]
		}
	}
	return m
}

// renamed gives the output under other names.
func (o *output) renamed(aliases []string) *output {
	out := &output{names: append([]string(nil), o.names...), columns: o.columns}
	copy(out.names, aliases)
	return out
}

// again gives the output of a CTE that is mentioned once more: the same tables, read as if anew.
func (r *resolver) again(o *output) *output {
	fresh, out := map[int]int{}, &output{names: o.names}
	for _, c := range o.columns {
		if c.rel != nil {
			if fresh[c.instance] == 0 {
				r.instance++
				fresh[c.instance] = r.instance
			}
			c.instance = fresh[c.instance]
		}
		out.columns = append(out.columns, c)
	}
	return out
}

// united gives the output of UNION and its like: the columns of the left arm, where they were not traced of the right one.
func united(left, right *output) *output {
	if left == nil || right == nil {
		return left
	}
	out := &output{names: left.names, columns: append([]column(nil), left.columns...)}
	for i := range out.columns {
		if out.columns[i].rel == nil && i < len(right.columns) {
			out.columns[i] = right.columns[i]
		}
	}
	return out
}
