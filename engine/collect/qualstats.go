package collect

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"graphsnap/engine"
)

// The extension pg_qualstats notes which predicates the executor evaluated. Where it is installed it tells two things
// that texts do not: the joins of a statement whose text is lost, or hides its tables in a function, and the rows that a
// predicate threw away after they were read, which is what an index on its column would spare. Its constants are values
// of the user, and are never read.

// qual is a predicate of one statement: a column compared with another, or with a value.
type qual struct {
	query                   int64
	left, right             uint32 // tables by OID; right is 0 beside a value
	leftColumn, rightColumn string
	filter                  bool // evaluated on rows that were read already, not inside an index
}

// qualWork are monotone counters of a predicate.
type qualWork struct{ calls, tested, filtered int64 }

// qualLook is one reading of all predicates.
type qualLook struct {
	at      time.Time // zero before the first one
	sampled bool      // the extension looks at some of the statements only
	quals   map[qual]qualWork
}

// filtering is what the predicates on one column threw away between two looks.
type filtering struct {
	table, column string // table by node key
	qualWork
	seconds float64
	quality quality
}

const (
	labelPredicate = "Predicate"
	relFiltersBy   = "FILTERS_BY"

	// qualsRounds is how many rounds lie between two looks.
	qualsRounds   = 12
	mostFiltering = 20

	queryQuals = `SELECT ` + mark + ` q.queryid, coalesce(q.lrelid, 0)::bigint, coalesce(l.attname::text, ''), coalesce(q.rrelid, 0)::bigint, coalesce(r.attname::text, ''),
       q.eval_type = 'f', sum(q.occurences)::bigint, sum(q.execution_count)::bigint, sum(q.nbfiltered)::bigint, current_setting('pg_qualstats.sample_rate')::float8
FROM %s.pg_qualstats() q
LEFT JOIN pg_attribute l ON l.attrelid = q.lrelid AND l.attnum = q.lattnum
LEFT JOIN pg_attribute r ON r.attrelid = q.rrelid AND r.attnum = q.rattnum
WHERE q.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND q.queryid IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6`
)

// quals reads all predicates that the extension in a schema knows.
func (r *reader) quals(ctx context.Context, schema string) (qualLook, error) {
	look := qualLook{quals: map[qual]qualWork{}}
	rows, err := r.conn.Query(ctx, fmt.Sprintf(queryQuals, schema))
	if err != nil {
		return look, err
	}
	defer rows.Close()
	for rows.Next() {
		var q qual
		var w qualWork
		var left, right int64
		var rate float64
		if err := rows.Scan(&q.query, &left, &q.leftColumn, &right, &q.rightColumn, &q.filter, &w.calls, &w.tested, &w.filtered, &rate); err != nil {
			return look, err
		}
		look.sampled = rate != 1
		q.left, q.right = uint32(left), uint32(right)
		if q.left == 0 { // the value stood first
			q.left, q.leftColumn, q.right, q.rightColumn = q.right, q.rightColumn, 0, ""
		}
		look.quals[q] = w
	}
	return look, rows.Err()
}

// readQuals looks at the predicates now and then, where the extension is there.
func (c *Collector) readQuals(ctx context.Context, at time.Time) error {
	i := slices.IndexFunc(c.known.extensions, func(x extension) bool { return x.name == "pg_qualstats" })
	if i < 0 {
		delete(c.missing, "predicates")
		c.quals, c.known.filterings = qualLook{}, nil
		return nil
	}
	if !c.quals.at.IsZero() && c.rounds%qualsRounds != 0 {
		return nil
	}
	schema := c.known.extensions[i].schema
	grant := fmt.Sprintf("GRANT USAGE ON SCHEMA %[1]s TO %[2]s; GRANT EXECUTE ON FUNCTION %[1]s.pg_qualstats() TO %[2]s;", schema, c.reader.conn.Config().User)
	return c.optional(ctx, "predicates", grant, func(ctx context.Context) error {
		look, err := c.reader.quals(ctx, schema)
		if err != nil {
			return err
		}
		look.at = at
		c.known.filterings = filterings(c.quals, look, c.catalog)
		c.quals = look
		return nil
	})
}

