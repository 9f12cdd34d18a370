package engine

import (
	"context"
	"io"
	"strconv"
)

const (
	cypherRows   = 1000    // most rows of one statement
	cypherBuffer = 4 << 20 // bytes of rows that wait for others of their label or type
)

// cypher writes statements that build the snapshot in an empty Neo4j, as it stands in a snapshot database: constraints,
// a staged root, nodes, relationships, and last the header, so that a script that broke off leaves no :Snapshot. What it
// leaves staged is swept when Graphsnap opens the database.
func (x *export) cypher(ctx context.Context, form CypherForm, w io.Writer) error {
	out := &cypherOutput{output: output{w: w}, shell: form == CypherShell, seq: x.snapshot.Seq, groups: map[string]*cypherGroup{}}
	if err := out.begin(x.snapshot); err != nil {
		return err
	}
	if err := x.graph(ctx, out); err != nil {
		return err
	}
	if err := out.flushGroups(); err != nil {
		return err
	}
	if err := out.publish(x.snapshot, x.metadata); err != nil {
		return err
	}
	return out.flush(true)
}

// cypherOutput is a sink that writes statements. Rows wait in groups, because a label or type cannot be a value.
type cypherOutput struct {
	output
	shell         bool
	seq           int64
	groups        map[string]*cypherGroup
	order         []string // groups as they came
	waiting       int      // bytes in them
	relationships bool
}

type cypherGroup struct {
	rows []byte
	n    int
}

// statement writes one statement in a transaction of its own, as it is without commands too.
func (o *cypherOutput) statement(parts ...string) {
	if o.shell {
		o.b = append(o.b, ":begin\n"...)
	}
	for _, part := range parts {
		o.b = append(o.b, part...)
	}
	o.b = append(o.b, ";\n"...)
	if o.shell {
		o.b = append(o.b, ":commit\n"...)
	}
}

func (o *cypherOutput) begin(s *Snapshot) error {
	o.b = append(append(append(o.b, "// Graphsnap snapshot "...), s.ID...), ": run it in an empty Neo4j 5, from the first statement to the last.\n"...)
	for _, constraint := range []string{
		"snapshot_id IF NOT EXISTS FOR (s:Snapshot) REQUIRE s.snapshot_id IS UNIQUE",
		"staged_seq IF NOT EXISTS FOR (s:StagedSnapshot) REQUIRE s.seq IS UNIQUE",
		"frozen_seq_key IF NOT EXISTS FOR (n:Frozen) REQUIRE (n.seq, n.key) IS UNIQUE",
		"timeline_source IF NOT EXISTS FOR (t:Timeline) REQUIRE t.source IS UNIQUE",
		"counter_name IF NOT EXISTS FOR (c:Counter) REQUIRE c.name IS UNIQUE",
	} {
		o.statement("CREATE CONSTRAINT ", constraint)
	}
	source, err := appendCypherText(nil, s.Source)
	if err != nil {
		return err
	}
	o.statement("CALL db.awaitIndexes(300)")
	o.statement("CREATE (:StagedSnapshot {seq: ", o.number(), ", source: ", string(source),
		", owner: 'cypher script', staged_at: datetime(), expires_at: datetime() + duration({hours: 1})})")
	return o.flush(false)
}

func (o *cypherOutput) number() string { return strconv.FormatInt(o.seq, 10) }

// frozen gives the properties of a frozen element: the user's beside the engine's.
func frozen(p Properties, more int) Properties {
	out := make(Properties, len(p)+more)
	for name, v := range p {
		out[OwnProperty(name)] = v
	}
	if SeverityOf(p).IsBottleneck() {
		out["hot"] = true
	}
	return out
}

func (o *cypherOutput) Nodes(ctx context.Context, nodes []Node, digests []int64) error {
	for i, n := range nodes {
		p := frozen(n.Properties, 4)
		p["seq"], p["key"], p["h"] = o.seq, n.Key, digests[i]
		labels := []byte(":Frozen")
		var err error
		for _, l := range n.Labels {
			if labels, err = appendCypherName(append(labels, ':'), OwnLabel(l)); err != nil {
				return inElement("node", n.Key, err)
			}
		}
		if err := o.row(string(labels), func(b []byte) ([]byte, error) { return appendCypherMap(b, p) }); err != nil {
			return inElement("node", n.Key, err)
		}
	}
	return ctx.Err()
}

