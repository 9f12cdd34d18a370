package collect

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"graphsnap/engine"
)

const connectTimeout = 10 * time.Second

// OpenDB opens a database of any type for database/sql; the demo workload runs on it. Kinds: invalid.
func OpenDB(dsn string) (*sql.DB, error) {
	if (Source{DSN: dsn}).isMySQL() {
		db, _, err := openMySQL(dsn, "shop", nil)
		return db, err
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, dsnError(dsn)
	}
	config.RuntimeParams["application_name"] = "shop"
	return stdlib.OpenDB(*config), nil
}

// checkDSN looks whether a source's DSN can be read.
func checkDSN(s Source) error {
	if s.isMySQL() {
		_, err := parseMySQL(s.DSN, "graphsnap")
		return err
	}
	_, err := parseDSN(s.DSN)
	return err
}

// parseDSN reads a DSN for the collector: bounded statements, and a name by which the DBA knows who that is.
func parseDSN(dsn string) (*pgx.ConnConfig, error) {
	if strings.TrimSpace(dsn) == "" {
		return nil, dsnError(dsn)
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, dsnError(dsn)
	}
	config.ConnectTimeout = connectTimeout
	for name, value := range map[string]string{
		"application_name": "graphsnap", "statement_timeout": "10000", "lock_timeout": "500",
		"idle_in_transaction_session_timeout": "30000", "default_transaction_read_only": "on",
	} {
		config.RuntimeParams[name] = value
	}
	return config, nil
}

// dsnError does not repeat the parser's words, which could hold the password.
func dsnError(dsn string) error {
	return engine.Errorf(engine.KindInvalid, "source", "the DSN %q cannot be read", Redact(dsn)).
		WithHint("write it as postgres://USER@HOST:5432/DATABASE?sslmode=require, with the password in the DSN, in PGPASSWORD or in a passfile")
}

var (
	secretWord = regexp.MustCompile(`(?i)(password|passwd|pwd)\s*=\s*('[^']*'|[^\s&]+)`)
	urlSecret  = regexp.MustCompile(`://([^:/@]*):[^@]*@`)
)

// Redact gives a DSN without its password, in both its forms, also where it cannot be parsed.
func Redact(dsn string) string {
	if u, err := url.Parse(dsn); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), "xxxxx")
			dsn = u.String()
		}
	}
	dsn = urlSecret.ReplaceAllString(dsn, "://$1:xxxxx@")
	return secretWord.ReplaceAllString(dsn, "$1=xxxxx")
}

// connect opens the connection and explains what is wrong where that fails.
func connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	config, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, explain(err, config)
	}
	return conn, nil
}

// explain turns an error of the server into one of ours.
func explain(err error, config *pgx.ConnConfig) error {
	var known *engine.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "28P01", "28000":
			return engine.Errorf(engine.KindDenied, "source", "the server refuses user %q", config.User).WithCause(refused).
				WithHint("correct user and password of the DSN, or the server's pg_hba.conf")
		case "3D000":
			return engine.Errorf(engine.KindNotFound, "source", "there is no database %q on the server", config.Database).WithCause(refused).
				WithHint("correct the name of the database in the DSN; `psql -l` lists them")
		case "42501":
			return engine.Errorf(engine.KindDenied, "source", "user %q lacks a right", config.User).WithCause(refused).
				WithHint("run as superuser: GRANT pg_monitor TO %s;", config.User)
		case "57014":
			return engine.Errorf(engine.KindExhausted, "source", "reading the statistics took longer than 10 s").WithCause(refused).
				WithHint("the database is very busy; collecting goes on by itself")
		}
		return engine.Errorf(engine.KindUnavailable, "source", "the server refuses").WithCause(refused)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return engine.Errorf(engine.KindUnavailable, "source", "%s:%d does not answer", config.Host, config.Port).WithCause(plain(err)).
		WithHint("start the database, or correct host and port of the DSN")
}

// plain gives what the network said, because pgx repeats host, user and database at each level.
func plain(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Err
	}
	return err
}