// filterings gives what was thrown away between two looks, the most first; nothing where there was no look before.
func filterings(before, now qualLook, c *catalog) []filtering {
	seconds := now.at.Sub(before.at).Seconds()
	if before.at.IsZero() || seconds <= 0 {
		return nil
	}
	sums := map[[2]string]*filtering{}
	for q, w := range now.quals {
		rel := c.byOID[q.left]
		if !q.filter || q.right != 0 || rel == nil || q.leftColumn == "" {
			continue
		}
		quality := exact
		if now.sampled {
			quality = lowerBound
		}
		old := before.quals[q]
		if w.calls < old.calls || w.tested < old.tested || w.filtered < old.filtered {
			old, quality = qualWork{}, lowerBound // reset, or evicted and back
		}
		name := [2]string{rel.key(), q.leftColumn}
		f := sums[name]
		if f == nil {
			f = &filtering{table: name[0], column: name[1], seconds: seconds, quality: exact}
			sums[name] = f
		}
		f.calls, f.tested, f.filtered = f.calls+w.calls-old.calls, f.tested+w.tested-old.tested, f.filtered+w.filtered-old.filtered
		f.quality = worst(f.quality, quality)
	}
	var list []filtering
	for _, f := range sums {
		if f.calls > 0 && f.filtered > 0 {
			list = append(list, *f)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.filtered > b.filtered || a.filtered == b.filtered && (a.table < b.table || a.table == b.table && a.column < b.column)
	})
	return list[:min(len(list), mostFiltering)]
}

// useQuals completes what the texts of the present statements told with what was observed.
func (c *Collector) useQuals(now *reading) {
	if len(c.quals.quals) == 0 {
		return
	}
	present := map[int64]bool{}
	for id := range now.statements {
		present[id.query] = !c.own[id.query]
	}
	by := map[int64][]qual{}
	for q := range c.quals.quals {
		if present[q.query] {
			by[q.query] = append(by[q.query], q)
		}
	}
	for id, quals := range by {
		if u := observed(c.usages[id], quals, c.catalog); u != nil {
			c.usages[id] = u
		}
	}
}

// observed gives the usage of a statement with its observed predicates. A text that tells of its tables is believed, for
// the planner also evaluates predicates that follow from others and that nobody wrote; of its pairs, only those that it
// gives no predicate for become joins. A text that names no table, or is lost, tells nothing, and the predicates stand in.
func observed(u *usage, quals []qual, c *catalog) *usage {
	if u != nil && u.maintenance {
		return u
	}
	var tables []string
	joined := map[[2]string]bool{}
	for _, q := range quals {
		left, right := c.byOID[q.left], c.byOID[q.right]
		if left == nil {
			continue
		}
		tables = append(tables, left.key())
		if right != nil && right != left { // one table on both sides may be one row or two
			tables = append(tables, right.key())
			joined[[2]string{min(left.key(), right.key()), max(left.key(), right.key())}] = true
		}
	}
	if u != nil && u.unordered { // observed before; the extension forgets what is rare
		tables = append(tables, u.tables...)
		for _, p := range u.pairs {
			if p.basis == basisObserved {
				joined[[2]string{p.a, p.b}] = true
			}
		}
	} else if u != nil && len(u.tables) > 0 {
		better := *u
		better.pairs = slices.Clone(u.pairs)
		for i, p := range better.pairs {
			if p.basis == basisCoAccess && joined[[2]string{min(p.a, p.b), max(p.a, p.b)}] {
				better.pairs[i].basis = basisObserved
			}
		}
		return &better
	}
	if len(tables) == 0 {
		return u
	}
	sort.Strings(tables)
	tables = slices.Compact(tables)
	r := &resolver{tables: tables, pairs: map[[2]string]*joinedPair{}}
	for ends := range joined {
		r.order = append(r.order, ends)
		r.pairs[ends] = &joinedPair{ends[0], ends[1], 1, basisObserved}
	}
	sort.Slice(r.order, func(i, j int) bool {
		return r.order[i][0] < r.order[j][0] || r.order[i][0] == r.order[j][0] && r.order[i][1] < r.order[j][1]
	})
	found := r.usage()
	found.unordered = true
	return found
}

// predicateNodes adds the columns by which rows were thrown away after they were read.
func (r *round) predicateNodes(b *builder) {
	for _, f := range r.evidence.filterings {
		name := engine.KeyName(f.table) + "." + f.column
		key := engine.NodeKey(name, labelPredicate)
		level := func(what string, v float64) float64 { return r.levels.of(key+" "+what, v, rateTolerance) }
		calls := float64(f.calls)
		b.node(key, labelPredicate, engine.Properties{
			"name": name, "column": f.column, "has_index": r.leads(f.table, f.column), "quality": string(f.quality), "calls_per_s": level("calls", calls/f.seconds),
			"rows_tested_per_call": level("tested", float64(f.tested)/calls), "rows_filtered_per_call": level("filtered", float64(f.filtered)/calls),
		})
		b.link(f.table, relFiltersBy, key, "", nil)
	}
}

// leads says whether an index of a table begins with a column.
func (r *round) leads(table, column string) bool {
	return slices.ContainsFunc(r.evidence.indexes, func(x index) bool {
		return x.table == table && x.valid && len(x.columns) > 0 && x.columns[0] == column
	})
}
