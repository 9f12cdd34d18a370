package collect

// mysqlMark stands as a column's name in every statement of the collector, because digests keep names but no comments: by
// it the collector leaves its own work out of the figures.
const mysqlMark = "graphsnap_own"

// systemSchemas are the server's own.
const systemSchemas = `('mysql', 'information_schema', 'performance_schema', 'sys')`

// The statements of the collector. They read the server's statistics and catalog only, never the user's rows.
const (
	mysqlServer = `SELECT version() AS graphsnap_own, @@version_comment, @@hostname, @@port, @@performance_schema, @@max_connections`

	// The server's identity. MySQL has server_uuid, MariaDB server_uid since 10.11.
	mysqlUUID  = `SELECT @@server_uuid AS graphsnap_own`
	mariadbUID = `SELECT @@server_uid AS graphsnap_own`

	// %s is where the server keeps it.
	mysqlStatus = `SELECT lower(variable_name) AS graphsnap_own, variable_value, UTC_TIMESTAMP(6) FROM %s
WHERE variable_name IN ('Uptime', 'Threads_connected', 'Com_select', 'Com_insert', 'Com_insert_select', 'Com_update', 'Com_update_multi',
  'Com_delete', 'Com_delete_multi', 'Com_replace', 'Com_replace_select', 'Qcache_hits', 'Connections', 'Handler_commit', 'Handler_rollback', 'Innodb_deadlocks',
  'Innodb_os_log_written', 'Innodb_buffer_pool_read_requests', 'Innodb_buffer_pool_reads', 'Innodb_row_lock_current_waits',
  'Performance_schema_digest_lost')`

	mysqlDeadlocks = `SELECT count AS graphsnap_own FROM information_schema.INNODB_METRICS WHERE name = 'lock_deadlocks'`

	mysqlTransactions = `SELECT count(*) AS graphsnap_own FROM (SELECT trx_id FROM information_schema.INNODB_TRX LIMIT 1) t`

	// Clock and counters in one statement, so that the time fits the counts. Timers are picoseconds.
	mysqlDigests = `SELECT UTC_TIMESTAMP(6) AS graphsnap_own, SCHEMA_NAME, DIGEST, COUNT_STAR, SUM_ROWS_SENT + SUM_ROWS_AFFECTED, SUM_TIMER_WAIT / 1e9,
       MIN_TIMER_WAIT / 1e9, MAX_TIMER_WAIT / 1e9, SUM_ROWS_EXAMINED, SUM_ERRORS, SUM_SELECT_FULL_JOIN, SUM_NO_INDEX_USED, SUM_CREATED_TMP_DISK_TABLES,
       SUM_LOCK_TIME / 1e9, FIRST_SEEN
FROM performance_schema.events_statements_summary_by_digest`

	// What clients run by the binary protocol, which MariaDB leaves out of the digests.
	mariadbExecutes = `SELECT COUNT_STAR AS graphsnap_own, SUM_TIMER_WAIT / 1e9 FROM performance_schema.events_statements_summary_global_by_event_name
WHERE EVENT_NAME = 'statement/com/Execute'`

	// %s is a list of placeholders.
	mysqlTexts = `SELECT coalesce(SCHEMA_NAME, '') AS graphsnap_own, DIGEST, DIGEST_TEXT FROM performance_schema.events_statements_summary_by_digest WHERE DIGEST IN (%s)`

	// An index of NULL is none: rows found by reading on, and rows inserted.
	mysqlTableWaits = `SELECT OBJECT_SCHEMA AS graphsnap_own, OBJECT_NAME, coalesce(INDEX_NAME, ''), COUNT_FETCH, COUNT_WRITE, COUNT_INSERT, SUM_TIMER_WAIT / 1e9
FROM performance_schema.table_io_waits_summary_by_index_usage
WHERE OBJECT_TYPE = 'TABLE' AND COUNT_STAR > 0 AND OBJECT_SCHEMA NOT IN ` + systemSchemas

	mysqlLockTimes = `SELECT OBJECT_SCHEMA AS graphsnap_own, OBJECT_NAME, SUM_TIMER_WAIT / 1e9
FROM performance_schema.table_lock_waits_summary_by_table
WHERE OBJECT_TYPE = 'TABLE' AND COUNT_STAR > 0 AND OBJECT_SCHEMA NOT IN ` + systemSchemas

	mysqlSetup = `SELECT 'consumer' AS graphsnap_own, NAME FROM performance_schema.setup_consumers
WHERE NAME IN ('global_instrumentation', 'thread_instrumentation', 'statements_digest') AND ENABLED = 'NO'
UNION ALL SELECT 'instrument', NAME FROM performance_schema.setup_instruments
WHERE (NAME IN ('statement/sql/select', 'statement/sql/update', 'wait/io/table/sql/handler')) AND (ENABLED = 'NO' OR TIMED = 'NO')`

	// States are words of the server, without any value of a statement. Transactions of sessions that this user may not see
	// are missing here, as are the server's own threads.
	mysqlSessions = `SELECT p.ID AS graphsnap_own, p.USER, p.COMMAND, coalesce(p.STATE, ''), coalesce(p.TIME, 0), t.trx_id IS NOT NULL,
       greatest(0, coalesce(TIMESTAMPDIFF(MICROSECOND, t.trx_started, CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', 'SYSTEM')) / 1e6, 0))
FROM information_schema.PROCESSLIST p LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID
WHERE p.ID <> CONNECTION_ID() AND p.COMMAND NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL', 'Slave_worker')
  AND p.USER NOT IN ('system user', 'event_scheduler')
ORDER BY p.ID`

	// Who waits for whose row lock: the waiting session, the table, how long in ms, the session that holds it.
	mariadbLockWaits = `SELECT t.trx_mysql_thread_id AS graphsnap_own, l.lock_table, coalesce(l.lock_index, ''), coalesce(l.lock_mode, ''),
       coalesce(TIMESTAMPDIFF(MICROSECOND, t.trx_wait_started, CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', 'SYSTEM')) / 1000, 0), b.trx_mysql_thread_id
FROM information_schema.INNODB_LOCK_WAITS w
JOIN information_schema.INNODB_LOCKS l ON l.lock_id = w.requested_lock_id
JOIN information_schema.INNODB_TRX t ON t.trx_id = w.requesting_trx_id
JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id`

	mysqlLockWaits = `SELECT t.trx_mysql_thread_id AS graphsnap_own, concat(l.OBJECT_SCHEMA, '.', l.OBJECT_NAME), coalesce(l.INDEX_NAME, ''),
       l.LOCK_MODE, coalesce(TIMESTAMPDIFF(MICROSECOND, t.trx_wait_started, CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', 'SYSTEM')) / 1000, 0), b.trx_mysql_thread_id
FROM performance_schema.data_lock_waits w
JOIN performance_schema.data_locks l ON l.ENGINE_LOCK_ID = w.REQUESTING_ENGINE_LOCK_ID AND l.ENGINE = w.ENGINE
JOIN information_schema.INNODB_TRX t ON t.trx_id = w.REQUESTING_ENGINE_TRANSACTION_ID
JOIN information_schema.INNODB_TRX b ON b.trx_id = w.BLOCKING_ENGINE_TRANSACTION_ID`

	// What is not the default. The values of settings that may hold passwords are not shown.
	mariadbSettings = `SELECT lower(VARIABLE_NAME) AS graphsnap_own, coalesce(GLOBAL_VALUE, ''), lower(GLOBAL_VALUE_ORIGIN) FROM information_schema.SYSTEM_VARIABLES
WHERE GLOBAL_VALUE IS NOT NULL AND GLOBAL_VALUE_ORIGIN <> 'COMPILE-TIME' AND NOT GLOBAL_VALUE <=> DEFAULT_VALUE AND VARIABLE_NAME NOT LIKE 'GTID%'
ORDER BY VARIABLE_NAME`
	mysqlSettings = `SELECT i.VARIABLE_NAME AS graphsnap_own, coalesce(g.VARIABLE_VALUE, ''), lower(i.VARIABLE_SOURCE)
FROM performance_schema.variables_info i JOIN performance_schema.global_variables g ON g.VARIABLE_NAME = i.VARIABLE_NAME
WHERE i.VARIABLE_SOURCE <> 'COMPILED' AND i.VARIABLE_NAME NOT LIKE 'gtid%'
ORDER BY i.VARIABLE_NAME`

	mysqlRelations = `SELECT TABLE_SCHEMA AS graphsnap_own, TABLE_NAME, TABLE_TYPE = 'VIEW', coalesce(ENGINE, ''), coalesce(TABLE_ROWS, -1),
       coalesce(DATA_LENGTH, 0), coalesce(INDEX_LENGTH, 0), coalesce(DATA_FREE, 0), coalesce(CREATE_OPTIONS, '') LIKE '%partitioned%'
FROM information_schema.TABLES
WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') AND TABLE_SCHEMA NOT IN ` + systemSchemas

	mysqlColumns = `SELECT TABLE_SCHEMA AS graphsnap_own, TABLE_NAME, lower(COLUMN_NAME) FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA NOT IN ` + systemSchemas

	mysqlViews = `SELECT TABLE_SCHEMA AS graphsnap_own, TABLE_NAME, coalesce(VIEW_DEFINITION, '') FROM information_schema.VIEWS
WHERE TABLE_SCHEMA NOT IN ` + systemSchemas

	mysqlForeignKeys = `SELECT k.CONSTRAINT_NAME AS graphsnap_own, k.TABLE_SCHEMA, k.TABLE_NAME, k.COLUMN_NAME,
       k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE k
WHERE k.REFERENCED_TABLE_NAME IS NOT NULL AND k.TABLE_SCHEMA NOT IN ` + systemSchemas + `
ORDER BY k.CONSTRAINT_NAME, k.TABLE_SCHEMA, k.TABLE_NAME, k.ORDINAL_POSITION`

	mysqlDeleteRules = `SELECT CONSTRAINT_NAME AS graphsnap_own, CONSTRAINT_SCHEMA, TABLE_NAME, lower(DELETE_RULE) FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA NOT IN ` + systemSchemas

	mysqlIndexes = `SELECT TABLE_SCHEMA AS graphsnap_own, TABLE_NAME, INDEX_NAME, NON_UNIQUE = 0, INDEX_TYPE, coalesce(COLUMN_NAME, '(expression)')
FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA NOT IN ` + systemSchemas + `
ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`
)