func (o *cypherOutput) Relationships(ctx context.Context, rels []Relationship, digests []int64) error {
	if !o.relationships {
		if err := o.flushGroups(); err != nil {
			return err
		}
		o.relationships = true
	}
	for i, r := range rels {
		p := frozen(r.Properties, 3)
		p["rk"], p["h"] = r.Key, digests[i]
		relType, err := appendCypherName([]byte{':'}, r.Type)
		if err == nil {
			err = o.row(string(relType), func(b []byte) ([]byte, error) {
				b, err := appendCypherText(append(b, "{a: "...), r.From)
				if err == nil {
					b, err = appendCypherText(append(b, ", b: "...), r.To)
				}
				if err == nil {
					b, err = appendCypherMap(append(b, ", p: "...), p)
				}
				return append(b, '}'), err
			})
		}
		if err != nil {
			return inElement("relationship", r.Key, err)
		}
	}
	return ctx.Err()
}

// row puts a row into its group and writes what is full.
func (o *cypherOutput) row(name string, write func([]byte) ([]byte, error)) error {
	g := o.groups[name]
	if g == nil {
		g = &cypherGroup{}
		o.groups[name] = g
		o.order = append(o.order, name)
	}
	before := len(g.rows)
	if g.n > 0 {
		g.rows = append(g.rows, ", "...)
	}
	var err error
	if g.rows, err = write(g.rows); err != nil {
		return err
	}
	g.n++
	o.waiting += len(g.rows) - before
	if g.n == cypherRows {
		return o.flushGroup(name, g)
	}
	if o.waiting > cypherBuffer {
		return o.flushGroups()
	}
	return nil
}

func (o *cypherOutput) flushGroups() error {
	for _, name := range o.order {
		if err := o.flushGroup(name, o.groups[name]); err != nil {
			return err
		}
	}
	clear(o.groups)
	o.order = o.order[:0]
	return nil
}

func (o *cypherOutput) flushGroup(name string, g *cypherGroup) error {
	if g.n == 0 {
		return nil
	}
	if o.relationships {
		o.statement("UNWIND [", string(g.rows), "] AS row MATCH (a:Frozen {seq: ", o.number(), ", key: row.a}) MATCH (b:Frozen {seq: ", o.number(),
			", key: row.b}) CREATE (a)-[r", name, "]->(b) SET r = row.p")
	} else {
		o.statement("MATCH (s:StagedSnapshot {seq: ", o.number(), "}) UNWIND [", string(g.rows), "] AS p CREATE (s)-[:CONTAINS]->(n", name, ") SET n = p")
	}
	o.waiting -= len(g.rows)
	g.rows, g.n = g.rows[:0], 0
	return o.flush(false)
}

// publish turns the staged root into the snapshot, where all of its elements are there, and makes it the head of its timeline.
func (o *cypherOutput) publish(s *Snapshot, metadata bool) error {
	header := *s
	if !metadata {
		header = Snapshot{
			ID: s.ID, Seq: s.Seq, Source: s.Source, Timestamp: s.Timestamp, TriggerType: TriggerManual, SchemaVersion: s.SchemaVersion,
			NodeCount: s.NodeCount, RelationshipCount: s.RelationshipCount, RootHash: s.RootHash, StateHash: s.StateHash,
			Labels: map[string]int{}, RelationshipTypes: map[string]int{},
		}
	}
	p, err := HeaderProperties(&header)
	if err != nil {
		return err
	}
	seal, err := HashProperties(p)
	if err != nil {
		return err
	}
	p["header_hash"], p["chain_hash"] = seal, s.ChainHash
	if s.ChainHash == "" {
		p["chain_hash"] = ChainHash("", s.ID, s.RootHash, seal)
	}
	properties, err := appendCypherMap(nil, p)
	if err != nil {
		return err
	}
	id, _ := appendCypherText(nil, s.ID) // ids are plain
	source, err := appendCypherText(nil, s.Source)
	if err != nil {
		return err
	}
	o.statement("MATCH (s:StagedSnapshot {seq: ", o.number(), "}) WHERE COUNT { (s)-[:CONTAINS]->() } = ", strconv.Itoa(s.NodeCount),
		" AND COUNT { (s)-[:CONTAINS]->()-[]->(:Frozen) } = ", strconv.Itoa(s.RelationshipCount),
		" REMOVE s:StagedSnapshot SET s:Snapshot SET s = ", string(properties), " RETURN s.snapshot_id AS published")
	o.statement("MATCH (s:Snapshot {snapshot_id: ", string(id), "}) MERGE (t:Timeline {source: ", string(source),
		"}) WITH s, t WHERE NOT EXISTS { (t)-[:HEAD]->() } CREATE (t)-[:HEAD]->(s)")
	o.statement("MERGE (c:Counter {name: 'seq'}) SET c.value = CASE WHEN coalesce(c.value, 0) < ", o.number(), " THEN ", o.number(), " ELSE c.value END")
	return nil
}
