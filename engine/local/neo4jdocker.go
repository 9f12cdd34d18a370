package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// neo4jImage is the official image, used where there is no Java but a Docker engine.
const neo4jImage = "neo4j:5.26-community"

// dockerLauncher runs Neo4j in containers that end with their `docker run`.
type dockerLauncher struct{}

func dockerAnswers(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "info", "--format", "{{.ServerVersion}}").Run() == nil
}

func (l *dockerLauncher) name() string { return "image " + neo4jImage }

func (l *dockerLauncher) prepare(n *neo4jServer) error {
	// A container that a killed parent left would hold name and ports; there being none is no failure.
	_ = exec.Command("docker", "rm", "-f", l.container(n)).Run()
	return os.MkdirAll(filepath.Join(n.home, "data"), 0o777)
}

// container names a server by its role and data folder, so that two data folders do not meet.
func (l *dockerLauncher) container(n *neo4jServer) string {
	sum := sha256.Sum256([]byte(n.home))
	return "graphsnap-" + n.role + "-" + hex.EncodeToString(sum[:4])
}

func (l *dockerLauncher) command(n *neo4jServer) *exec.Cmd {
	cmd := exec.Command("docker", "run", "--rm", "--name", l.container(n),
		"-p", fmt.Sprintf("127.0.0.1:%d:7687", n.bolt), "-p", fmt.Sprintf("127.0.0.1:%d:7474", n.http),
		"-v", filepath.Join(n.home, "data")+":/data", "-e", "NEO4J_AUTH",
		"-e", fmt.Sprintf("NEO4J_server_bolt_advertised__address=127.0.0.1:%d", n.bolt),
		"-e", fmt.Sprintf("NEO4J_server_memory_heap_max__size=%dm", n.heapMB),
		"-e", "NEO4J_server_memory_pagecache_size=128m", "-e", "NEO4J_dbms_usage__report_enabled=false", neo4jImage)
	// The password goes through the environment, never over the command line that others can read.
	cmd.Env = append(os.Environ(), "NEO4J_AUTH="+neo4jUser+"/"+n.password)
	if log, err := os.Create(filepath.Join(n.home, "docker.log")); err == nil {
		cmd.Stdout, cmd.Stderr = log, log
	}
	return cmd
}

func (l *dockerLauncher) ask(n *neo4jServer) func(*exec.Cmd) {
	return func(*exec.Cmd) { _ = exec.Command("docker", "stop", "-t", "20", l.container(n)).Run() }
}

func (l *dockerLauncher) reason(n *neo4jServer) string {
	return tail(filepath.Join(n.home, "docker.log"))
}
