package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/engine"
	"graphsnap/engine/local"
	"graphsnap/engine/neo4jdb"
)

type benchFlags struct {
	sizes                     []string
	snapshots, rounds, heapMB int
	live, store               string
	portBase                  int
}

func (a *app) benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the speed of captures, comparisons, lists and exports, each beside its raw limit",
		Long: `Measure the figures of the design, each beside what the same servers need for the same by plain means in the same
run, because the machine may be busy: the ratio counts. Two Neo4j servers are started and removed again, unless two empty
ones are named.`,
		Example: `  graphsnap bench
  graphsnap bench --size 10000/50000 --rounds 5 --json | jq -r '.[] | [.name, .ratio] | @tsv'
  graphsnap bench --live bolt://neo4j:secret@127.0.0.1:7687 --snapshots bolt://neo4j:secret@127.0.0.1:7688`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.sizes, "size", []string{"1000/5000", "10000/50000"}, "nodes/relationships; may be repeated; 100000/500000 is the largest of the design")
	flags.IntVar(&f.snapshots, "timeline", 10000, "snapshots of the long timeline; 0 leaves it out")
	flags.IntVar(&f.rounds, "rounds", 5, "how often each figure is measured; the median counts")
	flags.StringVar(&f.live, "live", "", "an empty Neo4j for the live graph, bolt://USER:PASSWORD@HOST:PORT")
	flags.StringVar(&f.store, "snapshots", "", "an empty Neo4j for the snapshots")
	flags.IntVar(&f.heapMB, "heap", 1024, "heap of each server that is started, MB")
	flags.IntVar(&f.portBase, "port-base", 27600, "five ports from this one on for the servers that are started")
	return cmd
}

func (a *app) bench(ctx context.Context, f benchFlags) (err error) {
	o := engine.BenchOptions{
		Snapshots: f.snapshots, Rounds: f.rounds, Memory: residentMemory(),
		Progress: func(what string) { a.notef("%s\n", what) },
	}
	if f.rounds < 1 || f.snapshots < 0 || f.snapshots > 10000 {
		return engine.Errorf(engine.KindInvalid, "bench", "%d rounds with a timeline of %d are out of range", f.rounds, f.snapshots).WithHint("at least one round, at most 10000 snapshots")
	}
	if o.Sizes, err = benchSizes(f.sizes); err != nil {
		return err
	}
	var configs [2]neo4jdb.Config
	if f.live == "" && f.store == "" {
		servers, remove, err := a.benchServers(ctx, f)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
		configs[0] = neo4jdb.Config{URI: servers.Live.Bolt, User: servers.Live.User, Password: servers.Live.Password}
		configs[1] = neo4jdb.Config{URI: servers.Snapshots.Bolt, User: servers.Snapshots.User, Password: servers.Snapshots.Password}
	} else {
		for i, address := range []string{f.live, f.store} {
			if configs[i], err = parseServer(address); err != nil {
				return err
			}
		}
	}
	quiet := slog.New(slog.DiscardHandler)
	live, err := neo4jdb.OpenLive(configs[0], "default", engine.SystemClock{}, quiet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, live.Close(context.WithoutCancel(ctx))) }()
	store, err := neo4jdb.OpenSnapshots(configs[1], quiet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	e := engine.New(engine.Options{Live: live, Store: store})
	o.Export = func(ctx context.Context, id string, w io.Writer) error {
		return e.Export(ctx, id, engine.ExportOptions{Format: engine.ExportJSON}, w)
	}
	// What was measured is given also where a later figure fails.
	figures, err := e.Bench(ctx, neo4jdb.NewLimits(live, store), o)
	switch {
	case len(figures) == 0:
	case a.json:
		err = errors.Join(err, a.printJSON(figures))
	default:
		a.printFigures(figures)
	}
	return err
}

// benchServers starts two servers with data of their own.
func (a *app) benchServers(ctx context.Context, f benchFlags) (*local.Servers, func() error, error) {
	dir, err := os.MkdirTemp("", "graphsnap-bench-")
	if err != nil {
		return nil, nil, err
	}
	servers, err := local.Open(ctx, local.Options{
		DataDir: dir, CacheDir: local.DefaultCacheDir(), Ports: local.PortsFrom(f.portBase), HeapMB: f.heapMB,
		Clock: engine.SystemClock{}, Logger: slog.New(slog.DiscardHandler),
		Progress: func(stage, detail string) { a.notef("[%s] %s\n", stage, detail) },
	})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return servers, func() error {
		return errors.Join(servers.Close(context.WithoutCancel(ctx)), os.RemoveAll(dir))
	}, nil
}

func parseServer(address string) (neo4jdb.Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return neo4jdb.Config{}, engine.Errorf(engine.KindInvalid, "bench", "both --live and --snapshots must name a server").WithHint("write bolt://USER:PASSWORD@HOST:PORT")
	}
	password, _ := u.User.Password()
	return neo4jdb.Config{URI: u.Scheme + "://" + u.Host, User: u.User.Username(), Password: password}, nil
}

func benchSizes(texts []string) ([]engine.BenchGraph, error) {
	var out []engine.BenchGraph
	for _, text := range texts {
		nodes, rels, _ := strings.Cut(text, "/")
		n, err := strconv.Atoi(nodes)
		r, err2 := strconv.Atoi(rels)
		if err != nil || err2 != nil || n < 2 || r < 1 || n > 1_000_000 || r > 10_000_000 {
			return nil, engine.Errorf(engine.KindInvalid, "bench", "%q is no size", text).WithHint("write nodes/relationships, such as 10000/50000")
		}
		out = append(out, engine.BenchGraph{Nodes: n, Relationships: r})
	}
	return out, nil
}

func (a *app) printFigures(figures []engine.Figure) {
	rows := [][]string{{"FIGURE", "SIZE", "SECONDS", "LIMIT", "RATIO", "GOAL", "MET"}}
	number := func(v *float64, format string) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf(format, *v)
	}
	for _, f := range figures {
		met := "-"
		if f.Met != nil {
			met = map[bool]string{true: "yes", false: "no"}[*f.Met]
		}
		seconds := fmt.Sprintf("%.4f", f.Seconds)
		if f.Bytes > 0 {
			seconds += fmt.Sprintf(" (%d MB)", f.Bytes>>20)
		}
		rows = append(rows, []string{f.Name, f.Size, seconds, number(f.LimitSeconds, "%.4f"), number(f.Ratio, "%.2f"), f.Goal, met})
	}
	a.table(rows)
	for _, f := range figures {
		if f.Note != "" {
			a.notef("%s, %s: %s\n", f.Name, f.Size, f.Note)
		}
	}
}
