package neo4jdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
)

// samples gives a value of the right type for each parameter of each statement, so that EXPLAIN plans what really runs.
var samples = map[string]any{
	"source": "shop", "default": "default", "id": "snap_20260101_000000_x", "ids": []any{"4:x:1", int64(1)}, "rows": []any{},
	"properties": map[string]any{}, "owner": "o", "token": "t", "lease_s": 60, "seq": 1, "no": 1, "keys": []string{"k"}, "from": "a", "to": "b",
	"timestamp": time.Unix(0, 0).UTC(), "chain_hash": "", "trigger": "manual", "severity": "low", "since": time.Unix(0, 0).UTC(),
	"until": time.Unix(0, 0).UTC(), "text": "x", "tag": "x", "prefix": "snap_", "before": time.Unix(0, 0).UTC(), "before_seq": 1, "limit": 10,
	"starts": []any{[]any{"k", []string{"r"}}}, "capture_id": "c", "key": "k", "first": 1, "last": 2, "content": []byte{1}, "hash": "h", "reason": "r", "action": "a",
	"actor": "ann", "note": "n", "at": time.Unix(0, 0).UTC(),
	"name": "n", "holder": "h", "ttl_ms": int64(15000), "state": "open", "snapshot_id": "snap_20260101_000000_x", "failure": "f", "role": "before",
	"before_id": "case_x",
}

// TestExplainEveryStatement plans every statement on the real server: it must parse, do what its header says with the
// parameters that its header names, and neither scan all nodes nor build a product without a reason in the header.
func TestExplainEveryStatement(t *testing.T) {
	live, snaps := openBoth(t)
	databases := map[string][]*server{"live": {live.server}, "snapshots": {snaps.server}, "both": {live.server, snaps.server}}
	for _, s := range cypher.All() {
		if s.On == "apoc" {
			continue // the test servers have none
		}
		t.Run(s.Name, func(t *testing.T) {
			servers, ok := databases[s.On]
			if !ok {
				t.Fatalf("header says on: %q, want live, snapshots or both", s.On)
			}
			params := map[string]any{}
			for _, name := range s.Params {
				sample, known := samples[name]
				if !known {
					t.Fatalf("no sample for parameter %q: add one", name)
				}
				params[name] = sample
			}
			for _, server := range servers {
				explain(t, server, s, params)
			}
		})
	}
}

func explain(t *testing.T, server *server, s cypher.Statement, params map[string]any) {
	t.Helper()
	ctx := context.Background()
	session := server.session(ctx, neo4j.AccessModeWrite)
	defer closeSession(ctx, session)
	result, err := session.Run(ctx, "EXPLAIN "+s.Text, params)
	if err != nil {
		t.Fatalf("EXPLAIN: %v", err)
	}
	columns, err := result.Keys()
	if err != nil {
		t.Fatalf("EXPLAIN: %v", err)
	}
	summary, err := result.Consume(ctx)
	if err != nil {
		t.Fatalf("EXPLAIN: %v", err)
	}
	for _, note := range summary.Notifications() {
		if strings.Contains(note.Code(), "ParameterNotProvided") {
			t.Errorf("the statement uses a parameter that its header does not name: %s", note.Description())
		}
	}
	for _, name := range s.Params {
		if !strings.Contains(s.Text, "$"+name) {
			t.Errorf("the header names parameter %q, which the statement does not use", name)
		}
	}
	if s.Columns != nil && !slices.Equal(columns, s.Columns) {
		t.Errorf("columns are %v, the header says %v", columns, s.Columns)
	}
	kind := summary.StatementType()
	writes := kind == neo4j.StatementTypeReadWrite || kind == neo4j.StatementTypeWriteOnly
	if writes != (s.Mode == cypher.Write) {
		t.Errorf("statement type is %v, the header says mode: %s", kind, s.Mode)
	}
	var walk func(p neo4j.Plan)
	walk = func(p neo4j.Plan) {
		op, _, _ := strings.Cut(p.Operator(), "@")
		if s.Scan == "" && (op == "AllNodesScan" || op == "CartesianProduct") && !bothUnique(p) {
			t.Errorf("the plan has %s without a reason in the header:\n%s", op, drawPlan(summary.Plan(), 0))
		}
		for _, child := range p.Children() {
			walk(child)
		}
	}
	walk(summary.Plan())
}

// bothUnique recognises a product of two single rows, each found by a unique index or an element id.
func bothUnique(p neo4j.Plan) bool {
	op, _, _ := strings.Cut(p.Operator(), "@")
	if op != "CartesianProduct" {
		return false
	}
	single := func(p neo4j.Plan) bool {
		for {
			op, _, _ := strings.Cut(p.Operator(), "@")
			if strings.Contains(op, "UniqueIndexSeek") || strings.Contains(op, "ByElementIdSeek") || op == "Argument" {
				return true
			}
			if len(p.Children()) != 1 {
				return false
			}
			p = p.Children()[0]
		}
	}
	for _, child := range p.Children() {
		if !single(child) {
			return false
		}
	}
	return true
}

func drawPlan(p neo4j.Plan, depth int) string {
	text := fmt.Sprintf("%s%s %v\n", strings.Repeat("  ", depth), p.Operator(), p.Arguments()["Details"])
	for _, child := range p.Children() {
		text += drawPlan(child, depth+1)
	}
	return text
}
