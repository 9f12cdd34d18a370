package engine

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
)

// documentFields are the fields around the graph that an import reads, or knows and derives again.
var documentFields = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range []string{
		"schema_version", "snapshot_id", "source", "timestamp", "node_count", "relationship_count", "trigger_type", "trigger_reason",
		"rule", "description", "tags", "template", "retention", "consistency", "live", "warnings", "root_hash", "severity", "performance_summary", "metadata",
	} {
		m[name] = true
	}
	return m
}()

// derivedFields are known, and belong to the database of the export or follow from the graph.
var derivedFields = map[string]bool{"seq": true, "same_as": true, "imported": true, "chain_hash": true, "state_hash": true, "labels": true, "relationship_types": true}

// maxMembers bounds the fields of a document.
const maxMembers = 1000

// maxElement is the largest element, bytes as it is written.
const maxElement = 64 << 20

// document reads a snapshot document. whole says that it must have a graph; metadata.json of a CSV export has none.
func (t *intake) document(ctx context.Context, in io.Reader, whole bool) error {
	r := newJSONReader(in)
	graph := false
	err := r.object(maxMembers, func(name string) error {
		switch {
		case name == "graph_state" && whole:
			graph = true
			return t.graph(ctx, r)
		case documentFields[name]:
			raw, err := r.keep()
			if err != nil {
				return err
			}
			t.fields[name] = raw
			if name == "schema_version" {
				return checkVersion(raw)
			}
			return nil
		case !derivedFields[name]:
			t.im.report.ignore(name)
		}
		return r.skip()
	})
	if err == nil {
		err = r.finish()
	}
	if err == nil && whole && !graph {
		err = Errorf(KindInvalid, "import", "the document has no graph_state").WithHint("export the snapshot as a whole; a row of a list has no graph")
	}
	return err
}

// graph reads graph_state.
func (t *intake) graph(ctx context.Context, r *jsonReader) error {
	return r.object(maxMembers, func(list string) error {
		switch list {
		case "nodes":
			return r.array(func() error {
				n, err := readNode(r)
				if err != nil {
					return err
				}
				return t.node(ctx, n, r.offset())
			})
		case "relationships":
			if t.count == 0 {
				// Either there are no nodes, and then no relationships, or they come later.
				return r.array(func() error {
					return Errorf(KindInvalid, "import", "the relationships stand in front of the nodes").
						WithHint("write nodes first: `jq '.graph_state |= {nodes, relationships}'`")
				})
			}
			return r.array(func() error {
				rel, err := readRelationship(r)
				if err != nil {
					return err
				}
				return t.relationship(ctx, rel, r.offset())
			})
		}
		return r.skip()
	})
}

func (r *jsonReader) offset() int64 { return r.before + int64(r.pos) }

// typed reads a text where one must stand.
func (r *jsonReader) typed(element, name string) (string, error) {
	c, err := r.peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", r.broken("%s of a %s is no text", name, element)
	}
	return r.text(name != "id")
}

func readNode(r *jsonReader) (Node, error) {
	n := Node{Properties: Properties{}}
	var kind string
	labelled := false
	err := r.object(maxMembers, func(name string) (err error) {
		switch name {
		case "id":
			n.Key, err = r.typed("node", name)
		case "type":
			kind, err = r.typed("node", name)
		case "labels":
			labelled = true
			err = r.array(func() error {
				label, err := r.typed("node", "label")
				n.Labels = append(n.Labels, label)
				if len(n.Labels) > maxMembers {
					return Errorf(KindExhausted, "import", "a node has more than %d labels", maxMembers)
				}
				return err
			})
		case "properties":
			n.Properties, err = readProperties(r)
		default:
			err = r.skip()
		}
		return err
	})
	if !labelled && kind != "" { // schema_version 0 had the type only
		n.Labels = []string{kind}
	}
	return n, err
}

