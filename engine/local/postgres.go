package local

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"graphsnap/engine"
)

const (
	demoUser     = "shop"
	demoDatabase = "shop"
)

// serviceUsers are the users that PostgreSQL may run as where graphsnap itself runs as root, which PostgreSQL refuses.
var serviceUsers = []string{"postgres", "nobody"}

// postgres is the running demo database.
type postgres struct {
	dsn   string // without a password: it names the file that holds it
	child *child
}

// childConfig goes to the child over its standard input, because it holds the password.
type childConfig struct {
	Port                           int
	User, Password, Database       string
	Cache, Binaries, Runtime, Data string
	Log                            string
	Repository                     string
}

// startPostgres runs this same binary as a child, as another user where we are root, which then runs PostgreSQL. The
// child ends PostgreSQL when its standard input closes, so that nothing is left even if this process is killed.
func startPostgres(ctx context.Context, o Options, s *Servers) (*postgres, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, engine.Errorf(engine.KindInternal, "up", "cannot find this program's own file").WithCause(err)
	}
	password, _, err := secret(filepath.Join(o.DataDir, "postgres-password"))
	if err != nil {
		return nil, err
	}
	passFile := filepath.Join(o.DataDir, "pgpass")
	line := fmt.Sprintf("127.0.0.1:%d:*:%s:%s\n", o.Ports.Postgres, demoUser, password)
	if err := os.WriteFile(passFile, []byte(line), 0o600); err != nil {
		return nil, engine.Errorf(engine.KindDenied, "up", "%s cannot be written", passFile).WithCause(err)
	}
	account, err := serviceAccount()
	if err != nil {
		return nil, err
	}
	home, cache := filepath.Join(o.DataDir, "postgres"), filepath.Join(o.CacheDir, "postgres")
	if account != nil && !traversable(o.DataDir) {
		home = fallbackPostgresDir(o.DataDir)
		o.Progress("postgresql", fmt.Sprintf("user %s cannot enter %s, so the demo database lives in %s", account.name, o.DataDir, home))
	}
	if account != nil && !traversable(o.CacheDir) {
		cache = filepath.Join(home, "cache")
	}
	for _, dir := range []string{home, cache} {
		if err := account.own(dir); err != nil {
			return nil, err
		}
	}
	config := childConfig{
		Port: o.Ports.Postgres, User: demoUser, Password: password, Database: demoDatabase,
		Cache: cache, Binaries: filepath.Join(cache, "binaries"), Runtime: filepath.Join(home, "runtime"), Data: filepath.Join(home, "data"),
		Log: filepath.Join(home, "log"), Repository: os.Getenv("GRAPHSNAP_POSTGRES_REPOSITORY"),
	}
	pg := &postgres{dsn: demoDSN(o.Ports.Postgres, passFile)}
	ready := make(chan string, 1+restarts)
	pg.child = &child{
		name:    "demo postgresql",
		command: func() *exec.Cmd { return postgresCommand(self, account, config, ready) },
		// Closing the pipe is what asks; SIGTERM does the same where the child hangs in a start.
		ask:     terminate,
		started: func(pid int) { s.record.put("postgres", pid, "") },
		onLost:  func(err error) { s.failed <- err },
	}
	if err := pg.child.launch(); err != nil {
		return nil, engine.Errorf(engine.KindUnavailable, "up", "the demo PostgreSQL cannot be started").WithCause(err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	var trouble error
	select {
	case answer := <-ready:
		if answer == "ready" {
			return pg, nil
		}
		trouble = fmt.Errorf("%s", answer)
	case err := <-pg.child.exited:
		trouble = err
		select {
		case answer := <-ready:
			trouble = fmt.Errorf("%s", answer)
		default:
		}
	case <-ctx.Done():
		trouble = ctx.Err()
	}
	stopping, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancelStop()
	_ = pg.child.stop(stopping)
	return nil, engine.Errorf(engine.KindUnavailable, "up", "the demo PostgreSQL does not start").WithCause(trouble).
		WithHint("see %s; without a demo: --no-demo --source name=postgres://...", config.Log)
}

// demoDSN names the password file instead of the password, so it may be shown to people. libpq and pgx read it.
func demoDSN(port int, passFile string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable&passfile=%s", demoUser, port, demoDatabase, url.QueryEscape(passFile))
}

func postgresCommand(self string, account *account, config childConfig, ready chan<- string) *exec.Cmd {
	cmd := exec.Command(self, ChildVerb)
	cmd.Dir = config.Cache
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + config.Cache, "LANG=C.UTF-8", "TMPDIR=" + os.TempDir()}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v := os.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	if account != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: account.uid, Gid: account.gid}}
	}
	// Errors of making pipes show up as a child that says nothing and ends.
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if inErr == nil && outErr == nil {
		go func() {
			_ = json.NewEncoder(stdin).Encode(config) // stdin stays open: its end is the sign to stop
			lines := bufio.NewReader(stdout)
			for {
				line, err := lines.ReadString('\n')
				if line != "" {
					select {
					case ready <- line[:len(line)-1]:
					default:
					}
				}
				if err != nil {
					_, _ = io.Copy(io.Discard, stdout)
					return
				}
			}
		}()
	}
	return cmd
}

// account is the user that PostgreSQL runs as; nil for the user of this process.
type account struct {
	name     string
	uid, gid uint32
}

func serviceAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range serviceUsers {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.ParseUint(u.Uid, 10, 32)
		gid, errG := strconv.ParseUint(u.Gid, 10, 32)
		if errU == nil && errG == nil && uid != 0 {
			return &account{name, uint32(uid), uint32(gid)}, nil
		}
	}
	return nil, engine.Errorf(engine.KindUnavailable, "up", "PostgreSQL does not run as root, and none of the users %s exists", strings.Join(serviceUsers, ", ")).
		WithHint("run graphsnap as another user, add one with `useradd --system postgres`, or leave the demo out with --no-demo")
}

// own makes a folder that belongs to the account.
func (a *account) own(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil && a != nil {
		if err = os.Chown(dir, int(a.uid), int(a.gid)); err == nil {
			err = os.Chmod(dir, 0o755)
		}
	}
	if err != nil {
		return engine.Errorf(engine.KindDenied, "up", "folder %s cannot be made", dir).WithCause(err)
	}
	return nil
}

// traversable says whether another user can reach a folder: every folder above and itself lets others pass. A folder
// that does not exist yet will be made so.
func traversable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// fallbackPostgresDir is where the demo database lives if its user cannot enter the data folder.
func fallbackPostgresDir(dataDir string) string {
	sum := sha256.Sum256([]byte(dataDir))
	return filepath.Join("/var/lib/graphsnap", "postgres-"+hex.EncodeToString(sum[:6]))
}

// stopWithin is how long PostgreSQL gets for a fast shutdown.
const stopWithin = 15 * time.Second
