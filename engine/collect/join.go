package collect

// usage is what a statement does with tables: which it touches, in order of appearance, and which pairs it joins.
type usage struct {
	tables []string // node keys
	pairs  []joinedPair
	// maintenance marks statements that plan nothing, such as VACUUM or BEGIN: their time counts, but they are no queries.
	maintenance bool
	// unordered marks what was observed, not read in a text: the order of its tables tells nothing.
	unordered bool
}

// joinedPair is two tables that a statement brings together. Basis is join where a predicate joins them, observed
// where the text does not show one but the server evaluated it, and co_access where they merely stand in one statement.
type joinedPair struct {
	a, b  string // in order of appearance
	times int    // how often the statement joins them
	basis string
}

const (
	basisJoin     = "join"
	basisCoAccess = "co_access"
	basisObserved = "observed"
)

// bases orders what a pair rests on, the surest last.
var bases = map[string]int{basisCoAccess: 1, basisObserved: 2, basisJoin: 3}

// parseUsage reads a normalised statement. It fails on text that does not parse.
func parseUsage(text string, c *catalog) (*usage, error) {
	statements, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	return resolveUsage(statements, c), nil
}

// resolveUsage finds what parsed statements do.
func resolveUsage(statements []object, c *catalog) *usage {
	r := newResolver(c)
	planned := false
	for _, s := range statements {
		planned = r.statement(s, nil, nil) != nil || planned
	}
	u := r.usage()
	u.maintenance = !planned
	return u
}

type resolver struct {
	catalog  *catalog
	tables   []string
	seen     map[string]bool
	pairs    map[[2]string]*joinedPair
	order    [][2]string
	met      map[[2]int]bool // mentions of tables that are joined already
	instance int
	depth    int
}

func newResolver(c *catalog) *resolver {
	return &resolver{catalog: c, pairs: map[[2]string]*joinedPair{}, met: map[[2]int]bool{}}
}

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
	// A join over two columns is one join.
	mentions := [2]int{min(a.instance, b.instance), max(a.instance, b.instance)}
	if r.met[mentions] {
		return
	}
	r.met[mentions] = true
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
