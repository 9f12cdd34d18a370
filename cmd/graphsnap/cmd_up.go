package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
	"graphsnap/engine/local"
)

type upFlags struct {
	dataDir, config string
	port, portBase  int
	noDemo, noRules bool
	sources         []string
	rate            float64
	day             time.Duration
	heapMB          int
}

func (a *app) upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything on this machine: two Neo4j servers, a demo database under load, collector, API and viewer",
		Long: `Run everything on this machine, as child processes on loopback that end with this command. State is kept in
--data-dir and is there again at the next start.`,
		Example: `  graphsnap up
  graphsnap up --no-demo --source shop=postgres://graphsnap@db.example/shop
  graphsnap up --port 9090 --port-base 17000 --data-dir /tmp/graphsnap`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dataDir, "data-dir", local.DefaultDataDir(), "where state is kept")
	flags.StringVar(&f.config, "config", "", "a configuration; of it, collect, log and sources are used")
	flags.IntVar(&f.port, "port", 8080, "port of API and viewer")
	flags.IntVar(&f.portBase, "port-base", 0, "five ports from this one on for the databases, instead of 7687, 7474, 7688, 7475 and 15432")
	flags.BoolVar(&f.noDemo, "no-demo", false, "without demo database")
	flags.BoolVar(&f.noRules, "no-rules", false, "without the rules that the demo has where the configuration has none")
	flags.StringArrayVar(&f.sources, "source", nil, "a database to watch, NAME=postgres://... or NAME=mysql://...; may be repeated")
	flags.Float64Var(&f.rate, "rate", local.DefaultRate, "statements per second of the demo workload")
	flags.DurationVar(&f.day, "day", local.DefaultDay, "time in which the demo workload goes through its day, from 1m; 24h for a real one")
	flags.IntVar(&f.heapMB, "heap", 512, "heap of each Neo4j server, MB")
	return cmd
}

// demoSource is the name of the demo database among the sources.
const demoSource = "shop"

