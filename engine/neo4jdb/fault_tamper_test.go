package neo4jdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/engine"
)

// element is a node or a relationship as the database holds it.
type element struct {
	id       string
	kind     []string // labels, or the type
	from, to string   // ids of the ends of a relationship
	p        map[string]any
}

// contents is all that a database holds, by element id.
type contents struct{ nodes, rels map[string]element }

func contentsOf(t *testing.T, s *server) contents {
	t.Helper()
	c := contents{map[string]element{}, map[string]element{}}
	for _, r := range rows(t, s, `MATCH (n) WHERE NOT n:Migration RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS p`, nil) {
		c.nodes[text(r, "id")] = element{id: text(r, "id"), kind: labels(r, "labels"), p: properties(r, "p")}
	}
	for _, r := range rows(t, s, `MATCH (a)-[r]->(b) RETURN elementId(r) AS id, type(r) AS type, elementId(a) AS from, elementId(b) AS to, properties(r) AS p`, nil) {
		c.rels[text(r, "id")] = element{text(r, "id"), []string{text(r, "type")}, text(r, "from"), text(r, "to"), properties(r, "p")}
	}
	return c
}

// repair brings a database back to what it held, whatever was done to it: it undoes a tampering.
func (c contents) repair(t *testing.T, s *server) {
	t.Helper()
	run := func(query string, params map[string]any) []*neo4j.Record { return rows(t, s, query, params) }
	now := contentsOf(t, s)
	is := map[string]string{} // old id -> id now
	var gone []any
	for id := range now.rels {
		if _, ok := c.rels[id]; !ok {
			gone = append(gone, id)
		}
	}
	run(`UNWIND $ids AS id MATCH ()-[r]->() WHERE elementId(r) = id DELETE r`, map[string]any{"ids": gone})
	gone = nil
	for id := range now.nodes {
		if _, ok := c.nodes[id]; !ok {
			gone = append(gone, id)
		}
	}
	run(`UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id DETACH DELETE n`, map[string]any{"ids": gone})
	for id, n := range c.nodes {
		is[id] = id
		old, there := now.nodes[id]
		switch {
		case !there:
			is[id] = text(run(`CREATE (n:$($labels)) SET n = $p RETURN elementId(n) AS id`, map[string]any{"labels": n.kind, "p": n.p})[0], "id")
		case !reflect.DeepEqual(old, n):
			run(`MATCH (n) WHERE elementId(n) = $id REMOVE n:$($were) SET n:$($labels) SET n = $p`, map[string]any{"id": id, "were": old.kind, "labels": n.kind, "p": n.p})
		}
	}
	for id, r := range c.rels {
		old, there := now.rels[id]
		switch {
		case !there:
			run(`MATCH (a) WHERE elementId(a) = $from MATCH (b) WHERE elementId(b) = $to CREATE (a)-[r:$($type)]->(b) SET r = $p`, map[string]any{"from": is[r.from], "to": is[r.to], "type": r.kind[0], "p": r.p})
		case !reflect.DeepEqual(old, r):
			run(`MATCH ()-[r]->() WHERE elementId(r) = $id SET r = $p`, map[string]any{"id": id, "p": r.p})
		}
	}
}

// tampering is one thing that somebody does to the database behind Graphsnap's back. The query finds its victim by $pick and
// gives what verification must name: the id of the snapshot, and a part of the key of the finding.
type tampering struct {
	what  string
	kind  string // of a finding that must be there
	query string
}

const (
	someNode     = `MATCH (s:Snapshot)-[:CONTAINS]->(n:Frozen) WITH s, n ORDER BY n.seq, n.key WITH collect([s, n]) AS every WITH every[$pick % size(every)] AS one WITH one[0] AS s, one[1] AS n `
	someRel      = `MATCH (s:Snapshot)-[:CONTAINS]->(a:Frozen)-[r]->(b:Frozen) WITH s, a, r, b ORDER BY a.seq, r.rk WITH collect([s, a, r, b]) AS every WITH every[$pick % size(every)] AS one WITH one[0] AS s, one[1] AS a, one[2] AS r, one[3] AS b `
	someSnapshot = `MATCH (s:Snapshot) WITH s ORDER BY s.seq WITH collect(s) AS every WITH every[$pick % size(every)] AS s `
	someLink     = `MATCH (s:Snapshot)-[r:NEXT]->(m:Snapshot) WITH s, r, m ORDER BY s.seq WITH collect([s, r, m]) AS every WITH every[$pick % size(every)] AS one WITH one[0] AS s, one[1] AS r, one[2] AS m `
	someEvent    = `MATCH (e:AuditEvent) WITH e ORDER BY e.no WITH collect(e) AS every WITH every[$pick % size(every)] AS e `
	ofNode       = ` RETURN s.snapshot_id AS id, key AS key`
	ofRel        = ` RETURN s.snapshot_id AS id, rk AS key`
	ofSnapshot   = ` RETURN s.snapshot_id AS id, '' AS key`
	ofEvent      = ` RETURN '' AS id, toString(no) AS key`
)

