// Package cypher owns every statement that Graphsnap sends to Neo4j, one per file, with a header that says what it
// answers. It owns text only: engine/neo4jdb runs the statements and gives their rows types.
package cypher

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

//go:embed live freeze query verify audit remove pins rules cases deployments bench
var statements embed.FS

//go:embed migrations
var migrations embed.FS

// Mode says whether a statement writes.
type Mode string

// The modes.
const (
	Read  Mode = "read"
	Write Mode = "write"
)

// Statement is one Cypher statement with what its header declares.
type Statement struct {
	Name    string // folder and file name without ending, `freeze/nodes`
	Text    string // the statement without its header
	About   string // what it answers
	Mode    Mode
	On      string   // the database it runs on: live, snapshots, both, or apoc (snapshots with APOC)
	Params  []string // names of its parameters
	Columns []string // names of its columns
	Scan    string   // why an AllNodesScan or a CartesianProduct is right here; "" where none may occur
}

// The statements, by what they are for. The constant's name is the file's name.
var (
	LiveStates              = load("live/states")
	LiveStrangers           = load("live/strangers")
	LiveNodes               = load("live/nodes")
	LiveRelationships       = load("live/relationships")
	LiveState               = load("live/state")
	LiveInFlight            = load("live/in_flight")
	LiveGate                = load("live/gate")
	LiveSourceOf            = load("live/source_of")
	LiveNextTick            = load("live/next_tick")
	LiveOwnNodes            = load("live/own_nodes")
	LiveOwnRelationships    = load("live/own_relationships")
	LiveCreateNodes         = load("live/create_nodes")
	LiveUpdateNodes         = load("live/update_nodes")
	LiveDeleteNodes         = load("live/delete_nodes")
	LiveCreateRelationships = load("live/create_relationships")
	LiveUpdateRelationships = load("live/update_relationships")
	LiveDeleteRelationships = load("live/delete_relationships")
	LiveSetState            = load("live/set_state")
	LiveForget              = load("live/forget")

	FreezeBegin         = load("freeze/begin")
	FreezeBatch         = load("freeze/batch")
	FreezeRenew         = load("freeze/renew")
	FreezeEntered       = load("freeze/entered")
	FreezeManifest      = load("freeze/manifest")
	FreezeNodes         = load("freeze/nodes")
	FreezeNodeIDs       = load("freeze/node_ids")
	FreezeRelationships = load("freeze/relationships")
	FreezeVerifyNodes   = load("freeze/verify_nodes")
	FreezeVerifyRels    = load("freeze/verify_relationships")
	FreezeLockChain     = load("freeze/lock_chain")
	FreezeTakenIDs      = load("freeze/taken_ids")
	FreezeLockTimeline  = load("freeze/lock_timeline")
	FreezeNeighbours    = load("freeze/neighbours")
	FreezePublish       = load("freeze/publish")
	FreezePublished     = load("freeze/published")
	FreezeLink          = load("freeze/link")
	FreezeUnlink        = load("freeze/unlink")
	FreezeMoveHead      = load("freeze/move_head")
	FreezeAnnotate      = load("freeze/annotate")

	QuerySources       = load("query/sources")
	QueryList          = load("query/list")
	QueryListAll       = load("query/list_all")
	QueryTimeline      = load("query/timeline")
	QueryGet           = load("query/get")
	QueryNodes         = load("query/nodes")
	QueryRelationships = load("query/relationships")
	QueryHistory       = load("query/history")
	QueryManifest      = load("query/manifest")
	QuerySomeNodes     = load("query/some_nodes")
	QuerySomeRels      = load("query/some_relationships")
	QueryNodeHistory   = load("query/node_history")
	QueryRelHistory    = load("query/relationship_history")
	QueryBetween       = load("query/between")
	QueryCaptures      = load("query/captures")
	QueryVersion       = load("query/version")
	QueryCaptured      = load("query/captured")

	VerifyHeader      = load("verify/header")
	VerifyUncontained = load("verify/uncontained")
	VerifyForeign     = load("verify/foreign")
	VerifyStrays      = load("verify/strays")
	VerifyTrail       = load("verify/trail")
	VerifyOrder       = load("verify/order")
	VerifyLinks       = load("verify/links")
	VerifyTimelines   = load("verify/timelines")

	BenchLiveNodes     = load("bench/live_nodes")
	BenchLiveRels      = load("bench/live_relationships")
	BenchLiveChange    = load("bench/live_change")
	BenchLiveClear     = load("bench/live_clear")
	BenchLiveTouch     = load("bench/live_touch")
	BenchReadNodes     = load("bench/read_nodes")
	BenchReadRels      = load("bench/read_relationships")
	BenchRawNodes      = load("bench/raw_nodes")
	BenchRawRels       = load("bench/raw_relationships")
	BenchRawClear      = load("bench/raw_clear")
	BenchScan          = load("bench/scan")
	BenchTimeline      = load("bench/timeline")
	BenchTimelineClear = load("bench/timeline_clear")
	BenchPeerExport    = load("bench/peer_export")

	AuditAppend = load("audit/append")
	AuditList   = load("audit/list")

	PinsSet        = load("pins/set")
	PinsClear      = load("pins/clear")
	PinsProtection = load("pins/protection")
	PinsRetention  = load("pins/retention")

	RemoveDetach   = load("remove/detach")
	RemoveDropHead = load("remove/drop_head")
	RemoveElements = load("remove/elements")
	RemoveRoot     = load("remove/root")
	RemoveStaged   = load("remove/staged")
	RemoveExpired  = load("remove/expired")
	RemovePending  = load("remove/pending")
	RemoveOld      = load("remove/old_failures")

	RulesAcquire    = load("rules/acquire")
	RulesFence      = load("rules/fence")
	RulesRelease    = load("rules/release")
	RulesMemories   = load("rules/memories")
	RulesRemember   = load("rules/remember")
	RulesFire       = load("rules/fire")
	RulesFiring     = load("rules/firing")
	RulesFinish     = load("rules/finish")
	RulesFirings    = load("rules/firings")
	RulesPending    = load("rules/pending")
	RulesOldFirings = load("rules/old_firings")

	CasesLock   = load("cases/lock")
	CasesGet    = load("cases/get")
	CasesOpenOf = load("cases/open_of")
	CasesOpen   = load("cases/open")
	CasesUpdate = load("cases/update")
	CasesLink   = load("cases/link")
	CasesList   = load("cases/list")

	DeploymentsStart  = load("deployments/start")
	DeploymentsOpenOf = load("deployments/open_of")
	DeploymentsUpdate = load("deployments/update")
	DeploymentsLink   = load("deployments/link")
	DeploymentsList   = load("deployments/list")
)

