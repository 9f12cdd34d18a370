package collect

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"graphsnap/engine"
)

// TypeOf gives the type of database that a DSN names: mysql, mariadb or postgresql.
func TypeOf(dsn string) string {
	switch scheme, _, _ := strings.Cut(dsn, "://"); strings.ToLower(scheme) {
	case "mysql":
		return "mysql"
	case "mariadb":
		return "mariadb"
	}
	return "postgresql"
}

// isMySQL says whether a source speaks MySQL's protocol. The server itself says whether it is MySQL or MariaDB.
func (s Source) isMySQL() bool {
	kind := s.Type
	if kind == "" {
		kind = TypeOf(s.DSN)
	}
	return kind == "mysql" || kind == "mariadb"
}

// mysqlReadTimeout bounds a statement of the collector; the server's own limit, half of it, comes first.
const mysqlReadTimeout = 20 * time.Second

// parseMySQL reads mysql://USER:PASSWORD@HOST:PORT/DATABASE. The password may stand in MYSQL_PWD or in a file that
// passfile names; tls is preferred, true, skip-verify or false; socket is the path of a unix socket.
func parseMySQL(dsn, program string) (*mysql.Config, error) {
	u, err := url.Parse(strings.TrimSpace(dsn))
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" || u.User == nil || u.User.Username() == "" {
		return nil, mysqlDSNError(dsn)
	}
	c := mysql.NewConfig()
	c.User, c.DBName, c.Net, c.TLSConfig = u.User.Username(), strings.TrimPrefix(u.Path, "/"), "tcp", "preferred"
	c.Addr = net.JoinHostPort(fallbackText(u.Hostname(), "127.0.0.1"), fallbackText(u.Port(), "3306"))
	if password, given := u.User.Password(); given {
		c.Passwd = password
	} else {
		c.Passwd = os.Getenv("MYSQL_PWD")
	}
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "tls":
			if !slices.Contains([]string{"preferred", "true", "skip-verify", "false"}, value) {
				return nil, engine.Errorf(engine.KindInvalid, "source", "the DSN %q has tls=%s", Redact(dsn), value).WithHint("tls is preferred, true, skip-verify or false")
			}
			c.TLSConfig = value
		case "socket":
			c.Net, c.Addr = "unix", value
		case "passfile":
			raw, err := os.ReadFile(value)
			if err != nil {
				return nil, engine.Errorf(engine.KindDenied, "source", "the password file %s cannot be read", value).WithCause(err)
			}
			c.Passwd = strings.TrimSpace(string(raw))
		default:
			return nil, engine.Errorf(engine.KindInvalid, "source", "the DSN %q has the parameter %q", Redact(dsn), name).
				WithHint("parameters are tls, socket and passfile")
		}
	}
	if c.Net == "unix" {
		c.TLSConfig = "false"
	}
	c.Loc, c.ParseTime, c.InterpolateParams, c.Timeout = time.UTC, true, true, connectTimeout
	c.ConnectionAttributes = "program_name:" + program
	c.Logger = &mysql.NopLogger{} // what goes wrong comes back as an error, and is logged once, by us
	return c, nil
}

func fallbackText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func mysqlDSNError(dsn string) error {
	return engine.Errorf(engine.KindInvalid, "source", "the DSN %q cannot be read", Redact(dsn)).
		WithHint("write it as mysql://USER@HOST:3306/DATABASE?tls=true, with the password in the DSN, in MYSQL_PWD or in a file by &passfile=FILE")
}

// openMySQL opens a MySQL or MariaDB for database/sql.
func openMySQL(dsn, program string, change func(*mysql.Config)) (*sql.DB, *mysql.Config, error) {
	c, err := parseMySQL(dsn, program)
	if err != nil {
		return nil, nil, err
	}
	if change != nil {
		change(c)
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, nil, mysqlDSNError(dsn)
	}
	return sql.OpenDB(connector), c, nil
}

// connectMySQL opens the collector's one connection: bounded statements, nothing written, times in UTC.
func connectMySQL(ctx context.Context, dsn string) (*mysqlReader, error) {
	r, err := dialMySQL(ctx, dsn, true)
	if numbered(err, mysqlDatabaseDenied) {
		// Without any right on the database it cannot be entered, but what the server counts can be read all the same.
		r, err = dialMySQL(ctx, dsn, false)
	}
	return r, err
}

