package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"graphsnap/engine"
)

// plan is what the planner would do with a statement whose values it does not know. Nothing is ever executed for it.
type plan struct {
	shape        string // the tree of nodes with tables and indexes
	cost         float64
	rows         float64 // as the planner expects
	joins, scans []string
	tables       []string
}

const (
	// planMS is how long one plan may take, plansTimeout how long all of a round.
	planMS       = 500
	plansTimeout = 2 * time.Second
	// busySessions is from how many active sessions on plan probes wait for a quieter moment.
	busySessions = 24
	maxShape     = 4000
)

// typedParameter finds `interval $1`, which the server's normaliser makes and its parser refuses.
var typedParameter = regexp.MustCompile(`(?i)\b(interval|date|timestamp|timestamptz|time)\s+(\$\d+)(\s+(?:year|month|day|hour|minute|second)s?\b)?`)

// extractedParameter finds `extract($1 FROM `, which the normaliser makes and the parser refuses.
var extractedParameter = regexp.MustCompile(`(?i)\bextract\s*\(\s*(\$\d+)\s+from\s`)

var parameter = regexp.MustCompile(`\$(\d+)`)

// askPlan asks for the plan of a normalised statement, in a transaction that can neither write nor last.
func (r *reader) askPlan(ctx context.Context, text string) (plan, error) {
	text = typedParameter.ReplaceAllString(text, "$2::$1")
	extract := "extract"
	if r.version < 140000 {
		extract = "date_part"
	}
	text = extractedParameter.ReplaceAllString(text, "pg_catalog."+extract+"($1::text, ")
	text = strings.TrimRight(strings.TrimSpace(text), ";")
	if err := plannable(text); err != nil {
		return plan{}, err
	}
	begin := fmt.Sprintf(`BEGIN %[1]s READ ONLY; SET %[1]s LOCAL statement_timeout = %[2]d; SET %[1]s LOCAL lock_timeout = 100; `, mark, planMS)
	ask := `EXPLAIN ` + mark + ` (FORMAT JSON, GENERIC_PLAN) ` + text
	if r.version < 160000 {
		values := make([]string, parameters(text))
		for i := range values {
			values[i] = "NULL"
		}
		list := ""
		if len(values) > 0 {
			list = "(" + strings.Join(values, ", ") + ")"
		}
		ask = `SET ` + mark + ` LOCAL plan_cache_mode = force_generic_plan; PREPARE ` + mark + ` graphsnap_plan AS ` + text +
			`; EXPLAIN ` + mark + ` (FORMAT JSON) EXECUTE graphsnap_plan` + list
	}
	results, err := r.conn.PgConn().Exec(ctx, begin+ask).ReadAll()
	if _, e := r.conn.PgConn().Exec(ctx, `ROLLBACK `+mark).ReadAll(); err == nil {
		err = e
	}
	if slices.ContainsFunc(results, func(r *pgconn.Result) bool { return r.CommandTag.String() == "PREPARE" }) {
		// A prepared statement outlives its transaction.
		_, _ = r.conn.PgConn().Exec(ctx, `DEALLOCATE `+mark+` graphsnap_plan`).ReadAll()
	}
	if err != nil {
		return plan{}, err
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return plan{}, engine.Errorf(engine.KindInternal, "plan", "the server gives no plan")
	}
	return readPlan(last.Rows[0][0])
}

// plannable refuses everything but one statement that the planner plans.
func plannable(text string) error {
	statements, err := parseTree(text)
	if err != nil {
		return err
	}
	if len(statements) == 1 {
		for _, kind := range []string{"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"} {
			if statements[0][kind] != nil {
				return nil
			}
		}
	}
	return engine.Errorf(engine.KindInvalid, "plan", "not one plannable statement")
}

// parameters gives the highest parameter number of a text.
func parameters(text string) (n int) {
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		var i int
		if _, err := fmt.Sscan(m[1], &i); err == nil && i < 1000 {
			n = max(n, i)
		}
	}
	return n
}

type planNode struct {
	Type     string     `json:"Node Type"`
	Join     string     `json:"Join Type"`
	Strategy string     `json:"Strategy"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Cost     float64    `json:"Total Cost"`
	Rows     float64    `json:"Plan Rows"`
	Plans    []planNode `json:"Plans"`
}

// readPlan reads a plan of EXPLAIN (FORMAT JSON).
func readPlan(raw []byte) (plan, error) {
	var answer []struct {
		Plan planNode `json:"Plan"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer) == 0 {
		return plan{}, engine.Errorf(engine.KindInternal, "plan", "the server's plan cannot be read").WithCause(err)
	}
	root := answer[0].Plan
	p := plan{cost: root.Cost, rows: root.Rows}
	p.shape = p.walk(root)
	if len(p.shape) > maxShape {
		p.shape = p.shape[:maxShape] + " ..."
	}
	return p, nil
}

func (p *plan) walk(n planNode) string {
	text := n.Type
	if n.Strategy != "" && n.Strategy != "Plain" {
		text = n.Strategy + " " + text
	}
	if n.Join != "" && n.Join != "Inner" {
		text += " " + n.Join
	}
	if n.Relation != "" {
		text += " on " + n.Relation
	}
	if n.Index != "" {
		text += " using " + n.Index
	}
	switch n.Type {
	case "Nested Loop", "Hash Join", "Merge Join":
		p.joins = append(p.joins, n.Type)
	case "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan", "Bitmap Index Scan":
		p.scans = append(p.scans, text)
	}
	inner := make([]string, len(n.Plans))
	for i, child := range n.Plans {
		inner[i] = p.walk(child)
	}
	if len(inner) > 0 {
		text += " (" + strings.Join(inner, ", ") + ")"
	}
	return text
}

// digest tells plans apart by shape alone: costs move with every ANALYZE.
func (p plan) digest() string {
	sum := sha256.Sum256([]byte(p.shape))
	return hex.EncodeToString(sum[:8])
}

// planNode adds the plan of a statement. Its key is the statement's, so that another plan is a change of it.
func (r *round) planNode(b *builder, statement, digest string, p plan) {
	key := engine.NodeKey(digest, labelPlan)
	properties := engine.Properties{
		"name": p.digest(), "digest": p.digest(), "shape": p.shape, "estimated": true,
		"cost": r.levels.of(key+" cost", p.cost, rateTolerance), "estimated_rows": r.levels.of(key+" rows", p.rows, rateTolerance),
	}
	// An empty list says no more than a missing one, and CSV has no form for it.
	if len(p.joins) > 0 {
		properties["joins"] = p.joins
	}
	if len(p.scans) > 0 {
		properties["scans"] = p.scans
	}
	b.node(key, labelPlan, properties)
	b.link(statement, relHasPlan, key, "", nil)
}
