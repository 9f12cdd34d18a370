package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"graphsnap/engine"
)

const (
	neo4jUser = "neo4j"
	// firstPassword is the one that every fresh Neo4j has until it is changed.
	firstPassword = "neo4j"
	readyWithin   = 3 * time.Minute
	readyEvery    = 200 * time.Millisecond
)

// neo4jServer is one Neo4j server being started.
type neo4jServer struct {
	role       string // live or snapshots
	home       string
	bolt, http int
	heapMB     int
	password   string
	child      *child
}

// launcher is a way to run Neo4j: on the installed Java, or in a container.
type launcher interface {
	name() string
	// prepare makes the folders and settings of a server.
	prepare(n *neo4jServer) error
	// command gives the process to run, ask how to end it, and container its container's name, if any.
	command(n *neo4jServer) *exec.Cmd
	ask(n *neo4jServer) func(*exec.Cmd)
	container(n *neo4jServer) string
	// reason gives the server's own words on why it does not run.
	reason(n *neo4jServer) string
}

// chooseLauncher takes Java where it is usable, else Docker, else names both ways out.
func chooseLauncher(ctx context.Context, o Options) (launcher, error) {
	java, javaTrouble := findJava(ctx)
	if java != "" {
		jars, err := fetchJars(ctx, o)
		if err == nil {
			return &javaLauncher{java: java, jars: jars}, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		javaTrouble = err.Error()
	}
	if dockerAnswers(ctx) {
		return &dockerLauncher{}, nil
	}
	return nil, engine.Errorf(engine.KindUnavailable, "up", "Neo4j cannot be run here: %s; and no Docker engine answers", javaTrouble).
		WithHint("either install Java 17 or 21 and Maven (Debian, Ubuntu: apt-get install -y openjdk-17-jre-headless maven), or start Docker")
}

// findJava gives a Java 17 or 21, from JAVA_HOME or PATH, or says what is wrong.
func findJava(ctx context.Context) (path, trouble string) {
	path = "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path = filepath.Join(home, "bin", "java")
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return "", "Java is not installed"
	}
	if v := string(out); strings.Contains(v, `version "17`) || strings.Contains(v, `version "21`) {
		return path, ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return "", "Java 17 or 21 is needed, but this is " + first
}

// start runs the server and waits until it answers with the password.
func (n *neo4jServer) start(ctx context.Context, l launcher, s *Servers) error {
	if err := os.MkdirAll(n.home, 0o700); err != nil {
		return engine.Errorf(engine.KindDenied, "up", "folder %s cannot be made", n.home).WithCause(err)
	}
	if err := l.prepare(n); err != nil {
		return err
	}
	n.child = &child{
		name:    "neo4j " + n.role,
		command: func() *exec.Cmd { return l.command(n) },
		ask:     l.ask(n),
		started: func(pid int) { s.record.put("neo4j-"+n.role, pid, l.container(n)) },
		onLost:  func(err error) { s.failed <- err },
	}
	if err := n.child.launch(); err != nil {
		n.child = nil
		return engine.Errorf(engine.KindUnavailable, "up", "the %s Neo4j cannot be started", n.role).WithCause(err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ticker := time.NewTicker(readyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return engine.Errorf(engine.KindUnavailable, "up", "the %s Neo4j is not ready", n.role).WithCause(ctx.Err()).WithHint("%s", l.reason(n))
		case err := <-n.child.exited:
			return engine.Errorf(engine.KindUnavailable, "up", "the %s Neo4j does not stay up", n.role).WithCause(err).WithHint("its log says: %s", l.reason(n))
		case <-ticker.C:
			ready, err := n.ready(ctx)
			if ready || err != nil {
				return err
			}
		}
	}
}

// ready tries the password, and sets it where the server is fresh.
func (n *neo4jServer) ready(ctx context.Context) (bool, error) {
	status, _ := n.query(ctx, "neo4j", n.password, "RETURN 1", nil)
	switch status {
	case http.StatusOK:
		return true, nil
	case http.StatusUnauthorized, http.StatusForbidden:
	default:
		return false, nil
	}
	status, answer := n.query(ctx, "system", firstPassword, "ALTER CURRENT USER SET PASSWORD FROM $old TO $new", map[string]any{"old": firstPassword, "new": n.password})
	if status == http.StatusUnauthorized {
		return false, engine.Errorf(engine.KindDenied, "up", "the %s Neo4j in %s has another password than the one in the data folder", n.role, n.home).
			WithHint("put the right one into neo4j-password in the data folder, or move %s away to begin anew", n.home)
	}
	if status == http.StatusOK && strings.Contains(answer, `"errors":[{`) {
		return false, engine.Errorf(engine.KindInternal, "up", "the %s Neo4j refuses a new password: %s", n.role, answer)
	}
	return false, nil
}

// query runs one statement over HTTP and gives status and body; 0 where nobody answers yet.
func (n *neo4jServer) query(ctx context.Context, database, password, statement string, parameters map[string]any) (int, string) {
	body, err := json.Marshal(map[string]any{"statements": []any{map[string]any{"statement": statement, "parameters": parameters}}})
	if err != nil {
		return 0, ""
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/db/%s/tx/commit", n.http, database)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(neo4jUser, password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	// An expired first password is reported inside a body of status 200 or 403, by version.
	if strings.Contains(string(answer), "CredentialsExpired") || strings.Contains(string(answer), "Neo.ClientError.Security") {
		return http.StatusForbidden, string(answer)
	}
	return resp.StatusCode, string(answer)
}
