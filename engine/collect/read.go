package collect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"graphsnap/engine"
)

// reader reads one PostgreSQL over one connection.
type reader struct {
	conn    *pgx.Conn
	version int            // server_version_num
	schema  string         // of pg_stat_statements, quoted; "" where it is not usable
	known   map[int64]bool // the statements whose texts were read
}

// identity is what the server says of itself.
type identity struct {
	database, version string
	started           time.Time
	searchPath        []string
	system            int64 // the system identifier, the same on all copies of one cluster
}

func (r *reader) identify(ctx context.Context) (identity, error) {
	var id identity
	err := r.conn.QueryRow(ctx, queryServer).Scan(&id.database, &id.version, &r.version, &id.started, &id.searchPath, &id.system)
	return id, err
}

// findStatements looks for pg_stat_statements and says, as an error with the fix, why it is not usable.
func (r *reader) findStatements(ctx context.Context) error {
	r.schema = ""
	var schema string
	err := r.conn.QueryRow(ctx, queryExtension).Scan(&schema)
	if errors.Is(err, pgx.ErrNoRows) {
		return engine.Errorf(engine.KindUnavailable, "collect", "the extension pg_stat_statements is not created in this database").
			WithHint("run in this database: CREATE EXTENSION pg_stat_statements;")
	}
	if err != nil {
		return err
	}
	r.schema = schema
	return nil
}

// statements reads the counters of all statements. hidden counts rows whose text this user may not see.
func (r *reader) statements(ctx context.Context, into *reading) (hidden int, err error) {
	since := "NULL::timestamptz"
	if r.version >= 170000 {
		since = "s.stats_since"
	}
	rows, err := r.conn.Query(ctx, fmt.Sprintf(queryStatements, r.schema, r.nested(), since))
	if err != nil {
		return 0, statementsError(err)
	}
	into.statements, into.nested, into.since, into.hidden = map[statementID]counters{}, map[statementID]counters{}, map[statementID]time.Time{}, map[uint32]bool{}
	var at time.Time
	for rows.Next() {
		var user int64
		var query *int64
		var inner bool
		var began *time.Time
		var c counters
		if err := rows.Scan(&at, &user, &query, &c.calls, &c.execMS, &c.rows, &c.m2, &c.least, &c.most, &c.blocks, &c.temp, &c.wal, &inner, &began); err != nil {
			rows.Close()
			return 0, err
		}
		into.at = at.UTC()
		if query == nil {
			hidden++
			into.hidden[uint32(user)] = true
			continue
		}
		id := statementID{uint32(user), *query}
		if began != nil {
			into.since[id] = *began
		}
		if inner {
			into.nested[id] = c
		} else {
			into.statements[id] = c
		}
	}
	if err := rows.Err(); err != nil {
		return 0, statementsError(err)
	}
	if r.version >= 140000 {
		var reset *time.Time
		if err := r.conn.QueryRow(ctx, fmt.Sprintf(queryForgotten, r.schema)).Scan(&into.forgotten, &reset); err != nil {
			return 0, statementsError(err)
		}
		if reset != nil {
			into.reset = *reset
		}
	}
	return hidden, nil
}

// statementsError explains the one trouble that everybody meets: the extension was created but the library is not loaded.
func statementsError(err error) error {
	if strings.Contains(err.Error(), "shared_preload_libraries") {
		return engine.Errorf(engine.KindUnavailable, "collect", "pg_stat_statements is created but its library is not loaded").WithCause(err).
			WithHint("add to postgresql.conf: shared_preload_libraries = 'pg_stat_statements' and restart the server")
	}
	return err
}

// nested gives, as SQL, whether a row of pg_stat_statements is of a statement that another one caused.
func (r *reader) nested() string {
	if r.version < 140000 {
		return "false"
	}
	return "NOT s.toplevel"
}

// newTexts fetches the texts of statements that were not seen before.
func (r *reader) newTexts(ctx context.Context, current ...map[statementID]counters) (map[int64]string, error) {
	var unknown []int64
	alive := map[int64]bool{}
	for _, statements := range current {
		for id := range statements {
			if !alive[id.query] && !r.known[id.query] {
				unknown = append(unknown, id.query)
			}
			alive[id.query] = true
		}
	}
	if len(unknown) == 0 {
		r.known = alive
		return nil, nil
	}
	texts, err := r.textsOf(ctx, unknown)
	if err != nil {
		for _, id := range unknown {
			delete(alive, id) // their turn is in the next round
		}
	}
	r.known = alive
	return texts, err
}