func readRelationship(r *jsonReader) (Relationship, error) {
	rel := Relationship{Properties: Properties{}}
	err := r.object(maxMembers, func(name string) (err error) {
		switch name {
		case "id":
			rel.Key, err = r.typed("relationship", name)
		case "source":
			rel.From, err = r.typed("relationship", name)
		case "target":
			rel.To, err = r.typed("relationship", name)
		case "type":
			rel.Type, err = r.typed("relationship", name)
		case "properties":
			rel.Properties, err = readProperties(r)
		default:
			err = r.skip()
		}
		return err
	})
	return rel, err
}

func readProperties(r *jsonReader) (Properties, error) {
	p := Properties{}
	start := r.offset()
	err := r.object(maxProperties, func(name string) error {
		v, err := readValue(r, true)
		if err != nil {
			return err
		}
		if v != nil { // absent and null are the same
			p[name] = v
		}
		if r.offset()-start > maxElement {
			return Errorf(KindExhausted, "import", "the properties of one element have more than %d bytes", maxElement)
		}
		return nil
	})
	return p, err
}

// readValue reads a property value.
func readValue(r *jsonReader, listAllowed bool) (any, error) {
	c, err := r.peek()
	if err != nil {
		return nil, err
	}
	switch c {
	case '"':
		return r.text(true)
	case '{':
		var kind, text string
		err := r.object(2, func(name string) (err error) {
			switch name {
			case "$type":
				kind, err = r.typed("value", name)
			case "value":
				text, err = r.typed("value", name)
			default:
				err = r.broken("a property is an object with the member %.40q; Neo4j has no such properties", name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		v, err := typedValue(kind, text)
		if err != nil {
			return nil, r.broken("%v", err)
		}
		return v, nil
	case '[':
		if !listAllowed {
			return nil, r.broken("a list stands within a list; Neo4j has no such properties")
		}
		list := []any{}
		if err := r.array(func() error {
			v, err := readValue(r, false)
			if list = append(list, v); len(list) > maxList {
				return Errorf(KindExhausted, "import", "a list has more than %d values", maxList)
			}
			return err
		}); err != nil {
			return nil, err
		}
		if !storableList(list) {
			return nil, r.broken("a list mixes types, or holds null or bytes; Neo4j has no such properties")
		}
		return list, nil
	}
	return r.scalar()
}

// checkVersion refuses what only a later Graphsnap understands. Kinds: invalid.
func checkVersion(raw []byte) error {
	v, err := strconv.Atoi(string(raw))
	if err != nil || v < 0 {
		return Errorf(KindInvalid, "import", "schema_version %.40s is no version", raw)
	}
	if v > SchemaVersion {
		return Errorf(KindInvalid, "import", "the document has schema_version %d; this Graphsnap reads up to %d", v, SchemaVersion).WithHint("update Graphsnap, then import again")
	}
	return nil
}

// upgrades turn the fields of a document of one schema_version into those of the next; upgrades[v] leads from v to v+1. What
// an older version said of elements, readNode and readRelationship understand.
var upgrades = [SchemaVersion]func(fields map[string]json.RawMessage) error{
	0: func(fields map[string]json.RawMessage) error {
		// The fields of section 6 of DESIGN.md alone, written before there were several sources: the database names it.
		if _, known := fields["source"]; known {
			return nil
		}
		var metadata struct {
			DatabaseName string `json:"database_name"`
		}
		if raw := fields["metadata"]; raw != nil {
			if err := json.Unmarshal(raw, &metadata); err != nil {
				return Errorf(KindInvalid, "import", "the field metadata is not as a snapshot document has it").WithCause(err)
			}
		}
		if metadata.DatabaseName == "" {
			metadata.DatabaseName = "default"
		}
		source, err := json.Marshal(metadata.DatabaseName)
		fields["source"] = source
		return err
	},
}

// upgradeFields brings the fields of a document to SchemaVersion, step by step. A document without a version is of the
// first. Kinds: invalid.
func upgradeFields(fields map[string]json.RawMessage) error {
	version := 0
	if raw, known := fields["schema_version"]; known {
		if err := checkVersion(raw); err != nil {
			return err
		}
		version, _ = strconv.Atoi(string(raw)) // checked
	}
	for _, upgrade := range upgrades[version:] {
		if err := upgrade(fields); err != nil {
			return err
		}
	}
	return nil
}
