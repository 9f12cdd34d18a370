package configs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestComposeFile lets docker-compose itself read docker-compose.yml: complete with a password, refused without one, and
// with ports on loopback only.
func TestComposeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("needs docker-compose")
	}
	command, args := "docker-compose", []string{}
	if exec.Command("docker", "compose", "version").Run() == nil {
		command, args = "docker", []string{"compose"}
	} else if _, err := exec.LookPath(command); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("docker-compose is not installed: apt-get install -y docker-compose")
		}
		t.Skip("docker-compose is not installed")
	}
	config := func(environ ...string) (string, error) {
		cmd := exec.Command(command, append(args, "--profile", "demo", "-f", "../docker-compose.yml", "config")...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environ...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := config("NEO4J_PASSWORD=long-enough")
	if err != nil || strings.Count(out, "neo4j:5.26-community") != 2 || strings.Count(out, "127.0.0.1") < 5 {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := config(); err == nil || !strings.Contains(out, "NEO4J_PASSWORD") {
		t.Errorf("without a password: %v\n%s", err, out)
	}
}
