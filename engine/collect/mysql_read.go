package collect

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysqlReader reads one MySQL or MariaDB over one connection.
type mysqlReader struct {
	db     *sql.DB
	conn   *sql.Conn
	config *mysql.Config

	mariadb bool
	off     bool // performance_schema
	id      identity
	server  string // its uuid; another one means other counters
	home    string // the schema that the DSN names

	maxConnections int64

	sent  int64          // SELECTs over this connection, which the server counts too
	texts map[int64]bool // digests whose text was read
}

func (r *mysqlReader) close() {
	if r.conn != nil {
		_ = r.conn.Close()
	}
	_ = r.db.Close()
}

// rows sends one statement and hands each of its rows to scan.
func (r *mysqlReader) rows(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	r.sent++
	rows, err := r.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// identify asks the server who it is.
func (r *mysqlReader) identify(ctx context.Context) error {
	var version, comment, host string
	var port, on int64
	err := r.rows(ctx, func(rows *sql.Rows) error { return rows.Scan(&version, &comment, &host, &port, &on, &r.maxConnections) }, mysqlServer)
	if err != nil {
		return err
	}
	r.mariadb, r.off = strings.Contains(version+comment, "MariaDB") || strings.Contains(version+comment, "mariadb"), on == 0
	r.id.version, _, _ = strings.Cut(version, "-")
	if r.id.database = r.home; r.home == "" {
		r.id.database = host
	}
	uuid := mysqlUUID
	if r.mariadb {
		uuid = mariadbUID
	}
	var own string
	// Servers older than server_uid are told apart by their address.
	_ = r.rows(ctx, func(rows *sql.Rows) error { return rows.Scan(&own) }, uuid)
	r.server = host + ":" + strconv.FormatInt(port, 10) + ":" + own
	return ctx.Err()
}

func (r *mysqlReader) readOnly() string {
	if r.mariadb {
		return "tx_read_only = 1"
	}
	return "transaction_read_only = 1, information_schema_stats_expiry = 0"
}

// kind is the type of the database as the live graph names it.
func (r *mysqlReader) kind() string {
	if r.mariadb {
		return "mariadb"
	}
	return "mysql"
}

// The ids of what is no digest: statements that found the digest table full, and those of the binary protocol.
const (
	catchAll int64 = 0
	executes int64 = 1
)

func digestID(schema, digest string) int64 {
	sum := sha256.Sum256([]byte(schema + "\x00" + digest))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// mysqlStatusNow is what the status variables say.
type mysqlStatusNow struct {
	at          time.Time
	uptime      time.Duration
	connections int64 // without the collector's
	lockWaits   int64 // sessions that wait for a row lock
	lost        int64 // statements that found the digest table full, since the start
}

// status reads the counters of the whole server.
func (r *mysqlReader) status(ctx context.Context, into *reading) (now mysqlStatusNow, err error) {
	from := "performance_schema.global_status"
	if r.mariadb {
		from = "information_schema.GLOBAL_STATUS"
	}
	v := map[string]int64{}
	err = r.rows(ctx, func(rows *sql.Rows) error {
		var name, value string
		if err := rows.Scan(&name, &value, &now.at); err != nil {
			return err
		}
		v[name], _ = strconv.ParseInt(value, 10, 64)
		return nil
	}, fmt.Sprintf(mysqlStatus, from))
	if err != nil {
		return now, err
	}
	d := &into.database
	d.sessions = v["connections"]
	d.commits, d.rollbacks, d.deadlocks, d.walBytes = v["handler_commit"], v["handler_rollback"], v["innodb_deadlocks"], v["innodb_os_log_written"]
	d.read = v["innodb_buffer_pool_reads"]
	d.hit = max(0, v["innodb_buffer_pool_read_requests"]-d.read)
	for name, n := range v {
		if strings.HasPrefix(name, "com_") || name == "qcache_hits" {
			d.statements += n
		}
	}
	now.uptime = time.Duration(v["uptime"]) * time.Second
	now.connections, now.lockWaits, now.lost = max(0, v["threads_connected"]-1), v["innodb_row_lock_current_waits"], v["performance_schema_digest_lost"]
	return now, nil
}

// deadlocks reads MySQL's counter, which is no status variable there.
func (r *mysqlReader) deadlocks(ctx context.Context, into *reading) error {
	if r.mariadb {
		return nil
	}
	return r.rows(ctx, func(rows *sql.Rows) error { return rows.Scan(&into.database.deadlocks) }, mysqlDeadlocks)
}

// digestRow names a digest that has no text yet.
type digestRow struct{ schema, digest string }

// digests reads the counters of all statements, and which digests are new.
func (r *mysqlReader) digests(ctx context.Context, into *reading) (fresh map[int64]digestRow, err error) {
	into.statements, into.since = map[statementID]counters{}, map[statementID]time.Time{}
	fresh = map[int64]digestRow{}
	err = r.rows(ctx, func(rows *sql.Rows) error {
		var schema, digest sql.NullString
		var c counters
		var first time.Time
		e := &c.effort
		if err := rows.Scan(&into.at, &schema, &digest, &c.calls, &c.rows, &c.execMS, &c.least, &c.most, &e.examined, &e.errors, &e.fullJoins, &e.noIndex,
			&e.diskTables, &e.lockMS, &first); err != nil {
			return err
		}
		id := catchAll
		if digest.Valid {
			id = digestID(schema.String, digest.String)
			if !r.texts[id] {
				fresh[id] = digestRow{schema.String, digest.String}
			}
		}
		into.statements[statementID{query: id}], into.since[statementID{query: id}] = c, first
		return nil
	}, mysqlDigests)
	if err != nil || !r.mariadb {
		return fresh, err
	}
	return fresh, r.rows(ctx, func(rows *sql.Rows) error {
		var c counters
		err := rows.Scan(&c.calls, &c.execMS)
		into.statements[statementID{query: executes}] = c
		return err
	}, mariadbExecutes)
}

// textBatch is how many digests are asked for at once.
const textBatch = 500

// digestTexts hands out the texts of digests.
func (r *mysqlReader) digestTexts(ctx context.Context, of map[int64]digestRow, learn func(id int64, schema, digest, text string)) error {
	var names []any
	for _, d := range of {
		names = append(names, d.digest)
	}
	for len(names) > 0 {
		n := min(len(names), textBatch)
		marks := strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
		err := r.rows(ctx, func(rows *sql.Rows) error {
			var schema, digest string
			var text sql.NullString
			if err := rows.Scan(&schema, &digest, &text); err != nil {
				return err
			}
			id := digestID(schema, digest)
			if !r.texts[id] {
				r.texts[id] = true
				learn(id, schema, digest, text.String)
			}
			return nil
		}, fmt.Sprintf(mysqlTexts, marks), names[:n]...)
		if err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

// tableWaits reads the counters of all tables that the catalog knows, and of their indexes. strangers are the schemas of
// tables that it does not know.
func (r *mysqlReader) tableWaits(ctx context.Context, c *catalog, into *reading) (strangers map[string]bool, err error) {
	into.tables, into.indexes, strangers = map[string]tableCounters{}, map[string]int64{}, map[string]bool{}
	err = r.rows(ctx, func(rows *sql.Rows) error {
		var schema, name, index string
		var fetched, written, inserted int64
		var ms float64
		if err := rows.Scan(&schema, &name, &index, &fetched, &written, &inserted, &ms); err != nil {
			return err
		}
		rel := c.relations[schema+"."+name]
		if rel == nil {
			strangers[schema] = true
			return nil
		}
		t := tableCounters{seqRows: fetched, inserts: inserted, waits: waits{written: written, ioMS: ms}}
		if index != "" {
			t.seqRows, t.idxRows = 0, fetched
			into.indexes[strconv.FormatInt(indexID(rel, index), 10)] = fetched
		}
		into.tables[rel.key()] = into.tables[rel.key()].plus(t)
		return nil
	}, mysqlTableWaits)
	if err != nil {
		return nil, err
	}
	return strangers, r.rows(ctx, func(rows *sql.Rows) error {
		var schema, name string
		var ms float64
		if err := rows.Scan(&schema, &name, &ms); err != nil {
			return err
		}
		if rel := c.relations[schema+"."+name]; rel != nil {
			into.tables[rel.key()] = into.tables[rel.key()].plus(tableCounters{waits: waits{lockMS: ms}})
		}
		return nil
	}, mysqlLockTimes)
}

// seesTransactions fails where the right to see those of others is missing.
func (r *mysqlReader) seesTransactions(ctx context.Context) error {
	return r.rows(ctx, func(*sql.Rows) error { return nil }, mysqlTransactions)
}

// setup reads which instruments that the collector needs are switched off.
func (r *mysqlReader) setup(ctx context.Context) (off []string, err error) {
	err = r.rows(ctx, func(rows *sql.Rows) error {
		var kind, name string
		err := rows.Scan(&kind, &name)
		off = append(off, name)
		return err
	}, mysqlSetup)
	return off, err
}

// settings reads what is not the default.
func (r *mysqlReader) settings(ctx context.Context) (list []setting, err error) {
	query := mysqlSettings
	if r.mariadb {
		query = mariadbSettings
	}
	err = r.rows(ctx, func(rows *sql.Rows) error {
		var s setting
		err := rows.Scan(&s.name, &s.value, &s.origin)
		list = append(list, s)
		return err
	}, query)
	return list, err
}

// sessions reads who works, who holds a transaction open, and, where somebody waits for a row lock, for whom.
func (r *mysqlReader) sessions(ctx context.Context, c *catalog, lockWaits bool) ([]session, error) {
	var list []session
	at := map[int64]int{}
	err := r.rows(ctx, func(rows *sql.Rows) error {
		var s session
		var command string
		var in bool
		if err := rows.Scan(&s.pid, &s.user, &command, &s.waitEvent, &s.statementS, &in, &s.transactionS); err != nil {
			return err
		}
		s.state = "active"
		if command == "Sleep" {
			s.state, s.waitEvent, s.statementS = "idle", "", 0
			if in {
				s.state = "idle in transaction"
			}
		}
		if s.waitEvent != "" {
			s.waitType = "State"
		}
		at[s.pid] = len(list)
		list = append(list, s)
		return nil
	}, mysqlSessions)
	if err != nil || !lockWaits {
		return list, err
	}
	query := mysqlLockWaits
	if r.mariadb {
		query = mariadbLockWaits
	}
	return list, r.rows(ctx, func(rows *sql.Rows) error {
		var pid, blocker int64
		var table, index, mode string
		var ms float64
		if err := rows.Scan(&pid, &table, &index, &mode, &ms, &blocker); err != nil {
			return err
		}
		i, there := at[pid]
		if !there {
			return nil
		}
		s := &list[i]
		s.waitType, s.waitEvent, s.lockType, s.mode = "Lock", "row", "row of "+index, mode
		s.blockers, s.waitedMS = append(s.blockers, blocker), max(0, ms)
		// MariaDB quotes the name and adds the partition.
		table, _, _ = strings.Cut(strings.ReplaceAll(table, "`", ""), " ")
		if rel := c.relations[table]; rel != nil {
			s.table = int64(rel.oid)
		}
		return nil
	}, query)
}
