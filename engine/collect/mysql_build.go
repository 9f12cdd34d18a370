package collect

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sort"
	"strings"

	"graphsnap/engine"
)

// warnOfLosses says whether statements of the window are missing from the digests, and marks all values as what is left
// then: lower bounds.
func warnOfLosses(sum *delta, r *mysqlReader, lacks *missing) (incomplete bool) {
	if sum == nil || sum.seconds <= 0 {
		return false
	}
	if lost := sum.statements[statementID{query: catchAll}]; lost.calls > 0 {
		incomplete = true
		lacks.add("raise performance_schema_digests_size in my.cnf and restart the server, or begin anew: TRUNCATE TABLE performance_schema.events_statements_summary_by_digest;",
			fmt.Sprintf("the digest table is full: %d statements (%.0f ms/s) are unattributed", lost.calls, lost.execMS/sum.seconds))
	}
	if binary := sum.statements[statementID{query: executes}]; binary.calls > 0 {
		incomplete = true
		lacks.add("let clients send statements as text: interpolateParams=true (Go), useServerPrepStmts=false (Java), PDO::ATTR_EMULATE_PREPARES (PHP)",
			fmt.Sprintf("MariaDB keeps no digests of the binary protocol: %d statements (%.0f ms/s) are unattributed", binary.calls, binary.execMS/sum.seconds))
	}
	if incomplete {
		for id, s := range sum.statements {
			s.quality = lowerBound
			sum.statements[id] = s
		}
	}
	return incomplete
}

// warnOfViews names the views that statements of the window read and whose definition is hidden.
func (c *Collector) warnOfViews(sum *delta, lacks *missing) {
	if sum == nil {
		return
	}
	hidden := map[string]bool{}
	for id := range sum.statements {
		if u := c.usages[id.query]; u != nil {
			for _, key := range u.tables {
				if strings.HasSuffix(key, ":View") {
					hidden[engine.KeyName(key)] = true
				}
			}
		}
	}
	if len(hidden) > 0 {
		names := sortedNames(hidden)
		var grants []string
		for _, rel := range c.catalog.relations {
			if rel.view && hidden[rel.qualified()] {
				grants = append(grants, fmt.Sprintf("GRANT SELECT, SHOW VIEW ON `%s`.`%s` TO '%s'@'%%';", rel.schema, rel.name, c.mysql.config.User))
			}
		}
		sort.Strings(grants)
		lacks.add("run as administrator: "+strings.Join(grants, " "), "the definitions of views are hidden: "+strings.Join(names, ", "))
	}
}

// finishMySQL replaces what only PostgreSQL knows by what MySQL knows of tables and pairs.
func finishMySQL(t *engine.Tick, sum *delta, incomplete bool, usages map[int64]*usage, tables map[string]*mysqlTable) {
	for _, n := range t.Graph.Nodes {
		p, table := n.Properties, tables[n.Key]
		for _, name := range []string{"dead_rows", "seq_scans_per_s", "index_scans_per_s", "cache_hit"} {
			delete(p, name)
		}
		p["engine"], p["index_bytes"], p["free_bytes"] = table.engine, table.indexBytes, table.freeBytes
		indexes := make([]string, len(table.indexes))
		for i, index := range table.indexes {
			indexes[i] = index.String()
		}
		p["indexes"] = indexes
		if sum == nil || sum.seconds <= 0 || sum.tables == nil {
			continue
		}
		if w, ok := sum.tables[n.Key]; ok {
			p["scan_rows_per_s"], p["index_rows_per_s"] = float64(w.seqRows)/sum.seconds, float64(w.idxRows)/sum.seconds
			p["written_rows_per_s"] = float64(w.waits.written) / sum.seconds
			p["io_wait_ms_per_s"], p["table_lock_ms_per_s"] = w.waits.ioMS/sum.seconds, w.waits.lockMS/sum.seconds
		}
	}
	if sum == nil || sum.seconds <= 0 {
		return
	}
	efforts := pairEfforts(sum, usages)
	for _, rel := range t.Graph.Relationships {
		if rel.Type != engine.RelQueriesPerSec {
			continue
		}
		e, ok := efforts[[2]string{rel.From, rel.To}]
		if !ok {
			e = efforts[[2]string{rel.To, rel.From}]
		}
		p := rel.Properties
		p["rows_examined_per_s"], p["errors_per_s"] = float64(e.examined)/sum.seconds, float64(e.errors)/sum.seconds
		p["full_joins_per_s"], p["no_index_per_s"] = float64(e.fullJoins)/sum.seconds, float64(e.noIndex)/sum.seconds
		p["disk_tables_per_s"], p["lock_ms_per_s"] = float64(e.diskTables)/sum.seconds, e.lockMS/sum.seconds
		if incomplete {
			p["quality"] = string(lowerBound)
		}
	}
}

