package local

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"graphsnap/engine"
)

//go:embed pom.xml
var pom []byte

// neo4jVersion names the cache folder; it stands in pom.xml too, and a test compares the two.
const neo4jVersion = "5.26.28"

// javaLauncher runs Neo4j from Maven artifacts on the installed Java.
type javaLauncher struct {
	java string
	jars string // folder
}

func (l *javaLauncher) name() string { return "Community " + neo4jVersion + " on the installed Java" }

// fetchJars gives the folder of Neo4j's jars, fetching them with Maven once. The folder gets its name only when it is
// complete, so that an interrupted download is begun again.
func fetchJars(ctx context.Context, o Options) (string, error) {
	final := filepath.Join(o.CacheDir, "neo4j-"+neo4jVersion)
	if entries, err := os.ReadDir(final); err == nil && len(entries) > 100 {
		return final, nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", errors.New("Neo4j is not in the cache yet and Maven (mvn) is not installed")
	}
	o.Progress("neo4j", "fetching Neo4j "+neo4jVersion+" with Maven, once (about 130 MB)")
	if err := os.MkdirAll(o.CacheDir, 0o755); err != nil {
		return "", engine.Errorf(engine.KindDenied, "up", "the cache folder %s cannot be made", o.CacheDir).WithCause(err).WithHint("set GRAPHSNAP_CACHE_DIR")
	}
	work, err := os.MkdirTemp(o.CacheDir, "neo4j-fetch-")
	if err != nil {
		return "", engine.Errorf(engine.KindDenied, "up", "the cache folder %s cannot be written", o.CacheDir).WithCause(err).WithHint("set GRAPHSNAP_CACHE_DIR")
	}
	defer func() { _ = os.RemoveAll(work) }()
	file, lib := filepath.Join(work, "pom.xml"), filepath.Join(work, "lib")
	if err := os.WriteFile(file, pom, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-ntp", "-f", file, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	cmd.SysProcAttr = childAttributes(nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		text := strings.TrimSpace(string(out))
		if len(text) > outputOnError {
			text = text[:outputOnError]
		}
		return "", fmt.Errorf("Maven could not fetch Neo4j: %w: %s", err, text)
	}
	if err := os.Chmod(lib, 0o755); err != nil {
		return "", err
	}
	_ = os.RemoveAll(final)
	return final, os.Rename(lib, final)
}

func (l *javaLauncher) prepare(n *neo4jServer) error {
	for _, dir := range []string{"conf", "plugins", "logs"} {
		if err := os.MkdirAll(filepath.Join(n.home, dir), 0o700); err != nil {
			return engine.Errorf(engine.KindDenied, "up", "folder %s cannot be made", n.home).WithCause(err)
		}
	}
	settings := fmt.Sprintf(`# Written by graphsnap at each start.
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:%[1]d
server.bolt.advertised_address=127.0.0.1:%[1]d
server.http.listen_address=127.0.0.1:%[2]d
server.http.advertised_address=127.0.0.1:%[2]d
server.https.enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=128m
db.tx_log.rotation.retention_policy=100M size
`, n.bolt, n.http)
	if err := os.WriteFile(filepath.Join(n.home, "conf", "neo4j.conf"), []byte(settings), 0o600); err != nil {
		return engine.Errorf(engine.KindDenied, "up", "the settings of the %s Neo4j cannot be written", n.role).WithCause(err)
	}
	return nil
}

func (l *javaLauncher) command(n *neo4jServer) *exec.Cmd {
	args := []string{fmt.Sprintf("-Xms%dm", n.heapMB/2), fmt.Sprintf("-Xmx%dm", n.heapMB), "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"}
	for _, p := range []string{"java.nio", "java.io", "java.lang"} {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	args = append(args, "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
		"-cp", filepath.Join(l.jars, "*")+":"+filepath.Join(n.home, "plugins", "*"),
		"org.neo4j.server.CommunityEntryPoint", "--home-dir="+n.home, "--config-dir="+filepath.Join(n.home, "conf"))
	cmd := exec.Command(l.java, args...)
	cmd.Dir = n.home
	return cmd
}

func (l *javaLauncher) ask(*neo4jServer) func(*exec.Cmd) { return terminate }

func (l *javaLauncher) container(*neo4jServer) string { return "" }

// reason reads Neo4j's own log, because its console says nothing.
func (l *javaLauncher) reason(n *neo4jServer) string {
	var lines []string
	for line := range strings.SplitSeq(tail(filepath.Join(n.home, "logs", "neo4j.log")), "\n") {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "Caused by") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return "see " + filepath.Join(n.home, "logs")
	}
	return strings.Join(lines, "; ")
}
