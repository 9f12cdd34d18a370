package neo4jdb

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"
	"github.com/neo4j/neo4j-go-driver/v5/neo4j/config"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Config says where a database is. Database is "" for the user's home database.
type Config struct {
	URI, User, Password, Database string
}

// retryFor bounds how long the driver repeats a transaction that failed in passing.
const retryFor = 10 * time.Second

// lostCommits bounds how often a transaction is tried whose commit got no answer.
const lostCommits = 5

// server is one Neo4j database: the driver, the schema it needs and the way of running statements on it.
type server struct {
	role     string // live or snapshots, for messages and migrations
	uri      string
	driver   neo4j.DriverWithContext
	database string

	mu       sync.Mutex
	prepared bool
}

// open makes the driver; it connects to nothing yet. Kinds: invalid.
func open(role string, c Config) (*server, error) {
	auth := neo4j.NoAuth()
	if c.User != "" || c.Password != "" {
		auth = neo4j.BasicAuth(c.User, c.Password, "")
	}
	driver, err := neo4j.NewDriverWithContext(c.URI, auth, func(c *config.Config) {
		c.MaxTransactionRetryTime = retryFor
		c.SocketConnectTimeout = 5 * time.Second
		c.ConnectionAcquisitionTimeout = 15 * time.Second
		c.UserAgent = "graphsnap"
	})
	if err != nil {
		return nil, engine.Errorf(engine.KindInvalid, "neo4j", "the address %q of the %s database is not usable", c.URI, role).
			WithCause(err).WithHint("write %s.uri as bolt://HOST:PORT or neo4j://HOST:PORT", role)
	}
	return &server{role: role, uri: c.URI, driver: driver, database: c.Database}, nil
}

func (s *server) close(ctx context.Context) error { return s.driver.Close(ctx) }

// prepare connects and brings the schema up to date, once; it is repeated until it has succeeded.
func (s *server) prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared {
		return nil
	}
	if err := s.driver.VerifyConnectivity(ctx); err != nil {
		return s.explain(ctx, "connect", err)
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	s.prepared = true
	return nil
}

// version asks the server for its version, such as "5.26.28 community".
func (s *server) version(ctx context.Context) (string, error) {
	var version string
	err := s.read(ctx, func(tx *tx) error {
		row, err := tx.one(ctx, cypher.QueryVersion, nil)
		if err == nil {
			version = text(row, "version") + " " + text(row, "edition")
		}
		return err
	})
	return version, err
}

// tx runs statements inside one transaction.
type tx struct {
	tx interface {
		Run(ctx context.Context, text string, params map[string]any) (neo4j.ResultWithContext, error)
	}
}

// each calls f for every row as it arrives.
func (t *tx) each(ctx context.Context, s cypher.Statement, params map[string]any, f func(*neo4j.Record) error) error {
	result, err := t.tx.Run(ctx, s.Text, params)
	if err != nil {
		return err
	}
	for result.Next(ctx) {
		if err := f(result.Record()); err != nil {
			return err
		}
	}
	return result.Err()
}

// exec runs a statement for its effect.
func (t *tx) exec(ctx context.Context, s cypher.Statement, params map[string]any) error {
	return t.each(ctx, s, params, func(*neo4j.Record) error { return nil })
}

// one gives the only row of a statement, or nil where there is none.
func (t *tx) one(ctx context.Context, s cypher.Statement, params map[string]any) (*neo4j.Record, error) {
	var row *neo4j.Record
	err := t.each(ctx, s, params, func(r *neo4j.Record) error {
		row = r
		return nil
	})
	return row, err
}

// read runs f in one read transaction; f may be called again after a passing failure.
func (s *server) read(ctx context.Context, f func(*tx) error) error {
	_, err := s.readAt(ctx, f)
	return err
}

// readAt is read, and gives the bookmark of the transaction: it stays the same while nothing is committed.
func (s *server) readAt(ctx context.Context, f func(*tx) error) (bookmark string, err error) {
	if err := s.prepare(ctx); err != nil {
		return "", err
	}
	session := s.session(ctx, neo4j.AccessModeRead)
	defer closeSession(ctx, session)
	if err := repeated(ctx, session.ExecuteRead, f); err != nil {
		return "", s.explain(ctx, "read", err)
	}
	return strings.Join(session.LastBookmarks(), " "), nil
}

// stream runs f in one read transaction that is not repeated: what f hands on cannot be taken back.
func (s *server) stream(ctx context.Context, f func(*tx) error) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	session := s.session(ctx, neo4j.AccessModeRead)
	defer closeSession(ctx, session)
	t, err := session.BeginTransaction(ctx)
	if err != nil {
		return s.explain(ctx, "read", err)
	}
	defer func() { _ = t.Close(context.WithoutCancel(ctx)) }()
	if err := f(&tx{t}); err != nil {
		return s.explain(ctx, "read", err)
	}
	return s.explain(ctx, "read", t.Commit(ctx))
}

// hold runs f in one write transaction that is rolled back at its end, for the locks that it takes. The server ends it after
// most.
func (s *server) hold(ctx context.Context, most time.Duration, f func(*tx) error) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	session := s.session(ctx, neo4j.AccessModeWrite)
	defer closeSession(ctx, session)
	t, err := session.BeginTransaction(ctx, neo4j.WithTxTimeout(most))
	if err != nil {
		return s.explain(ctx, "hold", err)
	}
	if err := f(&tx{t}); err != nil {
		_ = t.Close(context.WithoutCancel(ctx))
		return s.explain(ctx, "hold", err)
	}
	return s.explain(ctx, "hold", t.Rollback(ctx))
}

