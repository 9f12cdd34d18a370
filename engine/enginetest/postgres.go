package enginetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Postgres starts a fresh PostgreSQL with pg_stat_statements, of Debian's or another installed package, and gives a DSN of
// its superuser. The test's end stops it; so does the death of the test process.
func Postgres(t testing.TB, settings ...string) (dsn string) {
	t.Helper()
	return NewPostgresServer(t, settings...).DSN
}

// PostgresServer is a running PostgreSQL that a test may crash and start again.
type PostgresServer struct {
	DSN string // of the superuser

	bin, dir, log string
	port          int
	args          []string
	attributes    *syscall.SysProcAttr
	process       *exec.Cmd
}

// NewPostgresServer is Postgres for tests that crash it.
func NewPostgresServer(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL server")
	}
	bin := postgresBin()
	if bin == "" {
		const missing = "no PostgreSQL server is installed: apt-get install -y postgresql"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	// Not t.TempDir: its parents are closed to other users, and PostgreSQL does not run as root.
	dir, err := os.MkdirTemp("", "graphsnap-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attributes := runAs(t, dir, "postgres")
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "super", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attributes, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"}
	preload := true
	for _, s := range settings {
		args = append(args, "-c", s)
		preload = preload && !strings.HasPrefix(s, "shared_preload_libraries")
	}
	if preload {
		args = append(args, "-c", "shared_preload_libraries=pg_stat_statements")
	}
	s := &PostgresServer{
		DSN: fmt.Sprintf("postgres://super@127.0.0.1:%d/postgres?sslmode=disable", port),
		bin: bin, dir: dir, port: port, args: args, attributes: attributes, log: filepath.Join(os.TempDir(), fmt.Sprintf("graphsnap-postgres-%d.log", port)),
	}
	t.Cleanup(func() {
		s.Stop(syscall.SIGINT)
		if t.Failed() {
			all := s.Log()
			t.Logf("the end of PostgreSQL's log:\n%s", all[max(0, len(all)-8000):])
		}
		_ = os.Remove(s.log)
	})
	s.Start(t)
	return s
}

// Start starts the server on the data and the port of before, and waits until it answers.
func (s *PostgresServer) Start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.process = exec.Command(filepath.Join(s.bin, "postgres"), s.args...)
	dying := *s.attributes
	dying.Pdeathsig = syscall.SIGINT
	s.process.SysProcAttr, s.process.Dir, s.process.Stdout, s.process.Stderr = &dying, s.dir, log, log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	ready := time.NewTicker(50 * time.Millisecond)
	defer ready.Stop()
	for range 600 {
		<-ready.C
		if strings.HasPrefix(s.status(), "ready") {
			return
		}
	}
	t.Fatal("PostgreSQL is not ready after 30 s")
}

// Stop ends the server: SIGINT as a shutdown does, SIGQUIT as a crash does.
func (s *PostgresServer) Stop(how syscall.Signal) {
	if s.process != nil {
		_ = s.process.Process.Signal(how)
		_ = s.process.Wait()
		s.process = nil
	}
}

// status gives what the server says of itself in its lock file: starting, ready or stopping.
func (s *PostgresServer) status() string {
	raw, _ := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	lines := strings.Split(string(raw), "\n")
	if len(lines) < 8 || lines[0] != strconv.Itoa(s.PID()) {
		return ""
	}
	return lines[7]
}

// PID gives the process id of the running server, 0 while it is stopped.
func (s *PostgresServer) PID() int {
	if s.process == nil {
		return 0
	}
	return s.process.Process.Pid
}

// Log gives the server's log so far.
func (s *PostgresServer) Log() string {
	raw, _ := os.ReadFile(s.log)
	return string(raw)
}

// runAs lets a server that does not run as root run as the user of its package, to whom dir is given.
func runAs(t testing.TB, dir, name string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatalf("the server does not run as root: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// postgresBin gives the programs of the newest installed server, or of the one in GRAPHSNAP_TEST_POSTGRES, a folder with
// initdb and postgres.
func postgresBin() string {
	if bin := os.Getenv("GRAPHSNAP_TEST_POSTGRES"); bin != "" {
		return bin
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	sort.Slice(found, func(i, j int) bool { return version(found[i]) < version(found[j]) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := unusedPort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// unusedPort gives a port of loopback on which nobody listens.
func unusedPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
