package local

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strings"

	"graphsnap/engine"
)

//go:embed shop.sql
var shopSQL string

// loadShop fills the demo database unless that was done before. All of it is one transaction, so a load that was killed
// leaves nothing and is begun anew.
func loadShop(ctx context.Context, db *sql.DB, progress func(stage, detail string)) error {
	fail := func(err error) error {
		return engine.Errorf(engine.KindUnavailable, "up", "the demo database cannot be filled").WithCause(err).
			WithHint("delete the folder postgres in the data folder to begin anew")
	}
	var loaded bool
	if err := db.QueryRowContext(ctx, `SELECT to_regclass('public.audit_log') IS NOT NULL`).Scan(&loaded); err != nil {
		return fail(err)
	}
	if loaded {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = tx.Rollback() }()
	statements := shopStatements()
	for i, statement := range statements {
		if i%4 == 0 {
			progress("postgresql", fmt.Sprintf("filling the demo shop: %d of %d steps", i, len(statements)))
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fail(err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	// VACUUM sets the visibility map, without which index-only scans read the tables all the same.
	if _, err := db.ExecContext(ctx, `VACUUM ANALYZE`); err != nil {
		return fail(err)
	}
	return nil
}

func shopStatements() []string {
	var list []string
	for part := range strings.SplitSeq(shopSQL, ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