// write runs f in one write transaction; f may be called again after a passing failure, so it must not keep state. The
// driver does not repeat a commit whose answer was lost, because it may have succeeded; here it is repeated as well, so f
// must recognise what it has done already.
func (s *server) write(ctx context.Context, f func(*tx) error) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	session := s.session(ctx, neo4j.AccessModeWrite)
	defer closeSession(ctx, session)
	return s.explain(ctx, "write", repeated(ctx, session.ExecuteWrite, f))
}

// repeated runs f in a transaction, and again where the answer to its commit was lost.
func repeated(ctx context.Context, execute func(context.Context, neo4j.ManagedTransactionWork, ...func(*neo4j.TransactionConfig)) (any, error), f func(*tx) error) (err error) {
	for range lostCommits {
		_, err = execute(ctx, func(t neo4j.ManagedTransaction) (any, error) { return nil, f(&tx{t}) })
		if !isLostCommit(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

func (s *server) session(ctx context.Context, mode neo4j.AccessMode) neo4j.SessionWithContext {
	return s.driver.NewSession(ctx, neo4j.SessionConfig{AccessMode: mode, DatabaseName: s.database, FetchSize: 2000})
}

// closeSession gives the connection back also where the caller was cancelled. What it could report was reported by the
// transaction.
func closeSession(ctx context.Context, session neo4j.SessionWithContext) {
	_ = session.Close(context.WithoutCancel(ctx))
}

// explain turns an error of the driver or the server into one of the product, with the next step.
func (s *server) explain(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	var known *engine.Error
	if errors.As(err, &known) {
		return err
	}
	op = s.role + " database: " + op
	// The driver does not always wrap the reason why a connection was given up.
	if ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return engine.Errorf(engine.KindExhausted, op, "interrupted before it was done").WithCause(errors.Join(ctx.Err(), err))
	}
	last := err // of all attempts, the last one tells most
	var limit *neo4j.TransactionExecutionLimit
	if errors.As(err, &limit) && len(limit.Errors) > 0 {
		last = limit.Errors[len(limit.Errors)-1]
	}
	var refused *neo4j.Neo4jError
	if errors.As(last, &refused) {
		switch code := refused.Code; {
		case strings.Contains(code, ".Security."):
			return engine.Errorf(engine.KindDenied, op, "%s refuses the user or password", s.uri).WithCause(err).
				WithHint("check %s.user and %s.password_file (or GRAPHSNAP_%s_PASSWORD)", s.role, s.role, strings.ToUpper(s.role))
		case strings.Contains(code, "MemoryPool") || strings.Contains(code, "OutOfMemory") || strings.Contains(code, "TransactionOutOfMemory"):
			return engine.Errorf(engine.KindExhausted, op, "the server ran out of memory").WithCause(err).
				WithHint("raise server.memory.heap.max_size, or dbms.memory.transaction.total.max, of %s", s.uri)
		case strings.Contains(code, "TransactionLogError"):
			return engine.Errorf(engine.KindExhausted, op, "the server cannot write its log").WithCause(err).
				WithHint("the disk of %s is probably full: make room there and restart the server; what was not committed is not there", s.uri)
		case strings.Contains(code, "TransactionStartFailed"):
			return engine.Errorf(engine.KindUnavailable, op, "%s has given up", s.uri).WithCause(err).
				WithHint("read its log, which says why (a full disk, mostly), and restart it")
		case strings.HasPrefix(code, "Neo.TransientError") || strings.Contains(code, "DatabaseUnavailable") || strings.Contains(code, "DatabaseNotFound"):
			return engine.Errorf(engine.KindUnavailable, op, "%s cannot answer now", s.uri).WithCause(err).
				WithHint("try again; `graphsnap doctor` says more")
		}
		return engine.Errorf(engine.KindInternal, op, "%s refused a statement", s.uri).WithCause(err)
	}
	if neo4j.IsConnectivityError(err) || neo4j.IsRetryable(err) || isLimit(err) {
		return engine.Errorf(engine.KindUnavailable, op, "%s does not answer", s.uri).WithCause(err).
			WithHint("start the server or correct %s.uri; `graphsnap doctor` checks every part", s.role)
	}
	return engine.Errorf(engine.KindInternal, op, "unexpected failure").WithCause(err)
}

// isLostCommit recognises a connection that broke between a commit and its answer: of the errors of a connection the
// driver repeats all others by itself.
func isLostCommit(err error) bool { return neo4j.IsConnectivityError(err) && !neo4j.IsRetryable(err) }

// isLimit recognises a transaction whose passing failures outlasted the time for repeating it.
func isLimit(err error) bool {
	var limit *neo4j.TransactionExecutionLimit
	return errors.As(err, &limit)
}

// isConstraint recognises a row that a uniqueness constraint refused.
func isConstraint(err error) bool { return hasCode(err, "ConstraintValidationFailed") }

// hasCode recognises an error of the server by the end of its code.
func hasCode(err error, end string) bool {
	var refused *neo4j.Neo4jError
	return errors.As(err, &refused) && strings.HasSuffix(refused.Code, end)
}