// All lists every statement, by name.
func All() []Statement {
	var all []Statement
	err := fs.WalkDir(statements, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".cypher") {
			all = append(all, load(strings.TrimSuffix(name, ".cypher")))
		}
		return err
	})
	if err != nil {
		panic(err) // the files are part of the binary
	}
	return all
}

// Migration is one step of a schema; Statements run one after the other.
type Migration struct {
	Name       string // V001__what
	Statements []string
}

// Migrations lists the steps for a database, `live` or `snapshots`, in order.
func Migrations(database string) []Migration {
	dir := path.Join("migrations", database)
	entries, err := migrations.ReadDir(dir)
	if err != nil {
		panic(err)
	}
	var all []Migration
	for _, entry := range entries {
		text, err := migrations.ReadFile(path.Join(dir, entry.Name()))
		if err != nil {
			panic(err)
		}
		m := Migration{Name: strings.TrimSuffix(entry.Name(), ".cypher")}
		for part := range strings.SplitSeq(stripComments(string(text)), ";") {
			if part = strings.TrimSpace(part); part != "" {
				m.Statements = append(m.Statements, part)
			}
		}
		all = append(all, m)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func stripComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "//") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// load reads a statement; a missing or badly headed file is a fault of the build and panics at start.
func load(name string) Statement {
	raw, err := statements.ReadFile(name + ".cypher")
	if err != nil {
		panic(err)
	}
	s := Statement{Name: name}
	var about []string
	lines := bufio.NewScanner(strings.NewReader(string(raw)))
	for lines.Scan() {
		line, comment := strings.CutPrefix(lines.Text(), "//")
		if !comment {
			s.Text += lines.Text() + "\n"
			continue
		}
		key, value, found := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case found && key == "mode":
			s.Mode = Mode(value)
		case found && key == "on":
			s.On = value
		case found && key == "params":
			s.Params = names(value)
		case found && key == "columns":
			s.Columns = names(value)
		case found && key == "scan":
			s.Scan = value
		default:
			about = append(about, strings.TrimSpace(line))
		}
	}
	s.Text = strings.TrimSpace(s.Text)
	s.About = strings.Join(about, " ")
	if s.Text == "" || s.About == "" || s.On == "" || (s.Mode != Read && s.Mode != Write) {
		panic(fmt.Sprintf("cypher/%s.cypher: the header must say what it answers, mode and on", name))
	}
	return s
}

func names(list string) []string {
	if list == "none" {
		return nil
	}
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
