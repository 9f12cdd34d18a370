package collect

import (
	"context"
	"fmt"
	"log/slog"
	"sort"
	"strconv"
	"strings"

	"graphsnap/engine"
)

// warnOfLosses names statements of the window that are missing from the digests, and marks all values as what is left
// then: lower bounds.
func warnOfLosses(sum *delta, lacks *missing) {
	if sum == nil || sum.seconds <= 0 {
		return
	}
	incomplete := false
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

// onlyPostgres are properties that the common rules write and that MySQL knows nothing of.
var onlyPostgres = map[string][]string{
	"Table":        {"dead_rows", "dead_rows_pct", "modified_since_analyze", "seq_scans_per_s", "index_scans_per_s", "cache_hit"},
	labelIndex:     {"scans_per_s"},
	labelDatabase:  {"standby", "temp_bytes_per_s"},
	labelSetting:   {"pending_restart"},
	labelSession:   {"application"},
	labelStatement: {"deviation_ms", "blocks_read_per_call", "temp_blocks_per_call", "wal_bytes_per_call"},
}

// finishMySQL replaces what only PostgreSQL knows by what MySQL knows.
func (r *round) finishMySQL(t *engine.Tick, tables map[string]*mysqlTable) {
	perS := func(n float64) float64 { return n / r.sum.seconds }
	rates := r.sum != nil && r.sum.seconds > 0
	statements := map[string]*statementLoad{}
	reads := map[string]int64{}
	if rates {
		for _, l := range r.loads() {
			statements[engine.NodeKey(l.digest, labelStatement)] = l
		}
		for _, x := range r.evidence.indexes {
			reads[engine.NodeKey(x.name, labelIndex)] = r.sum.indexes[strconv.FormatInt(x.oid, 10)]
		}
	}
	for _, n := range t.Graph.Nodes {
		label, p := n.Labels[0], n.Properties
		for _, name := range onlyPostgres[label] {
			delete(p, name)
		}
		if table := tables[n.Key]; table != nil {
			p["engine"], p["index_bytes"], p["free_bytes"] = table.engine, table.indexBytes, table.freeBytes
			if !rates {
				continue
			}
			if w, ok := r.sum.tables[n.Key]; ok {
				p["scan_rows_per_s"], p["index_rows_per_s"], p["written_rows_per_s"] = perS(float64(w.seqRows)), perS(float64(w.idxRows)), perS(float64(w.waits.written))
				p["io_wait_ms_per_s"], p["table_lock_ms_per_s"] = perS(w.waits.ioMS), perS(w.waits.lockMS)
			}
		}
		if n, ok := reads[n.Key]; ok {
			p["rows_per_s"] = significant(perS(float64(n)))
		}
		if l := statements[n.Key]; l != nil {
			e, calls := l.effort, float64(l.calls)
			for name, v := range map[string]float64{
				"rows_examined_per_call": float64(e.examined), "errors_per_call": float64(e.errors), "full_joins_per_call": float64(e.fullJoins),
				"no_index_per_call": float64(e.noIndex), "disk_tables_per_call": float64(e.diskTables), "lock_ms_per_call": e.lockMS,
			} {
				p[name] = significant(v / calls)
			}
		}
	}
	if !rates {
		return
	}
	efforts := pairEfforts(r.sum, r.usages)
	for _, rel := range t.Graph.Relationships {
		if rel.Type != engine.RelQueriesPerSec {
			continue
		}
		e, ok := efforts[[2]string{rel.From, rel.To}]
		if !ok {
			e = efforts[[2]string{rel.To, rel.From}]
		}
		p := rel.Properties
		p["rows_examined_per_s"], p["errors_per_s"] = perS(float64(e.examined)), perS(float64(e.errors))
		p["full_joins_per_s"], p["no_index_per_s"] = perS(float64(e.fullJoins)), perS(float64(e.noIndex))
		p["disk_tables_per_s"], p["lock_ms_per_s"] = perS(float64(e.diskTables)), perS(e.lockMS)
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
	_, err = c.readMySQL(ctx)
	if err != nil {
		err = explainMySQL(err, r.config)
		return append(findings, Finding{"readable", false, err.Error(), engine.HintOf(err)})
	}
	if c.statusCause != nil {
		return append(findings, Finding{"rights and settings", false, c.statusCause.Error(), engine.HintOf(c.statusCause)})
	}
	return append(findings, Finding{Name: "rights and settings", OK: true, Message: fmt.Sprintf("digests are readable, %d tables are visible", len(c.myState.tables))})
}
