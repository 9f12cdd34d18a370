package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"graphsnap/engine"
)

// Options say what to run and where.
type Options struct {
	DataDir  string // state; made where it is missing
	CacheDir string // downloads, shared by all data folders
	Ports    Ports
	Demo     bool          // also run the demo PostgreSQL with its workload
	Rate     float64       // statements per second of the workload; 0 means DefaultRate
	Day      time.Duration // in which its load goes up and down once, at least a minute; 0 means DefaultDay
	HeapMB   int           // heap of each Neo4j server; 0 means 512
	OpenDB   func(dsn string) (*sql.DB, error)
	Progress func(stage, detail string) // may be nil
	Clock    engine.Clock
	Logger   *slog.Logger
}

// Server is a running Neo4j server.
type Server struct {
	Bolt, HTTP   string // addresses, bolt://127.0.0.1:7687 and http://127.0.0.1:7474
	User         string
	Password     string
	PasswordFile string
}

// Servers are the running children.
type Servers struct {
	Live, Snapshots Server
	Demo            *Demo // nil without demo

	lock    *os.File
	record  *record
	closers []closer // closed last in, first out
	failed  chan error
	log     *slog.Logger
}

type closer struct {
	name  string
	close func(context.Context) error
}

// Open starts everything and waits until it answers. Where a part fails or ctx ends, what was started is stopped again.
// Kinds: conflict (data folder or port in use), unavailable (a part cannot be installed or does not start), invalid.
func Open(ctx context.Context, o Options) (servers *Servers, err error) {
	if o.Progress == nil {
		o.Progress = func(string, string) {}
	}
	if o.HeapMB == 0 {
		o.HeapMB = 512
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if err := o.checkDay(); err != nil {
		return nil, err
	}
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return nil, engine.Errorf(engine.KindInvalid, "up", "the data folder %q is no path", o.DataDir).WithCause(err)
	}
	if err := makeDataDir(o.DataDir); err != nil {
		return nil, err
	}
	s := &Servers{failed: make(chan error, 4), log: o.Logger}
	if s.lock, err = lockDataDir(o.DataDir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			// What was started must go also where the caller gave up.
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			err = errors.Join(err, s.Close(closing))
		}
	}()
	s.record = openRecord(o.DataDir)
	if n := s.record.endLeftovers(o.DataDir); n > 0 {
		o.Progress("clean up", fmt.Sprintf("ended %d processes that an earlier run left behind", n))
	}
	if err := o.Ports.check(o.Demo); err != nil {
		return nil, err
	}
	if err := s.openNeo4j(ctx, o); err != nil {
		return nil, err
	}
	if o.Demo {
		if err := s.openDemo(ctx, o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openNeo4j starts both servers at the same time, because each takes most of its time waiting.
func (s *Servers) openNeo4j(ctx context.Context, o Options) error {
	launch, err := chooseLauncher(ctx, o)
	if err != nil {
		return err
	}
	password, passwordFile, err := secret(filepath.Join(o.DataDir, "neo4j-password"))
	if err != nil {
		return err
	}
	o.Progress("neo4j", "starting two servers ("+launch.name()+")")
	servers := []*neo4jServer{
		{role: "live", bolt: o.Ports.LiveBolt, http: o.Ports.LiveHTTP},
		{role: "snapshots", bolt: o.Ports.SnapshotsBolt, http: o.Ports.SnapshotsHTTP},
	}
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, n := range servers {
		n.home, n.heapMB, n.password = filepath.Join(o.DataDir, n.role), o.HeapMB, password
		wg.Go(func() { errs[i] = n.start(ctx, launch, s) })
	}
	wg.Wait()
	// Neither server needs the other, and each takes ten seconds to shut down, so they stop together too.
	s.closers = append(s.closers, closer{"neo4j", func(ctx context.Context) error {
		errs := make([]error, len(servers))
		var wg sync.WaitGroup
		for i, n := range servers {
			if n.child != nil {
				wg.Go(func() { errs[i] = n.child.stop(ctx) })
			}
		}
		wg.Wait()
		return errors.Join(errs...)
	}})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	address := func(n *neo4jServer) Server {
		return Server{
			Bolt: fmt.Sprintf("bolt://127.0.0.1:%d", n.bolt), HTTP: fmt.Sprintf("http://127.0.0.1:%d", n.http),
			User: neo4jUser, Password: password, PasswordFile: passwordFile,
		}
	}
	s.Live, s.Snapshots = address(servers[0]), address(servers[1])
	return nil
}

func (s *Servers) openDemo(ctx context.Context, o Options) error {
	o.Progress("postgresql", "starting the demo database")
	pg, err := startPostgres(ctx, o, s)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, closer{"demo postgresql", pg.child.stop})
	if s.Demo, err = OpenDemo(ctx, pg.dsn, o); err != nil {
		return err
	}
	s.closers = append(s.closers, closer{"demo workload", s.Demo.Close})
	return nil
}

// Failed gives the errors of children that ended for good although nobody asked them to.
func (s *Servers) Failed() <-chan error { return s.failed }

// Close stops everything, last in first out, and gives the data folder free.
func (s *Servers) Close(ctx context.Context) error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.closers[i].name, err))
		}
	}
	s.closers = nil
	if s.record != nil {
		s.record.remove()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	return errors.Join(errs...)
}
