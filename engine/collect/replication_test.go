package collect

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	process "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

func TestCourse(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
	var c course
	for s, position := range []int64{100, 100, 200, 300, 300} { // by second
		c = c.add(at(float64(s)), position)
	}
	now := at(10)
	for _, test := range []struct {
		name     string
		replayed int64
		reported *float64
		want     float64
	}{
		{"stands still, nothing reported", 100, nil, 8},
		{"stands still, the last time was quick", 100, ptr(0.001), 8},
		{"the last time was slow", 100, ptr(60.0), 9},
		{"between both", 100, ptr(8.5), 8.5},
		{"behind all that was seen", 50, nil, 10},
		{"behind all that was seen, as the server says", 50, ptr(20.0), 20},
		{"only the last is outstanding", 250, nil, 7},
	} {
		if got := c.lag(now, test.replayed, test.reported); got != test.want {
			t.Errorf("%s: %v s, want %v", test.name, got, test.want)
		}
	}
	if got := (course{}).add(now, 7).lag(now, 5, nil); got != -1 {
		t.Errorf("one look gives a lag of %v s", got)
	}
	if c = c.add(at(11), 20); len(c) != 1 {
		t.Errorf("after a fall the course is %v", c)
	}
	const day = 24 * 3600
	for s := 20; s < 20+day; s += 5 {
		c = c.add(at(float64(s)), int64(1000+s))
	}
	for _, s := range []int{25, 20 + day/2, 20 + day - 600, 20 + day - 10} {
		want := float64(20 + day - s)
		if got := c.lag(at(20+day), int64(1000+s-1), nil); got < 0.94*want || got > want {
			t.Errorf("of %v s a lag of %v s is left", want, got)
		}
	}
	if len(c) > 500 {
		t.Errorf("%d stands are remembered of a day", len(c))
	}
}

// standby makes a streaming standby of a server, with the server's own programs, and gives its DSN.
func standby(t *testing.T, primary string, db *sql.DB) (dsn string) {
	t.Helper()
	var bin, data string
	if err := db.QueryRow(`SELECT setting, current_setting('data_directory') FROM pg_config WHERE name = 'BINDIR'`).Scan(&bin, &data); err != nil {
		t.Fatal(err)
	}
	basebackup := filepath.Join(bin, "pg_basebackup")
	if _, err := os.Stat(basebackup); err != nil {
		t.Skipf("a standby needs the program pg_basebackup of the server's version: %v", err)
	}
	dir, err := os.MkdirTemp("", "graphsnap-standby-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	owner, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		u := owner.Sys().(*syscall.Stat_t)
		as.Credential = &syscall.Credential{Uid: u.Uid, Gid: u.Gid}
		if err := os.Chown(dir, int(u.Uid), int(u.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "data")
	backup := process.Command(basebackup, "-d", primary, "-D", copied, "-R", "-X", "stream", "-c", "fast", "--no-sync")
	backup.SysProcAttr, backup.Dir = as, dir
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	server := process.Command(filepath.Join(bin, "postgres"), "-D", copied, "-p", fmt.Sprint(port), "-k", "", "-c", "listen_addresses=127.0.0.1",
		"-c", "fsync=off", "-c", "shared_preload_libraries=pg_stat_statements", "-c", "wal_receiver_status_interval=1")
	server.SysProcAttr, server.Dir = as, dir
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
	})
	return fmt.Sprintf("postgres://super@127.0.0.1:%d/postgres?sslmode=disable", port)
}

