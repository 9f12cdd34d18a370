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
	server := exec.Command(filepath.Join(bin, "postgres"), args...)
	dying := *attributes
	dying.Pdeathsig = syscall.SIGINT
	server.SysProcAttr, server.Dir = &dying, dir
	log, err := os.Create(filepath.Join(os.TempDir(), fmt.Sprintf("graphsnap-postgres-%d.log", port)))
	if err != nil {
		t.Fatal(err)
	}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
		if t.Failed() {
			if raw, err := os.ReadFile(log.Name()); err == nil {
				t.Logf("PostgreSQL's log:\n%s", raw)
			}
		}
		_ = log.Close()
		_ = os.Remove(log.Name())
	})
	ready := time.NewTicker(50 * time.Millisecond)
	defer ready.Stop()
	for range 600 {
		<-ready.C
		if exec.Command(filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run() == nil {
			return fmt.Sprintf("postgres://super@127.0.0.1:%d/postgres?sslmode=disable", port)
		}
	}
	t.Fatal("PostgreSQL is not ready after 30 s")
	return ""
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

// postgresBin gives the programs of the newest installed server.
func postgresBin() string {
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
