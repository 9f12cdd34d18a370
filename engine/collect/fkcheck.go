package collect

import (
	"reflect"
	"regexp"
	"strings"

	"graphsnap/engine"
)

// check is a statement that the server itself sends to uphold a foreign key. It shows in pg_stat_statements with
// track = all only, below the statement that caused it, which carries its time.
type check struct {
	schema, table string
	columns       []string
}

var (
	checkText = regexp.MustCompile(`^(?:SELECT \S+ FROM|DELETE FROM|UPDATE)(?: ONLY)? "([^"]+)"\."([^"]+)"(?: x)? (?:SET .* )?WHERE (.+?)(?: FOR KEY SHARE OF x)?$`)
	checkName = regexp.MustCompile(`"([^"]+)"`)
)

// readCheck recognises such a statement by its form, which nobody writes by hand.
func readCheck(text string) (check, bool) {
	m := checkText.FindStringSubmatch(text)
	if m == nil || !strings.Contains(m[3], "OPERATOR(pg_catalog.") {
		return check{}, false
	}
	c := check{schema: m[1], table: m[2]}
	for _, name := range checkName.FindAllStringSubmatch(m[3], -1) {
		c.columns = append(c.columns, name[1])
	}
	return c, len(c.columns) > 0
}

// foreignKeyChecks adds what upholding each foreign key costs: on writes to the referencing table a look into the
// referenced one, on deletes and key changes in the referenced table a search of the referencing one, which reads all
// of it where no index leads with the columns.
func (r *round) foreignKeyChecks(b *builder) {
	type direction struct {
		fk   *foreignKey
		when string
	}
	type work struct {
		calls, execMS float64
		quality       quality
		shared        bool
	}
	sums := map[direction]work{}
	for id, s := range r.sum.nested {
		c, ok := r.checks[id.query]
		if !ok {
			continue
		}
		rel := r.catalog.relations[c.schema+"."+c.table]
		if rel == nil {
			continue
		}
		var exactly, maybe []*foreignKey
		for i := range r.catalog.keys {
			fk := &r.catalog.keys[i]
			if fk.from == rel.key() && reflect.DeepEqual(fk.columns, c.columns) {
				exactly = append(exactly, fk)
			}
			if fk.to == rel.key() && reflect.DeepEqual(fk.referenced, c.columns) {
				maybe = append(maybe, fk)
			}
		}
		when := "delete"
		if len(exactly) == 0 {
			exactly, when = maybe, "write"
		}
		// The check of a write names the referenced table only. Its calls are those of the tables that were written to.
		var inserts int64
		for _, fk := range exactly {
			inserts += r.sum.tables[fk.from].inserts
		}
		for _, fk := range exactly {
			part := 1 / float64(len(exactly))
			if inserts > 0 {
				part = share(float64(r.sum.tables[fk.from].inserts), float64(inserts))
			}
			if part > 0 {
				l := sums[direction{fk, when}]
				l.calls, l.execMS = l.calls+part*float64(s.calls), l.execMS+part*s.execMS
				l.quality, l.shared = worst(l.quality, s.quality), l.shared || len(exactly) > 1
				sums[direction{fk, when}] = l
			}
		}
	}
	for d, l := range sums {
		key := engine.RelationshipKey(d.fk.from, relFKCheck, d.fk.to, d.fk.name+" "+d.when)
		p := engine.Properties{
			"name": d.fk.name, "when": d.when, "has_index": d.fk.index != "", "quality": string(worst(l.quality, exact)),
			"value": r.levels.of(key, l.calls/r.sum.seconds, rateTolerance), "unit": "checks/s",
			"latency_ms": r.levels.of(key+" latency", l.execMS/l.calls, rateTolerance),
		}
		if l.shared {
			p["shared_by"] = "inserts"
		}
		b.link(d.fk.from, relFKCheck, d.fk.to, d.fk.name+" "+d.when, p)
	}
}