func (a *app) up(ctx context.Context, f upFlags) (err error) {
	file := configs.Find(f.config)
	c, err := a.loadConfig(file)
	if err != nil {
		return err
	}
	if c, err = f.adapt(c); err != nil {
		return err
	}
	// The API's port is taken first: a second start fails at once and disturbs nothing.
	l, err := api.Listen(ctx, net.JoinHostPort(c.Server.Host, strconv.Itoa(c.Server.Port)))
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if f.dataDir, err = filepath.Abs(f.dataDir); err != nil {
		return err
	}
	log := newLogger(a.errs, c.Log)
	ports := local.DefaultPorts()
	if f.portBase != 0 {
		ports = local.PortsFrom(f.portBase)
	}
	servers, err := local.Open(ctx, local.Options{
		DataDir: f.dataDir, CacheDir: local.DefaultCacheDir(), Ports: ports, Demo: !f.noDemo, Rate: f.rate, Day: f.day, HeapMB: f.heapMB,
		OpenDB: collect.OpenDB, Clock: engine.SystemClock{}, Logger: log.Logger,
		Progress: func(stage, detail string) { a.notef("[%s] %s\n", stage, detail) },
	})
	if err != nil {
		return err
	}
	defer func() {
		a.notef("stopping ...\n")
		err = errors.Join(err, servers.Close(context.WithoutCancel(ctx)))
		if err == nil {
			a.notef("stopped; state is kept in %s\n", f.dataDir)
		}
	}()
	var demo api.Demo
	if servers.Demo != nil {
		demo = servers.Demo
	}
	w, err := watchConfig(file, log, func(c configs.Config) (configs.Config, error) {
		c.Live.URI, c.Live.User, c.Live.PasswordFile, c.Live.Database = servers.Live.Bolt, servers.Live.User, servers.Live.PasswordFile, ""
		c.Snapshots.URI, c.Snapshots.User, c.Snapshots.PasswordFile, c.Snapshots.Database = servers.Snapshots.Bolt, servers.Snapshots.User, servers.Snapshots.PasswordFile, ""
		c, err := f.adapt(c)
		if err == nil && servers.Demo != nil {
			c.Sources = append(c.Sources, configs.Source{Name: demoSource, Type: "postgresql", DSN: configs.Secret(servers.Demo.DSN()), Default: defaultSource(c.Sources) == ""})
			if len(c.Rules) == 0 && !f.noRules {
				c.Rules = demoRules(f.rate)
			}
		}
		return c, err
	})
	if err != nil {
		return err
	}
	a.notef("[graphsnap] starting collector, API and viewer\n")
	p, err := openServer(ctx, w, l, demo, map[string]string{"live": servers.Live.HTTP, "snapshots": servers.Snapshots.HTTP}, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	defer reloadOnHangup(ctx, w)()
	a.notef("[graphsnap] waiting for the first rates\n")
	if err := p.firstSnapshot(ctx); err != nil {
		a.notef("warning: no first snapshot was taken: %v\n", err)
	}
	a.welcome(p, servers, f)
	select {
	case <-ctx.Done():
		return nil
	case err := <-servers.Failed():
		return err
	}
}

// adapt adds what the flags say to a configuration, also to one that is read again. Kinds: invalid, conflict.
func (f upFlags) adapt(c configs.Config) (configs.Config, error) {
	extra, err := parseSources(f.sources)
	if err != nil {
		return c, err
	}
	c.Server.Host, c.Server.Port = "127.0.0.1", f.port
	c.Sources = append(slices.Clone(c.Sources), extra...)
	if f.noDemo && len(c.Sources) == 0 {
		return c, engine.Errorf(engine.KindInvalid, "up", "--no-demo without a source leaves nothing to watch").WithHint("add --source NAME=postgres://USER@HOST/DATABASE")
	}
	seen := map[string]bool{}
	for _, s := range c.Sources {
		if s.Name == demoSource && !f.noDemo {
			return c, engine.Errorf(engine.KindConflict, "up", "a source is called %q, as the demo is", demoSource).WithHint("give it another name, or leave the demo out with --no-demo")
		}
		if seen[s.Name] {
			return c, engine.Errorf(engine.KindConflict, "up", "two sources are called %q", s.Name).WithHint("one is of --source: give it another name")
		}
		seen[s.Name] = true
	}
	return c, nil
}

// parseSources reads NAME=DSN.
func parseSources(list []string) ([]configs.Source, error) {
	var sources []configs.Source
	for _, text := range list {
		name, dsn, ok := strings.Cut(text, "=")
		if !ok || name == "" || !strings.Contains(dsn, "://") {
			return nil, engine.Errorf(engine.KindInvalid, "up", "--source %q is not NAME=DSN", collect.Redact(text)).WithHint("write --source shop=postgres://USER@HOST:5432/DATABASE or shop=mysql://USER@HOST:3306/DATABASE")
		}
		sources = append(sources, configs.Source{Name: name, Type: collect.TypeOf(dsn), DSN: configs.Secret(dsn)})
	}
	return sources, nil
}

func (a *app) welcome(p *parts, s *local.Servers, f upFlags) {
	self := "graphsnap"
	if exe, err := os.Executable(); err == nil && !strings.HasPrefix(exe, "/usr") {
		if wd, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(wd, exe); err == nil && !strings.HasPrefix(rel, "..") {
				self = rel
			}
		}
	}
	server := ""
	if f.port != 8080 {
		server = fmt.Sprintf(" --server http://127.0.0.1:%d", f.port)
	}
	a.notef(`
ready: %s

  viewer             %s
  API documentation  %s/api/docs
  live graph         %s/browser/  connect to %s
  snapshots          %s/browser/  connect to %s
  Neo4j user         %s, password %s (kept in %s)
`, p.url, p.url, p.url, s.Live.HTTP, s.Live.Bolt, s.Snapshots.HTTP, s.Snapshots.Bolt, s.Live.User, s.Live.Password, s.Live.PasswordFile)
	if s.Demo != nil {
		a.notef("  demo database      %s\n", s.Demo.DSN())
	}
	a.notef(`
Try next, in another terminal:
  %[1]s show%[2]s
  %[1]s capture "before"%[2]s
`, self, server)
	if s.Demo != nil {
		a.notef("  %[1]s demo fault drop-index%[2]s      # then wait a minute\n  %[1]s cases%[2]s                      # it opened one by itself\n", self, server)
	}
	a.notef("  %[1]s compare @-1m latest%[2]s\nCtrl-C stops everything.\n\n", self, server)
}
