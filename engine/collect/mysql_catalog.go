package collect

import (
	"context"
	"database/sql"
	"hash/crc32"
	"slices"
	"strings"
)

// mysqlTable is what the catalog says of a table beyond its columns.
type mysqlTable struct {
	tableState
	engine                string
	indexBytes, freeBytes int64
	indexes               []index
}

// indexID stands for the OID that MySQL's indexes do not have.
func indexID(rel *relation, name string) int64 { return digestID(rel.schema+"."+rel.name, name) }

// catalog reads the structure of all schemas that the user may see, and the gauges of their tables by node key.
func (r *mysqlReader) catalog(ctx context.Context) (*catalog, map[string]*mysqlTable, error) {
	c := &catalog{relations: map[string]*relation{}, byOID: map[uint32]*relation{}, references: map[[2]string]bool{}, mysql: true}
	tables := map[string]*mysqlTable{}
	err := r.rows(ctx, func(rows *sql.Rows) error {
		rel := &relation{columns: map[string]bool{}}
		t := &mysqlTable{tableState: tableState{rel: rel}}
		if err := rows.Scan(&rel.schema, &rel.name, &rel.view, &t.engine, &t.rows, &t.bytes, &t.indexBytes, &t.freeBytes, &t.partition); err != nil {
			return err
		}
		if rel.shown = rel.schema + "." + rel.name; rel.schema == r.home {
			rel.shown = rel.name
		}
		rel.oid = crc32.ChecksumIEEE([]byte(rel.schema + "." + rel.name)) // there is none; evidence is joined by one
		c.relations[rel.schema+"."+rel.name], c.byOID[rel.oid] = rel, rel
		if !rel.view {
			t.bytes += t.indexBytes
			tables[rel.key()] = t
		}
		return nil
	}, mysqlRelations)
	if err != nil {
		return nil, nil, err
	}
	of := func(schema, name string) *relation { return c.relations[schema+"."+name] }
	for query, set := range map[string]func(rel *relation, text string){
		mysqlColumns: func(rel *relation, name string) { rel.columns[name] = true },
		mysqlViews:   func(rel *relation, definition string) { rel.definition = definition },
	} {
		err := r.rows(ctx, func(rows *sql.Rows) error {
			var schema, name, text string
			err := rows.Scan(&schema, &name, &text)
			if rel := of(schema, name); rel != nil {
				set(rel, text)
			}
			return err
		}, query)
		if err != nil {
			return nil, nil, err
		}
	}
	if err := r.indexes(ctx, c, tables); err != nil {
		return nil, nil, err
	}
	return c, tables, r.foreignKeys(ctx, c, tables)
}

// indexes adds the indexes of the tables. Their names are those of their tables with their own behind a point, as names of
// indexes repeat from table to table.
func (r *mysqlReader) indexes(ctx context.Context, c *catalog, tables map[string]*mysqlTable) error {
	return r.rows(ctx, func(rows *sql.Rows) error {
		var schema, table, name, method, column string
		var unique bool
		if err := rows.Scan(&schema, &table, &name, &unique, &method, &column); err != nil {
			return err
		}
		rel := c.relations[schema+"."+table]
		if rel == nil || tables[rel.key()] == nil {
			return nil
		}
		t := tables[rel.key()]
		if n := len(t.indexes); n == 0 || t.indexes[n-1].name != rel.qualified()+"."+name {
			t.indexes = append(t.indexes, index{
				oid: indexID(rel, name), name: rel.qualified() + "." + name, table: rel.key(), method: strings.ToLower(method),
				unique: unique, primary: name == "PRIMARY", valid: true,
			})
		}
		last := &t.indexes[len(t.indexes)-1]
		last.columns = append(last.columns, column)
		last.definition = definition(name, last)
		return nil
	}, mysqlIndexes)
}

// definition gives the line of CREATE TABLE that makes an index.
func definition(name string, x *index) string {
	kind := "KEY " + name
	switch {
	case x.primary:
		kind = "PRIMARY KEY"
	case x.method == "fulltext" || x.method == "spatial":
		kind = strings.ToUpper(x.method) + " " + kind
	case x.unique:
		kind = "UNIQUE " + kind
	}
	return kind + " (" + strings.Join(x.columns, ", ") + ")"
}

func (r *mysqlReader) foreignKeys(ctx context.Context, c *catalog, tables map[string]*mysqlTable) error {
	rules := map[[3]string]string{}
	err := r.rows(ctx, func(rows *sql.Rows) error {
		var name, schema, table, rule string
		err := rows.Scan(&name, &schema, &table, &rule)
		rules[[3]string{schema, table, name}] = rule
		return err
	}, mysqlDeleteRules)
	if err != nil {
		return err
	}
	var last [3]string
	err = r.rows(ctx, func(rows *sql.Rows) error {
		var name, schema, table, column, toSchema, toTable, toColumn string
		if err := rows.Scan(&name, &schema, &table, &column, &toSchema, &toTable, &toColumn); err != nil {
			return err
		}
		from, to := c.relations[schema+"."+table], c.relations[toSchema+"."+toTable]
		if from == nil || to == nil {
			return nil
		}
		if id := [3]string{schema, table, name}; id != last {
			last = id
			c.keys = append(c.keys, foreignKey{name: name, from: from.key(), to: to.key(), onDelete: rules[id]})
			c.references[[2]string{from.key(), to.key()}] = true
		}
		fk := &c.keys[len(c.keys)-1]
		fk.columns, fk.referenced = append(fk.columns, column), append(fk.referenced, toColumn)
		return nil
	}, mysqlForeignKeys)
	for i := range c.keys {
		fk := &c.keys[i]
		fk.index = covering(tables[fk.from], fk.columns)
	}
	return err
}

// covering gives the name of an index that begins with the columns, in any order, or "".
func covering(t *mysqlTable, columns []string) string {
	if t == nil {
		return ""
	}
	for _, i := range t.indexes {
		if len(i.columns) < len(columns) {
			continue
		}
		lead := i.columns[:len(columns)]
		if !slices.ContainsFunc(columns, func(column string) bool {
			return !slices.ContainsFunc(lead, func(l string) bool { return strings.EqualFold(l, column) })
		}) {
			return i.name[strings.LastIndexByte(i.name, '.')+1:]
		}
	}
	return ""
}