func dialMySQL(ctx context.Context, dsn string, enter bool) (*mysqlReader, error) {
	r := &mysqlReader{texts: map[int64]bool{}}
	var err error
	r.db, r.config, err = openMySQL(dsn, "graphsnap", func(c *mysql.Config) {
		c.ReadTimeout, c.WriteTimeout = mysqlReadTimeout, mysqlReadTimeout
		if r.home = c.DBName; !enter {
			c.DBName = ""
		}
	})
	if err != nil {
		return nil, err
	}
	r.db.SetMaxOpenConns(1)
	if r.conn, err = r.db.Conn(ctx); err == nil {
		err = r.identify(ctx)
	}
	if err == nil {
		limit := "max_execution_time = 10000" // ms
		if r.mariadb {
			limit = "max_statement_time = 10" // s
		}
		_, err = r.conn.ExecContext(ctx, "SET SESSION time_zone = '+00:00', lock_wait_timeout = 1, innodb_lock_wait_timeout = 1, "+limit+", "+r.readOnly())
	}
	if err != nil {
		r.close()
		return nil, explainMySQL(err, r.config)
	}
	return r, nil
}

// The errors of the server that we have words for.
const (
	mysqlTooManyConnections = 1040
	mysqlDatabaseDenied     = 1044
	mysqlUserDenied         = 1045
	mysqlNoDatabase         = 1049
	mysqlTableDenied        = 1142
	mysqlColumnDenied       = 1143
	mysqlRightMissing       = 1227
	mysqlTimeLimit          = 3024
	mariadbTimeLimit        = 1969
)

// numbered says whether an error is one of the server's with one of these numbers.
func numbered(err error, numbers ...uint16) bool {
	var refused *mysql.MySQLError
	return errors.As(err, &refused) && slices.Contains(numbers, refused.Number)
}

// lacksRight says whether an error means that the user may not read something.
func lacksRight(err error) bool {
	return numbered(err, mysqlDatabaseDenied, mysqlTableDenied, mysqlColumnDenied, mysqlRightMissing)
}

// explainMySQL turns an error of the server into one of ours.
func explainMySQL(err error, config *mysql.Config) error {
	var known *engine.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	var refused *mysql.MySQLError
	if !errors.As(err, &refused) {
		return engine.Errorf(engine.KindUnavailable, "source", "%s does not answer", config.Addr).WithCause(plain(err)).
			WithHint("start the database, or correct host and port of the DSN")
	}
	switch refused.Number {
	case mysqlUserDenied:
		return engine.Errorf(engine.KindDenied, "source", "the server refuses user %q", config.User).WithCause(refused).
			WithHint("correct user and password of the DSN, or create the user as the README's section on MySQL says")
	case mysqlDatabaseDenied, mysqlTableDenied, mysqlColumnDenied, mysqlRightMissing:
		return engine.Errorf(engine.KindDenied, "source", "user %q lacks a right", config.User).WithCause(refused).WithHint("run as administrator: %s", mysqlGrants(config.User))
	case mysqlNoDatabase:
		return engine.Errorf(engine.KindNotFound, "source", "there is no database %q on the server", config.DBName).WithCause(refused).
			WithHint("correct the name of the database in the DSN; SHOW DATABASES lists them")
	case mysqlTooManyConnections:
		return engine.Errorf(engine.KindExhausted, "source", "the server has no connection left").WithCause(refused).
			WithHint("collecting goes on by itself once there is one; max_connections limits them")
	case mysqlTimeLimit, mariadbTimeLimit:
		return engine.Errorf(engine.KindExhausted, "source", "reading the statistics took longer than 10 s").WithCause(refused).
			WithHint("the database is very busy; collecting goes on by itself")
	}
	return engine.Errorf(engine.KindUnavailable, "source", "the server refuses").WithCause(refused)
}

// mysqlGrants gives the statements that let a user collect everything without reading a row.
func mysqlGrants(user string) string {
	return "GRANT SELECT ON performance_schema.* TO '" + user + "'@'%'; GRANT PROCESS, REFERENCES, SHOW VIEW ON *.* TO '" + user + "'@'%';"
}
