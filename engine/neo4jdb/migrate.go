package neo4jdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// The migrations keep their own record; these three statements come before any of package cypher can be relied on.
const (
	migrationSchema = `CREATE CONSTRAINT migration_name IF NOT EXISTS FOR (m:Migration) REQUIRE m.name IS UNIQUE`
	migrationList   = `MATCH (m:Migration) RETURN m.name AS name, m.checksum AS checksum`
	migrationRecord = `MERGE (m:Migration {name: $name}) ON CREATE SET m.checksum = $checksum, m.applied_at = datetime()`
)

// migrate applies the steps that the database does not have. Each step may be repeated, so a crash between a step and
// its record does no harm, and neither do two servers that migrate at once.
func (s *server) migrate(ctx context.Context) error {
	session := s.session(ctx, neo4j.AccessModeWrite)
	defer closeSession(ctx, session)
	run := func(text string, params map[string]any) ([]*neo4j.Record, error) {
		result, err := session.Run(ctx, text, params)
		if err != nil {
			return nil, s.explain(ctx, "migrate", err)
		}
		rows, err := result.Collect(ctx)
		return rows, s.explain(ctx, "migrate", err)
	}
	if _, err := run(migrationSchema, nil); err != nil {
		return err
	}
	rows, err := run(migrationList, nil)
	if err != nil {
		return err
	}
	applied := make(map[string]string, len(rows))
	for _, row := range rows {
		applied[text(row, "name")] = text(row, "checksum")
	}
	known := map[string]bool{}
	for _, m := range cypher.Migrations(s.role) {
		known[m.Name] = true
		sum := sha256.Sum256([]byte(strings.Join(m.Statements, ";")))
		checksum := hex.EncodeToString(sum[:])
		if was, done := applied[m.Name]; done {
			if was != checksum {
				return engine.Errorf(engine.KindConflict, "migrate", "step %s of the %s database was applied in another form", m.Name, s.role).
					WithHint("this database was written by another build of graphsnap; use that build, or an empty database")
			}
			continue
		}
		for _, statement := range m.Statements {
			if _, err := run(statement, nil); err != nil {
				return err
			}
		}
		if _, err := run(migrationRecord, map[string]any{"name": m.Name, "checksum": checksum}); err != nil {
			return err
		}
	}
	for name := range applied {
		if !known[name] {
			return engine.Errorf(engine.KindConflict, "migrate", "the %s database holds step %s, which this build does not know", s.role, name).
				WithHint("it was written by a newer graphsnap; use that version")
		}
	}
	// Indexes are built in the background; the first capture must not wait for them in the middle of its transaction.
	_, err = run(`CALL db.awaitIndexes(60)`, nil)
	return err
}
