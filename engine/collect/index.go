package collect

import (
	"context"
	"strconv"

	"graphsnap/engine"
)

// index is one index of a table. Those of partitions stand for themselves, as each may be missing or broken alone.
type index struct {
	oid             int64
	name            string // qualified as tables are
	table           string // node key
	definition      string
	method          string
	columns         []string
	unique, primary bool
	valid           bool
	bytes           int64
}

const (
	queryIndexes = `SELECT ` + mark + ` i.indexrelid::bigint, i.indrelid::bigint, n.nspname::text, c.relname::text, pg_get_indexdef(i.indexrelid), am.amname::text,
       (SELECT coalesce(array_agg(coalesce(a.attname::text, '(expression)') ORDER BY k.i), '{}')
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, i) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n AND k.n > 0 WHERE k.i <= i.indnkeyatts),
       i.indisunique, i.indisprimary, i.indisvalid AND i.indisready
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_am am ON am.oid = c.relam
WHERE c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
ORDER BY i.indexrelid`

	queryIndexScans = `SELECT ` + mark + ` i.indexrelid::bigint, pg_stat_get_numscans(i.indexrelid)
FROM pg_index i WHERE i.indexrelid >= 16384`

	// Sizes ask the file system, so they are read less often than counters.
	querySizes = `SELECT ` + mark + ` c.oid::bigint, CASE c.relkind WHEN 'p' THEN 0 WHEN 'i' THEN pg_relation_size(c.oid) ELSE pg_table_size(c.oid) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'i') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'`
)

// indexes reads the indexes of all tables that the catalog knows.
func (r *reader) indexes(ctx context.Context, byOID map[uint32]*relation) ([]index, error) {
	rows, err := r.conn.Query(ctx, queryIndexes)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []index
	for rows.Next() {
		var x index
		var table int64
		var schema, name string
		if err := rows.Scan(&x.oid, &table, &schema, &name, &x.definition, &x.method, &x.columns, &x.unique, &x.primary, &x.valid); err != nil {
			return nil, err
		}
		rel := byOID[uint32(table)]
		if rel == nil {
			continue
		}
		x.table, x.name = rel.key(), (&relation{schema: schema, name: name}).qualified()
		list = append(list, x)
	}
	return list, rows.Err()
}

// indexScans reads how often each index was used.
func (r *reader) indexScans(ctx context.Context, into *reading) error {
	rows, err := r.conn.Query(ctx, queryIndexScans)
	if err != nil {
		return err
	}
	defer rows.Close()
	into.indexes = map[string]int64{}
	for rows.Next() {
		var oid, scans int64
		if err := rows.Scan(&oid, &scans); err != nil {
			return err
		}
		into.indexes[strconv.FormatInt(oid, 10)] = scans
	}
	return rows.Err()
}

// sizes reads the bytes of tables and indexes, by OID.
func (r *reader) sizes(ctx context.Context) (map[int64]int64, error) {
	rows, err := r.conn.Query(ctx, querySizes)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sizes := map[int64]int64{}
	for rows.Next() {
		var oid int64
		var bytes *int64 // null for what was dropped meanwhile
		if err := rows.Scan(&oid, &bytes); err != nil {
			return nil, err
		}
		if bytes != nil {
			sizes[oid] = *bytes
		}
	}
	return sizes, rows.Err()
}

func (r *round) indexNodes(b *builder) {
	for _, x := range r.evidence.indexes {
		if r.tables[x.table] == nil {
			continue
		}
		key := engine.NodeKey(x.name, labelIndex)
		p := engine.Properties{
			"name": x.name, "table": engine.KeyName(x.table), "definition": x.definition, "method": x.method, "columns": x.columns,
			"unique": x.unique, "primary": x.primary, "valid": x.valid,
		}
		if bytes, ok := r.sizes[x.oid]; ok {
			p["size_bytes"] = int64(r.levels.of(key+" size", float64(bytes), sizeTolerance))
		}
		if r.sum != nil && r.sum.seconds > 0 {
			rate := float64(r.sum.indexes[strconv.FormatInt(x.oid, 10)]) / r.sum.seconds
			p["scans_per_s"] = r.levels.of(key+" scans", rate, waitTolerance)
		}
		b.node(key, labelIndex, p)
		b.link(x.table, relHasIndex, key, "", nil)
	}
}
