package collect

// mark stands in every statement of the collector, behind the first word, where pg_stat_statements keeps it: by it the
// collector leaves its own work out of the figures.
const mark = "/* graphsnap */"

// The statements of the collector. They read system views only, and only counters and gauges, never the user's rows.
const (
	queryServer = `SELECT ` + mark + ` current_database()::text, current_setting('server_version'), current_setting('server_version_num')::int,
       pg_postmaster_start_time(), current_schemas(false)::text[],
       (SELECT system_identifier FROM pg_control_system())`

	// The place of pg_stat_statements: its schema, or null where the extension was not created in this database.
	queryExtension = `SELECT ` + mark + ` quote_ident(n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`

	// The position in the WAL counts bytes since the server was made.
	queryDatabase = `SELECT ` + mark + ` d.xact_commit, d.xact_rollback, d.deadlocks, d.temp_bytes, d.blks_hit, d.blks_read, %s,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::bigint,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.datid AND a.application_name <> 'graphsnap')
FROM pg_stat_database d WHERE d.datname = current_database()`

	// Clock and counters in one statement, so that the time fits the counts. %[1]s is the schema; %[2]s and %[3]s tell, where
	// the server knows, whether a statement ran inside a function, whose time its caller carries already, and since when
	// its row counts. Statements of one text, user and level are one row.
	queryStatements = `SELECT ` + mark + ` clock_timestamp(), s.userid::bigint, s.queryid, s.calls, s.total_exec_time, s.rows,
       s.stddev_exec_time * s.stddev_exec_time * s.calls, s.min_exec_time, s.max_exec_time, s.shared_blks_read, s.temp_blks_written,
       s.wal_bytes::bigint, %[2]s, %[3]s
FROM %[1]s.pg_stat_statements(false) s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`

	// A text may be lost with the file that the server keeps texts in. The text of what a client sent comes first: below EXPLAIN the same statement stands under the collector's text.
	queryTexts = `SELECT ` + mark + ` DISTINCT ON (s.queryid) s.queryid, coalesce(s.query, '')
FROM %[1]s.pg_stat_statements(true) s
WHERE s.queryid = ANY($1) AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY s.queryid, %[2]s`

	queryForgotten = `SELECT ` + mark + ` dealloc, stats_reset FROM %[1]s.pg_stat_statements_info`

	// Partitions answer under the name of their root, but each counts by itself: one that is dropped takes its counts away.
	// The counters come from the functions below pg_stat_user_tables, whose joins cost several times as much.
	queryTables = `SELECT ` + mark + ` c.oid::bigint, coalesce(pg_partition_root(c.oid), c.oid)::oid::bigint, c.relispartition, c.relkind = 'p',
       c.reltuples::float8, pg_stat_get_live_tuples(c.oid)::float8, pg_stat_get_dead_tuples(c.oid), pg_stat_get_mod_since_analyze(c.oid),
       greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)),
       greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)), coalesce(array_to_string(c.reloptions, ', '), ''),
       pg_stat_get_numscans(c.oid), pg_stat_get_tuples_returned(c.oid), coalesce(x.scans, 0), coalesce(x.fetched, 0) + pg_stat_get_tuples_fetched(c.oid),
       pg_stat_get_tuples_inserted(c.oid), pg_stat_get_blocks_hit(c.oid), pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid)
FROM pg_class c
LEFT JOIN LATERAL (SELECT sum(pg_stat_get_numscans(i.indexrelid))::bigint AS scans, sum(pg_stat_get_tuples_fetched(i.indexrelid))::bigint AS fetched
  FROM pg_index i WHERE i.indrelid = c.oid) x ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384
  AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema') OR nspname LIKE 'pg\_toast%')`

	queryRelations = `SELECT ` + mark + ` c.oid::bigint, n.nspname::text, c.relname::text, c.relkind IN ('v', 'm'),
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE '' END,
       coalesce(pg_partition_root(c.oid), c.oid)::oid::bigint,
       (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       coalesce((SELECT string_agg(a.attname || ' ' || concat_ws(', ', array_to_string(a.attoptions, ', '), 'statistics=' || nullif(a.attstattarget, -1)), '; ' ORDER BY a.attnum)
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attoptions IS NOT NULL OR coalesce(a.attstattarget, -1) <> -1)), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'`

	queryForeignKeys = `SELECT ` + mark + ` k.conname::text, k.conrelid::bigint, k.confrelid::bigint,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.conkey) WITH ORDINALITY u(n, i) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n),
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.confkey) WITH ORDINALITY u(n, i) JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n),
       CASE k.confdeltype WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'set default' END,
       coalesce((SELECT i.indexrelid::regclass::text FROM pg_index i
         WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
           AND (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
         ORDER BY i.indexrelid LIMIT 1), '')
FROM pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY k.conname, k.conrelid`

	// A sum over the row versions of the catalog: it moves with every change of the structure, and is cheap beside reading
	// the structure itself.
	queryFingerprint = `SELECT ` + mark + ` (SELECT count(*) + sum(xmin::text::bigint) FROM pg_class WHERE oid >= 16384)::text || ' ' ||
       (SELECT coalesce(count(*) + sum(xmin::text::bigint), 0) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0)::text || ' ' ||
       (SELECT coalesce(count(*) + sum(xmin::text::bigint), 0) FROM pg_index WHERE indexrelid >= 16384)::text || ' ' ||
       (SELECT coalesce(count(*) + sum(xmin::text::bigint), 0) FROM pg_constraint WHERE conrelid >= 16384)::text || ' ' ||
       (SELECT coalesce(count(*) + sum(xmin::text::bigint), 0) FROM pg_rewrite WHERE ev_class >= 16384)::text || ' ' ||
       (SELECT coalesce(count(*) + sum(xmin::text::bigint), 0) FROM pg_extension)::text,
       (SELECT coalesce(count(*) + sum(xmin::text::bigint), 0) FROM pg_db_role_setting)::text || ' ' || pg_conf_load_time()::text`
)