// pairEfforts adds up the efforts of the statements that use each pair. Both directions of a pair are one.
func pairEfforts(sum *delta, usages map[int64]*usage) map[[2]string]effort {
	efforts := map[[2]string]effort{}
	for id, s := range sum.statements {
		u := usages[id.query]
		if u == nil || u.maintenance {
			continue
		}
		for _, p := range u.pairs {
			ends := [2]string{p.a, p.b}
			if _, turned := efforts[[2]string{p.b, p.a}]; turned {
				ends = [2]string{p.b, p.a}
			}
			efforts[ends] = efforts[ends].plus(s.effort)
		}
	}
	return efforts
}

// lockRelationships gives, for each table on whose rows sessions wait at this moment, how long they have waited together.
func (r *round) lockRelationships(locks []lockWait, remembered trends) []engine.Relationship {
	type held struct {
		waiting  map[string]float64
		blocking map[string]bool
		indexes  map[string]bool
		modes    map[string]bool
	}
	byTable := map[string]*held{}
	for _, w := range locks {
		h := byTable[w.table]
		if h == nil {
			h = &held{map[string]float64{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
			byTable[w.table] = h
		}
		// A session that waits for several others waits once.
		h.waiting[w.waiting] = math.Max(h.waiting[w.waiting], w.ms)
		h.blocking[w.blocking], h.indexes[w.index], h.modes[w.mode] = true, true, true
	}
	var rels []engine.Relationship
	alive := map[string]bool{}
	for _, table := range sortedNames(byTable) {
		h, total, longest := byTable[table], 0.0, 0.0
		for _, trx := range sortedNames(h.waiting) {
			total, longest = total+h.waiting[trx], math.Max(longest, h.waiting[trx])
		}
		key := engine.RelationshipKey(table, engine.RelLockWaitMS, table, "")
		alive[key] = true
		rels = append(rels, engine.Relationship{Key: key, Type: engine.RelLockWaitMS, From: table, To: table, Properties: engine.Properties{
			"value": total, "unit": engine.MetricUnits[engine.RelLockWaitMS], "timestamp": r.at.Unix(), "updated_at": r.at,
			"trend": remembered.add(key, total), "severity": string(r.thresholds.AvgLatencyMS.above(longest)), "quality": string(exact),
			"longest_ms": longest, "waiting_sessions": int64(len(h.waiting)), "blocking_sessions": int64(len(h.blocking)),
			"indexes": sortedNames(h.indexes), "modes": sortedNames(h.modes),
		}})
	}
	remembered.keep(alive)
	return rels
}

// checkMySQL looks at everything that collecting needs.
func checkMySQL(ctx context.Context, dsn string) []Finding {
	r, err := connectMySQL(ctx, dsn)
	if err != nil {
		return []Finding{{"reachable", false, err.Error(), engine.HintOf(err)}}
	}
	defer r.close()
	findings := []Finding{{"reachable", true, fmt.Sprintf("%s %s, database %s", r.kind(), r.id.version, r.id.database), ""}}
	if r.off {
		return append(findings, Finding{"performance_schema", false, "performance_schema is off, so nothing is known of statements", performanceOff})
	}
	c := New(Options{Source: Source{DSN: dsn}, Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler)})
	c.mysql = r
	c.forgetStatements()
	t, err := c.readMySQL(ctx)
	if err != nil {
		err = explainMySQL(err, r.config)
		return append(findings, Finding{"readable", false, err.Error(), engine.HintOf(err)})
	}
	if c.statusCause != nil {
		return append(findings, Finding{"rights and settings", false, c.statusCause.Error(), engine.HintOf(c.statusCause)})
	}
	return append(findings, Finding{Name: "rights and settings", OK: true, Message: fmt.Sprintf("digests are readable, %d tables are visible", len(t.Graph.Nodes))})
}