// TestReplicationLag pauses the replay of a real standby, and reads under the documented role how far it is behind, from
// both sides.
func TestReplicationLag(t *testing.T) {
	dsn := enginetest.Postgres(t)
	db := open(t, dsn, append(roleStatements(t), `CREATE TABLE written (at timestamptz DEFAULT clock_timestamp(), note text)`)...)
	copied := standby(t, dsn, db)
	replica := open(t, copied)
	until := func(what string, is func() bool) {
		t.Helper()
		for range 600 {
			if is() {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("not after 30 s: %s", what)
	}
	caughtUp := func() bool {
		var is bool
		_ = db.QueryRow(`SELECT count(*) = 1 AND bool_and(state = 'streaming' AND replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication`).Scan(&is)
		return is
	}
	until("the standby follows", caughtUp)
	w, x := &ticks{}, &ticks{}
	c := newCollector(t, strings.Replace(dsn, "super@", "graphsnap@", 1), w)
	d := newCollector(t, strings.Replace(copied, "super@", "graphsnap@", 1), x)
	both := func() (primary, copy engine.Properties) {
		t.Helper()
		primary, copy = node(t, w.round(t, c), "walreceiver 127.0.0.1:Replica"), node(t, x.round(t, d), "postgres:Database")
		if last := w.list[len(w.list)-1]; last.State.Status != "ok" {
			t.Errorf("the primary's state is %+v", last.State)
		}
		if last := x.list[len(x.list)-1]; last.State.Status != "ok" {
			t.Errorf("the standby's state is %+v", last.State)
		}
		return primary, copy
	}
	both()
	until("the standby follows again", caughtUp)
	time.Sleep(1500 * time.Millisecond) // the age of the last transaction is no lag
	until("the standby follows still", caughtUp)
	primary, copy := both()
	if primary["lag_bytes"] != 0.0 || primary["lag_s"] != 0.0 || primary["state"] != "streaming" {
		t.Errorf("caught up, the primary says %v", primary)
	}
	if copy["standby"] != true || copy["replay_paused"] != false || copy["replay_lag_s"] != 0.0 {
		t.Errorf("caught up, the standby says %v", copy)
	}

	exec(t, replica, `SELECT pg_wal_replay_pause()`)
	until("replay is paused", func() (is bool) {
		_ = replica.QueryRow(`SELECT pg_get_wal_replay_pause_state() = 'paused'`).Scan(&is)
		return is
	})
	begun := time.Now()
	exec(t, db, `INSERT INTO written (note) SELECT repeat('x', 1000) FROM generate_series(1, 1000)`)
	for range 10 { // a tick each 0.5 s, as the loop would make them
		both()
		time.Sleep(400 * time.Millisecond)
	}
	var outstanding float64
	if err := db.QueryRow(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 FROM pg_stat_replication`).Scan(&outstanding); err != nil {
		t.Fatal(err)
	}
	both()
	behind := time.Since(begun).Seconds()
	bytes, lag, here := *c.known.replicas[0].lagBytes, c.known.replicas[0].lagS, d.known.gauges.replayLagS
	if outstanding < 1e6 || bytes < outstanding || bytes > outstanding+1e6 {
		t.Errorf("%.0f bytes behind, the server says %.0f", bytes, outstanding)
	}
	if lag < behind-1.5 || lag > behind+1 {
		t.Errorf("after %.1f s without replay the primary says %.1f s", behind, lag)
	}
	if here < behind-1.5 || here > behind+1 {
		t.Errorf("after %.1f s without replay the standby says %.1f s", behind, here)
	}
	if primary, copy = both(); primary["lag_s"].(float64) < lag/2.1 || copy["replay_paused"] != true || copy["replay_lag_s"].(float64) < here/2.1 {
		t.Errorf("the tick shows %v and %v", primary, copy)
	}
	var reported sql.NullFloat64
	_ = db.QueryRow(`SELECT extract(epoch FROM replay_lag)::float8 FROM pg_stat_replication`).Scan(&reported)
	t.Logf("after %.1f s: primary %.2f s, %.0f bytes (replay_lag of the server: %v); standby %.2f s", behind, lag, bytes, reported, here)

	exec(t, replica, `SELECT pg_wal_replay_resume()`)
	until("the standby follows after all", caughtUp)
	if primary, copy = both(); primary["lag_bytes"].(float64) > 1e5 || primary["lag_s"].(float64) > 1 || copy["replay_paused"] != false || copy["replay_lag_s"].(float64) > 1 {
		t.Errorf("after the pause the tick shows %v and %v", primary, copy)
	}
}
