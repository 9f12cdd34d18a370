package local

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// ChildVerb is the hidden verb under which this binary runs itself as the parent of the demo PostgreSQL.
const ChildVerb = "__postgres"

// RunChild runs the demo PostgreSQL until its input closes or a signal comes. It reads a childConfig from in and writes
// one line to out: "ready", or what went wrong.
func RunChild(in io.Reader, out io.Writer) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	input := bufio.NewReader(in)
	var c childConfig
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &c)
	}
	if err != nil {
		return fmt.Errorf("this verb is for graphsnap itself: %w", err)
	}
	db, err := newPostgres(c)
	if err == nil {
		err = db.Start()
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, strings.ReplaceAll(err.Error(), "\n", " "))
		return err
	}
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, input)
		close(closed)
	}()
	died := watch(filepath.Join(c.Data, "postmaster.pid"), closed)
	_, _ = fmt.Fprintln(out, "ready")
	select {
	case <-signals:
	case <-closed:
	case <-died:
		return fmt.Errorf("the postmaster ended by itself: %s", tail(filepath.Join(c.Log, "postgresql.log")))
	}
	return stopPostgres(db, filepath.Join(c.Data, "postmaster.pid"))
}

func newPostgres(c childConfig) (*embeddedpostgres.EmbeddedPostgres, error) {
	if err := os.MkdirAll(c.Log, 0o700); err != nil {
		return nil, err
	}
	config := embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.V16).
		Port(uint32(c.Port)).
		Username(c.User).Password(c.Password).Database(c.Database).
		CachePath(c.Cache).BinariesPath(c.Binaries).RuntimePath(c.Runtime).DataPath(c.Data).
		Locale("C").Encoding("UTF8").
		StartTimeout(time.Minute).
		Logger(io.Discard).
		StartParameters(map[string]string{
			"listen_addresses":         "127.0.0.1",
			"unix_socket_directories":  "",
			"shared_preload_libraries": "pg_stat_statements",
			"pg_stat_statements.track": "all", // shows what foreign keys cost
			"track_io_timing":          "on",
			"max_connections":          "100",
			"shared_buffers":           "128MB",
			"jit":                      "off",
			"logging_collector":        "on",
			"log_directory":            c.Log,
			"log_filename":             "postgresql.log",
			"log_rotation_size":        "10MB",
			"log_truncate_on_rotation": "on",
		})
	if c.Repository != "" {
		config = config.BinaryRepositoryURL(c.Repository)
	}
	return embeddedpostgres.NewDatabase(config), nil
}

// watch notices that the postmaster is gone by the process behind its lock file.
func watch(pidFile string, until <-chan struct{}) <-chan struct{} {
	died := make(chan struct{})
	pid, _ := postmaster(filepath.Dir(pidFile))
	started := startTime(pid)
	if pid == 0 || started == "" {
		return died // no /proc here; then only the parent's connections notice
	}
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-until:
				return
			case <-ticker.C:
				if startTime(pid) != started {
					close(died)
					return
				}
			}
		}
	}()
	return died
}

// stopPostgres asks for a fast shutdown and kills a postmaster that does not follow.
func stopPostgres(db *embeddedpostgres.EmbeddedPostgres, pidFile string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- db.Stop() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if pid, _ := postmaster(filepath.Dir(pidFile)); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
		return ctx.Err()
	}
}
