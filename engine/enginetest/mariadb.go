package enginetest

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// MariaDBServer is a MariaDB that a test may restart.
type MariaDBServer struct {
	dir        string
	port       int
	settings   []string
	attributes *syscall.SysProcAttr
	process    *exec.Cmd
	open       func(dsn string) (*sql.DB, error)
}

// MariaDB starts a fresh MariaDB with performance_schema, of Debian's or another installed package; settings are lines of
// my.cnf without spaces. open opens a DSN. The test's end stops the server; so does the death of the test process.
func MariaDB(t testing.TB, open func(dsn string) (*sql.DB, error), settings ...string) *MariaDBServer {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a MariaDB server")
	}
	if mariadbd() == "" {
		const missing = "no MariaDB server is installed: apt-get install -y mariadb-server"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	// Not t.TempDir: its parents are closed to other users, and MariaDB does not run as root.
	dir, err := os.MkdirTemp("", "graphsnap-mariadb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &MariaDBServer{dir: dir, port: freePort(t), settings: settings, attributes: runAs(t, dir, "mysql"), open: open}
	install := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+s.data(), "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	install.SysProcAttr, install.Dir = s.attributes, dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		s.Stop(syscall.SIGTERM)
		if t.Failed() {
			all := s.Log()
			t.Logf("the end of MariaDB's log:\n%s", all[max(0, len(all)-4000):])
		}
	})
	s.Start(t)
	return s
}

func mariadbd() string {
	if path, err := exec.LookPath("mariadbd"); err == nil {
		return path
	}
	const debian = "/usr/sbin/mariadbd" // not in everybody's PATH
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return ""
}

func (s *MariaDBServer) data() string { return filepath.Join(s.dir, "data") }
func (s *MariaDBServer) log() string  { return filepath.Join(s.dir, "log") }

// DSN names a database of the server as a user without password sees it.
func (s *MariaDBServer) DSN(user, database string) string {
	return fmt.Sprintf("mariadb://%s@127.0.0.1:%d/%s", user, s.port, database)
}

// Log gives the server's log so far.
func (s *MariaDBServer) Log() string {
	raw, _ := os.ReadFile(s.log())
	return string(raw)
}

// Start starts the server on the data and the port of before, and waits until it answers.
func (s *MariaDBServer) Start(t testing.TB) {
	t.Helper()
	args := []string{
		"--no-defaults", "--datadir=" + s.data(), "--port=" + strconv.Itoa(s.port), "--bind-address=127.0.0.1", "--socket=" + filepath.Join(s.dir, "socket"),
		"--performance-schema=ON", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M",
	}
	for _, line := range s.settings {
		args = append(args, "--"+line)
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.process = exec.Command(mariadbd(), args...)
	dying := *s.attributes
	dying.Pdeathsig = syscall.SIGTERM
	s.process.SysProcAttr, s.process.Dir, s.process.Stdout, s.process.Stderr = &dying, s.dir, log, log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	db, err := s.open(s.DSN("root", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ready := time.NewTicker(50 * time.Millisecond)
	defer ready.Stop()
	for range 600 {
		<-ready.C
		if db.Ping() == nil {
			return
		}
	}
	t.Fatal("MariaDB is not ready after 30 s")
}

// Stop ends the server: SIGTERM as a shutdown does, SIGKILL as a crash does.
func (s *MariaDBServer) Stop(how syscall.Signal) {
	if s.process != nil {
		_ = s.process.Process.Signal(how)
		_ = s.process.Wait()
		s.process = nil
	}
}