var tamperings = []tampering{
	{"a property of a node changed", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.name = n.name + '!'` + ofNode},
	{"a property of a node changed in type only", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.whole = 1.0` + ofNode},
	{"a property added to a node", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.added = 1` + ofNode},
	{"an engine's property added to a node", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.rk = 'x'` + ofNode},
	{"a property removed from a node", engine.FindingNode, someNode + `WITH s, n, n.key AS key REMOVE n.name` + ofNode},
	{"the key of a node changed", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.key = n.key + '2'` + ofNode},
	{"the seq of a node changed", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.seq = n.seq + 100000` + ofNode},
	{"the digest of a node changed", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.h = n.h + 1` + ofNode},
	{"a node marked as a bottleneck or not", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n.hot = CASE WHEN n.hot IS NULL THEN true END` + ofNode},
	{"a label added to a node", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n:Extra` + ofNode},
	{"an engine's label added to a node", engine.FindingNode, someNode + `WITH s, n, n.key AS key SET n:Manifest` + ofNode},
	{"a label of a node changed", engine.FindingNode, someNode + `WITH s, n, n.key AS key REMOVE n:Table SET n:View` + ofNode},
	{"a node no longer frozen", engine.FindingNode, someNode + `WITH s, n, n.key AS key REMOVE n:Frozen` + ofNode},
	{"a node deleted", engine.FindingNode, someNode + `WITH s, n, n.key AS key DETACH DELETE n` + ofNode},
	{"a node added", engine.FindingNode, someNode + `WITH s, n, n.key + 'new' AS key CREATE (s)-[:CONTAINS]->(:Frozen:Table {seq: n.seq, key: key, h: 1})` + ofNode},
	{"a node added that is not frozen", engine.FindingLink, someSnapshot + `CREATE (s)-[:CONTAINS]->(:Table {name: 'x'})` + ` RETURN s.snapshot_id AS id, 'CONTAINS' AS key`},
	{"a :CONTAINS removed", engine.FindingLink, someNode + `WITH s, n, n.key AS key MATCH (s)-[c:CONTAINS]->(n) DELETE c` + ofNode},
	{"a :CONTAINS doubled", engine.FindingLink, someNode + `WITH s, n, n.key AS key CREATE (s)-[:CONTAINS]->(n)` + ofNode},
	{"a :CONTAINS from another snapshot", engine.FindingRelationship, someNode + `WITH s, n, n.key AS key MATCH (o:Snapshot) WHERE o <> s WITH s, n, key, o LIMIT 1 CREATE (o)-[:CONTAINS]->(n)` + ofNode},
	{"a property of a relationship changed", engine.FindingRelationship, someRel + `WITH s, r, r.rk AS rk SET r.value = coalesce(r.value, 0) + 1` + ofRel},
	{"a property added to a relationship", engine.FindingRelationship, someRel + `WITH s, r, r.rk AS rk SET r.added = [1, 2]` + ofRel},
	{"a relationship deleted", engine.FindingRelationship, someRel + `WITH s, r, r.rk AS rk DELETE r` + ofRel},
	{"the digest of a relationship changed", engine.FindingRelationship, someRel + `WITH s, r, r.rk AS rk SET r.h = 0` + ofRel},
	{"a relationship added", engine.FindingRelationship, someRel + `WITH s, a, b CREATE (a)-[r:ADDED {rk: 'added', h: 1}]->(b) WITH s, r.rk AS rk` + ofRel},
	{"a relationship added by hand", engine.FindingRelationship, someRel + `WITH s, a, b, 'ADDED' AS rk CREATE (a)-[:ADDED]->(b)` + ofRel},
	{"a relationship re-pointed", engine.FindingRelationship, someRel + `WITH s, a, r, r.rk AS rk, properties(r) AS p, type(r) AS type DELETE r CREATE (a)-[n:$(type)]->(a) SET n = p` + ofRel},
	{"a relationship re-pointed into another snapshot", engine.FindingRelationship, someRel + `MATCH (o:Frozen {key: b.key}) WHERE o.seq <> b.seq WITH s, a, r, o, r.rk AS rk, properties(r) AS p, type(r) AS type LIMIT 1 DELETE r CREATE (a)-[n:$(type)]->(o) SET n = p` + ofRel},
	{"a relationship turned around", engine.FindingRelationship, someRel + `WITH s, a, b, r, r.rk AS rk, properties(r) AS p, type(r) AS type DELETE r CREATE (b)-[n:$(type)]->(a) SET n = p` + ofRel},
	{"a description changed", engine.FindingHeader, someSnapshot + `SET s.description = 'nothing happened'` + ofSnapshot},
	{"a moment changed", engine.FindingHeader, someSnapshot + `SET s.timestamp = s.timestamp + duration('PT1S')` + ofSnapshot},
	{"a root hash changed", engine.FindingHeader, someSnapshot + `SET s.root_hash = reverse(s.root_hash)` + ofSnapshot},
	{"a header hash changed", engine.FindingHeader, someSnapshot + `SET s.header_hash = reverse(s.header_hash)` + ofSnapshot},
	{"a chain hash changed", engine.FindingHeader, someSnapshot + `SET s.chain_hash = reverse(s.chain_hash)` + ofSnapshot},
	{"a property added to a snapshot", engine.FindingHeader, someSnapshot + `SET s.added = 1` + ofSnapshot},
	{"a snapshot made unreadable", engine.FindingHeader, someSnapshot + `SET s.labels_json = '{'` + ofSnapshot},
	{"a label added to a snapshot", engine.FindingLink, someSnapshot + `SET s:Extra` + ` RETURN s.snapshot_id AS id, 'Extra' AS key`},
	{"a snapshot renamed", engine.FindingDeletion, someSnapshot + `WITH s, s.snapshot_id AS id SET s.snapshot_id = s.snapshot_id + '_x' RETURN id, id AS key`},
	{"a snapshot hidden", engine.FindingDeletion, someSnapshot + `REMOVE s:Snapshot RETURN s.snapshot_id AS id, s.snapshot_id AS key`},
	{"a snapshot deleted", engine.FindingDeletion, someSnapshot + `WITH s, s.snapshot_id AS id MATCH (s)--(m) WHERE m:Frozen OR m:Manifest WITH id, s, collect(m) AS parts FOREACH (m IN parts | DETACH DELETE m) DETACH DELETE s RETURN id, id AS key`},
	{"a snapshot added", engine.FindingAudit, someSnapshot + `CREATE (n:Snapshot) SET n = s {.*, snapshot_id: s.snapshot_id + '_y', capture_id: null} RETURN n.snapshot_id AS id, '' AS key`},
	{"a :NEXT removed", engine.FindingLink, someLink + `DELETE r RETURN s.snapshot_id AS id, 'NEXT' AS key`},
	{"a :NEXT doubled", engine.FindingLink, someLink + `CREATE (s)-[:NEXT]->(m) RETURN s.snapshot_id AS id, 'NEXT' AS key`},
	{"a :NEXT turned around", engine.FindingLink, someLink + `DELETE r CREATE (m)-[:NEXT]->(s) RETURN s.snapshot_id AS id, 'NEXT' AS key`},
	{"a :NEXT redirected", engine.FindingLink, someLink + `DELETE r CREATE (s)-[:NEXT]->(s) RETURN s.snapshot_id AS id, 'NEXT' AS key`},
	{"a :HEAD moved", engine.FindingLink, someLink + `MATCH (t:Timeline {source: s.source})-[h:HEAD]->() DELETE h CREATE (t)-[:HEAD]->(s) RETURN '' AS id, 'HEAD' AS key`},
	{"a :HEAD removed", engine.FindingLink, someLink + `MATCH (t:Timeline {source: s.source})-[h:HEAD]->() DELETE h RETURN '' AS id, 'HEAD' AS key`},
	{"a :HEAD on an empty timeline", engine.FindingLink, someSnapshot + `CREATE (:Timeline {source: 'nobody'})-[:HEAD]->(s) RETURN s.snapshot_id AS id, 'HEAD' AS key`},
	{"a manifest deleted", engine.FindingManifest, someSnapshot + `MATCH (s)-[:HAS_MANIFEST]->(m) DETACH DELETE m` + ofSnapshot},
	{"a manifest off its snapshot", engine.FindingManifest, someSnapshot + `MATCH (s)-[:HAS_MANIFEST]->(m) SET m.seq = m.seq + 100000` + ofSnapshot},
	{"an event changed", engine.FindingAudit, someEvent + `WITH e, e.no AS no SET e.actor = e.actor + 'x'` + ofEvent},
	{"an event's moment changed", engine.FindingAudit, someEvent + `WITH e, e.no AS no SET e.at = e.at + duration('PT1S')` + ofEvent},
	{"an event's hash changed", engine.FindingAudit, someEvent + `WITH e, e.no AS no SET e.hash = reverse(e.hash)` + ofEvent},
	{"a property added to an event", engine.FindingAudit, someEvent + `WITH e, e.no AS no SET e.added = 1` + ofEvent},
	{"an event deleted", engine.FindingAudit, someEvent + `WITH e, e.no AS no DELETE e` + ofEvent},
	{"an event added", engine.FindingAudit, someEvent + `CREATE (n:AuditEvent) SET n = e {.*, no: 100000}` + ` RETURN '' AS id, '' AS key`},
	{"the head of the trail moved", engine.FindingAudit, `MATCH (c:Counter {name: 'chain'}) SET c.audit_no = c.audit_no - 1 RETURN '' AS id, '' AS key`},
	{"the head of the chain moved", engine.FindingAudit, `MATCH (c:Counter {name: 'chain'}) SET c.chain_hash = '' RETURN '' AS id, '' AS key`},
	{"the counter set back", engine.FindingHeader, `MATCH (c:Counter {name: 'seq'}) SET c.value = 0 RETURN '' AS id, 'seq' AS key`},
}

// TestFaultTampering does each kind of tampering to a random victim, and more at random (SEEDS of them, at least a hundred):
// verification must find it and name it, and find nothing once it is undone.
func TestFaultTampering(t *testing.T) {
	g := openGround(t)
	ctx := context.Background()
	g.deleteEverything(t)
	for _, source := range []string{g.source, g.source + "b"} {
		for i := range 3 {
			must[int64](t)(g.live.WriteTick(ctx, tickOf(source, float64(i*900))))
			captured(t, g.engine, source)
		}
	}
	g.sound(t)
	clean := contentsOf(t, g.snaps.server)
	random := rand.New(rand.NewPCG(uint64(long("SEEDS", 1)), 3))
	total := max(100, long("SEEDS", 1))
	for i := range total {
		trick := tamperings[i%len(tamperings)]
		done := rows(t, g.snaps.server, trick.query, map[string]any{"pick": random.IntN(1000)})
		if len(done) == 0 {
			t.Errorf("%s: nobody was tampered with", trick.what)
			continue
		}
		g.wantFinding(t, trick, text(done[0], "id"), text(done[0], "key"))
		clean.repair(t, g.snaps.server)
		if i%10 == 9 || i == total-1 {
			g.verified(t)
		}
		clean = contentsOf(t, g.snaps.server)
	}
	for _, s := range g.list(t) { // bytes cannot be changed in Cypher
		encoded := rows(t, g.snaps.server, `MATCH (m:Manifest {seq: $seq}) RETURN m.content AS content ORDER BY m.no`, map[string]any{"seq": s.Seq})
		content := encoded[0].Values[0].([]byte)
		content[random.IntN(len(content))] ^= 1 << random.IntN(8)
		rows(t, g.snaps.server, `MATCH (m:Manifest {seq: $seq, no: 1}) SET m.content = $content`, map[string]any{"seq": s.Seq, "content": content})
		g.wantFinding(t, tampering{what: "a manifest byte flipped", kind: engine.FindingManifest}, s.ID, "")
		clean.repair(t, g.snaps.server)
	}
	g.sound(t)
}

// wantFinding verifies everything and wants one finding of the kind that names the snapshot and the key.
func (g *ground) wantFinding(t *testing.T, trick tampering, id, key string) {
	t.Helper()
	report, err := g.engine.Verify(context.Background(), engine.VerifyOptions{}, nil)
	if err != nil {
		t.Fatalf("%s: %v", trick.what, err)
	}
	for _, f := range report.Findings {
		if f.Kind == trick.kind && (id == "" || f.SnapshotID == id) && strings.Contains(f.Key, key) {
			return
		}
	}
	t.Errorf("%s: no finding of kind %s names %q of %q; found %s", trick.what, trick.kind, key, id, fmt.Sprintf("%+v", report.Findings))
}

// deleteEverything deletes all snapshots, so that a test has a small database.
func (g *ground) deleteEverything(t *testing.T) {
	t.Helper()
	g.snaps.removal = removeBatch
	list, _, err := g.snaps.List(context.Background(), engine.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if err := g.engine.Delete(context.Background(), s.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
}
