package collect

import (
	"strings"

	"graphsnap/engine"
)

// relation is a table or view of the monitored database.
type relation struct {
	oid          uint32
	schema, name string
	view         bool
	definition   string // of a view
	columns      map[string]bool
	shown        string // MySQL: the bare name in the schema that the DSN names, else "schema.name"
	// columnOptions are the columns whose statistics somebody tuned, `user_id n_distinct=1`.
	columnOptions string
}

// key is the node's key; tables of the schema public go by their bare name.
func (r *relation) key() string {
	if r.view {
		return engine.NodeKey(r.qualified(), "View")
	}
	return engine.NodeKey(r.qualified(), "Table")
}

func (r *relation) qualified() string {
	if r.shown != "" {
		return r.shown
	}
	if r.schema == "public" {
		return r.name
	}
	return r.schema + "." + r.name
}

// foreignKey is a reference between two tables.
type foreignKey struct {
	name       string
	from, to   string // node keys
	columns    []string
	referenced []string
	onDelete   string
	index      string // an index that begins with the columns, or ""
}

// catalog is what the database says of its own structure.
type catalog struct {
	relations  map[string]*relation // by "schema.name", partitions under their own name too
	byOID      map[uint32]*relation // partitions under their own, leading to their root
	searchPath []string
	keys       []foreignKey
	references map[[2]string]bool // node keys, referencing and referenced
	mysql      bool
	folded     map[string]*relation // MySQL: by the lower case of "schema.name"
}

// tree parses the definition of a view.
func (c *catalog) tree(view *relation) ([]object, error) {
	if c.mysql {
		return mysqlTree(view.definition, c, view.schema)
	}
	return parseTree(view.definition)
}

// find resolves a name as the server would: along the search path where it has no schema.
func (c *catalog) find(schema, name string) *relation {
	if schema != "" {
		return c.relations[schema+"."+name]
	}
	for _, s := range c.searchPath {
		if r := c.relations[s+"."+name]; r != nil {
			return r
		}
	}
	// The statement may have run under another search path: a name that is unique in the database is clear all the same.
	var only *relation
	for key, r := range c.relations {
		if strings.HasSuffix(key, "."+name) && r.name == name {
			if only != nil && only != r {
				return nil
			}
			only = r
		}
	}
	return only
}