// database reads the counters of the whole database and the number of its connections.
func (r *reader) database(ctx context.Context, into *reading) (connections int64, err error) {
	d := &into.database
	sessions := "0::bigint"
	if r.version >= 140000 {
		sessions = "d.sessions"
	}
	err = r.conn.QueryRow(ctx, fmt.Sprintf(queryDatabase, sessions)).Scan(&d.commits, &d.rollbacks, &d.deadlocks, &d.tempBytes, &d.hit, &d.read, &d.sessions, &d.walBytes, &connections)
	return connections, err
}

// tables reads gauges and counters of all tables; c names them, and sizes are their bytes by OID.
func (r *reader) tables(ctx context.Context, c *catalog, sizes map[int64]int64, into *reading) (map[string]*tableState, error) {
	rows, err := r.conn.Query(ctx, queryTables)
	if err != nil {
		return nil, err
	}
	states := map[string]*tableState{}
	into.tables, into.owner = map[string]tableCounters{}, map[string]string{}
	for rows.Next() {
		var oid, root int64
		var isPartition, isParent bool
		var estimate, live float64
		var dead, modified int64
		var vacuumed, analyzed *time.Time
		var options string
		var t tableCounters
		if err := rows.Scan(&oid, &root, &isPartition, &isParent, &estimate, &live, &dead, &modified, &vacuumed, &analyzed, &options, &t.seqScan, &t.seqRows, &t.idxScan, &t.idxRows, &t.inserts, &t.hit, &t.read); err != nil {
			rows.Close()
			return nil, err
		}
		rel := c.byOID[uint32(root)]
		if rel == nil {
			continue // made since the catalog was read: it comes with the next tick
		}
		s, ok := states[rel.key()]
		if !ok {
			s = &tableState{rel: rel, rows: -1, estimate: -1}
			states[rel.key()] = s
		}
		s.partition = s.partition || isPartition || isParent
		if !isParent {
			// n_live_tup is kept up to date by every write, reltuples only by ANALYZE; fresh statistics may lack the first.
			n := live
			if n == 0 && estimate > 0 {
				n = estimate
			}
			if n > 0 || estimate >= 0 {
				s.rows = max(s.rows, 0) + n
			}
			if estimate >= 0 {
				s.estimate = max(s.estimate, 0) + estimate
			}
		}
		s.bytes, s.deadRows, s.modified = s.bytes+sizes[oid], s.deadRows+dead, s.modified+modified
		s.vacuumed, s.analyzed = later(s.vacuumed, vacuumed), later(s.analyzed, analyzed)
		if options != "" {
			s.options = options
		}
		row := strconv.FormatInt(oid, 10)
		into.tables[row], into.owner[row] = t, rel.key()
	}
	return states, rows.Err()
}

func later(a time.Time, b *time.Time) time.Time {
	if b != nil && b.After(a) {
		return b.UTC()
	}
	return a
}

// fingerprint gives a text that changes with the structure, and one that changes with the settings.
func (r *reader) fingerprint(ctx context.Context) (structure, settings string, err error) {
	err = r.conn.QueryRow(ctx, queryFingerprint).Scan(&structure, &settings)
	return structure, settings, err
}

// catalog reads the structure of the database.
func (r *reader) catalog(ctx context.Context, searchPath []string) (*catalog, error) {
	c := &catalog{relations: map[string]*relation{}, byOID: map[uint32]*relation{}, searchPath: searchPath, references: map[[2]string]bool{}}
	rows, err := r.conn.Query(ctx, queryRelations)
	if err != nil {
		return nil, err
	}
	byOID, roots, names := map[uint32]*relation{}, map[uint32]uint32{}, map[uint32]string{}
	for rows.Next() {
		var oid, root int64
		var columns []string
		rel := &relation{columns: map[string]bool{}}
		if err := rows.Scan(&oid, &rel.schema, &rel.name, &rel.view, &rel.definition, &root, &columns, &rel.columnOptions); err != nil {
			rows.Close()
			return nil, err
		}
		rel.oid = uint32(oid)
		for _, name := range columns {
			rel.columns[name] = true
		}
		byOID[rel.oid], roots[rel.oid], names[rel.oid] = rel, uint32(root), rel.schema+"."+rel.name
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for oid, rel := range byOID {
		if root := byOID[roots[oid]]; root != nil {
			rel = root
		}
		c.relations[names[oid]], c.byOID[oid] = rel, rel
	}
	rows, err = r.conn.Query(ctx, queryForeignKeys)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var fk foreignKey
		var from, to int64
		if err := rows.Scan(&fk.name, &from, &to, &fk.columns, &fk.referenced, &fk.onDelete, &fk.index); err != nil {
			rows.Close()
			return nil, err
		}
		a, b := byOID[uint32(from)], byOID[uint32(to)]
		if a == nil || b == nil {
			continue
		}
		fk.from, fk.to = a.key(), b.key()
		c.keys = append(c.keys, fk)
		c.references[[2]string{fk.from, fk.to}] = true
	}
	return c, rows.Err()
}
