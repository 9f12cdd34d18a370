package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
)

// Server is a Neo4j server for tests.
type Server struct {
	URI, User, Password string
	container           testcontainers.Container
}

const (
	officialImage = "neo4j:5.26-community"
	localImage    = "graphsnap/neo4j-local:5.26.28"
	testPassword  = "test-password"
	boltPort      = "7687/tcp"
	httpPort      = "7474/tcp"
	pullTimeout   = 2 * time.Minute
	startTimeout  = 3 * time.Minute
)

// shared is one server a role and test process.
type shared struct {
	variable string // names a server to take instead, bolt://USER:PASSWORD@HOST:PORT, to save the start while working
	once     sync.Once
	server   *Server
	err      error
}

var (
	live      = shared{variable: "GRAPHSNAP_TEST_LIVE"}
	snapshots = shared{variable: "GRAPHSNAP_TEST_SNAPSHOTS"}
)

func givenServer(address string) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	password, _ := u.User.Password()
	return &Server{URI: "bolt://" + u.Host, User: u.User.Username(), Password: password}, nil
}

// LiveNeo4j gives the server for live graphs of this test process. Tests share it and keep apart by their sources.
func LiveNeo4j(t testing.TB) *Server { return live.get(t) }

// SnapshotNeo4j gives the server for snapshots of this test process.
func SnapshotNeo4j(t testing.TB) *Server { return snapshots.get(t) }

func (s *shared) get(t testing.TB) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a container")
	}
	s.once.Do(func() {
		if given := os.Getenv(s.variable); given != "" {
			s.server, s.err = givenServer(given)
			return
		}
		s.server, s.err = StartNeo4j(context.Background())
	})
	if s.err != nil {
		// A missing server must not pass for a green test where it counts.
		if os.Getenv("CI") != "" {
			t.Fatalf("no Neo4j container: %v", s.err)
		}
		t.Skipf("no Neo4j container: %v", s.err)
	}
	return s.server
}

// Stop ends the shared servers; TestMain calls it after the tests. Nothing else would, because the reaper of
// testcontainers needs an image of its own.
func Stop() {
	for _, s := range []*shared{&live, &snapshots} {
		if s.server != nil && s.server.container != nil {
			_ = s.server.container.Terminate(context.Background())
		}
	}
}

// Setup says how a server differs from the usual one.
type Setup struct {
	KeepAddress bool              // it has the same address again after Kill or Stop and Restart
	Settings    map[string]string // of neo4j.conf
	DataSize    string            // its data lies on a file system in memory of this size, such as "100m"
}

// StartNeo4j starts a fresh server that the caller terminates.
func StartNeo4j(ctx context.Context) (*Server, error) { return StartNeo4jAs(ctx, Setup{}) }

// StartNeo4jAs starts a fresh server with a setup of its own.
func StartNeo4jAs(ctx context.Context, setup Setup) (*Server, error) {
	// The reaper's image cannot be pulled everywhere; Stop does its work.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, err
	}
	image, err := chooseImage(ctx)
	if err != nil {
		return nil, err
	}
	request, err := setup.request(image)
	if err != nil {
		return nil, err
	}
	made, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{Started: true, ContainerRequest: request})
	if err != nil {
		return nil, err
	}
	server := &Server{User: "neo4j", Password: testPassword, container: made}
	if err := server.wait(ctx); err != nil {
		logs := ""
		if r, logErr := made.Logs(ctx); logErr == nil {
			raw, _ := io.ReadAll(r)
			logs = string(raw)
		}
		_ = made.Terminate(ctx)
		return nil, fmt.Errorf("image %s: %w; its log:\n%s", image, err, logs)
	}
	fmt.Printf("Neo4j image %s at %s\n", image, server.URI)
	return server, nil
}

func (s Setup) request(image string) (testcontainers.ContainerRequest, error) {
	request := testcontainers.ContainerRequest{
		Image:        image,
		ExposedPorts: []string{boltPort, httpPort},
		Env:          map[string]string{"NEO4J_AUTH": "neo4j/" + testPassword, "NEO4J_server_memory_heap_max__size": "512m"},
	}
	bindings := network.PortMap{}
	for _, port := range request.ExposedPorts {
		host := "0"
		if s.KeepAddress {
			free, err := unusedPort()
			if err != nil {
				return request, err
			}
			host = strconv.Itoa(free)
		}
		bindings[network.MustParsePort(port)] = []network.PortBinding{{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: host}}
	}
	request.HostConfigModifier = func(host *container.HostConfig) {
		host.PortBindings = bindings
		if s.DataSize != "" {
			host.Tmpfs = map[string]string{"/data": "size=" + s.DataSize}
		}
	}
	var lines strings.Builder
	for name, value := range s.Settings {
		// The official image takes settings from its environment, the local one from its file.
		request.Env["NEO4J_"+strings.NewReplacer("_", "__", ".", "_").Replace(name)] = value
		fmt.Fprintf(&lines, "%s=%s\n", name, value)
	}
	if image == localImage && len(s.Settings) > 0 {
		request.Env["SETTINGS"] = lines.String()
		request.Entrypoint = []string{"/bin/sh", "-c", `[ -e /tmp/set ] || { echo "$SETTINGS" >> /neo4j/conf/neo4j.conf; echo > /tmp/set; }; exec /start`}
	}
	return request, nil
}

// wait asks the server's HTTP port until it answers, and learns the address of its bolt port. The container's own wait
// strategies go by the name localhost, which may mean an IPv6 address that is not mapped.
func (s *Server) wait(ctx context.Context) error {
	bolt, err := s.container.MappedPort(ctx, boltPort)
	if err != nil {
		return err
	}
	web, err := s.container.MappedPort(ctx, httpPort)
	if err != nil {
		return err
	}
	s.URI = "bolt://127.0.0.1:" + bolt.Port()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+web.Port()+"/", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready after %s: %w", startTimeout, errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}

// Terminate ends a server that StartNeo4j started.
func (s *Server) Terminate(ctx context.Context) error { return s.container.Terminate(ctx) }

// Stop ends the server's process and keeps the container, as a crash of the database would.
func (s *Server) Stop(ctx context.Context) error {
	now := time.Duration(0)
	return s.container.Stop(ctx, &now)
}

// Killable tells whether the server was started here; one that was given by its address is not ours to kill.
func (s *Server) Killable() bool { return s.container != nil }

// Kill ends the server's process by SIGKILL and keeps the container.
func (s *Server) Kill(ctx context.Context) error { return s.docker(ctx, "kill") }

// Restart starts a stopped or killed server and waits until it has recovered.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.docker(ctx, "start"); err != nil {
		return err
	}
	return s.wait(ctx)
}

func (s *Server) docker(ctx context.Context, verb string) error {
	if out, err := exec.CommandContext(ctx, "docker", verb, s.container.GetContainerID()).CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w: %.200s", verb, err, out)
	}
	return nil
}

// chooseImage takes the official image where it is or can be had, else builds one from Maven artifacts, once a machine.
func chooseImage(ctx context.Context) (string, error) {
	has := func(image string) bool {
		return exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() == nil
	}
	if out, err := exec.CommandContext(ctx, "docker", "info").CombinedOutput(); err != nil {
		return "", fmt.Errorf("no Docker engine answers; `make test` starts one: %w: %.200s", err, out)
	}
	// Several test processes start at once; one of them builds.
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "graphsnap-neo4j-image.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	for _, image := range []string{officialImage, localImage} {
		if has(image) {
			return image, nil
		}
	}
	pulling, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	if exec.CommandContext(pulling, "docker", "pull", "-q", officialImage).Run() == nil {
		return officialImage, nil
	}
	_, self, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(self), "..", "..", "configs", "containers", "neo4j-image")
	if out, err := exec.CommandContext(ctx, script, localImage).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", script, err, out)
	}
	return localImage, nil
}
