package local

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// record remembers the children in DataDir/run.json, so that the next start can end what a killed parent left. A pid
// alone could be another process by then, so the start time of the process stands with it.
type record struct {
	path string
	mu   sync.Mutex
	Runs map[string]run `json:"children"`
}

type run struct {
	PID       int    `json:"pid"`
	Started   string `json:"started"`             // field 22 of /proc/PID/stat
	Container string `json:"container,omitempty"` // name of a Docker container, where there is one
}

func openRecord(dataDir string) *record {
	r := &record{path: filepath.Join(dataDir, "run.json"), Runs: map[string]run{}}
	if raw, err := os.ReadFile(r.path); err == nil {
		_ = json.Unmarshal(raw, r) // a half-written file means that there is nothing to learn from it
	}
	return r
}

func (r *record) put(name string, pid int, container string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Runs[name] = run{PID: pid, Started: startTime(pid), Container: container}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		temp := r.path + ".new"
		if os.WriteFile(temp, raw, 0o600) == nil {
			_ = os.Rename(temp, r.path)
		}
	}
}

func (r *record) remove() { _ = os.Remove(r.path) }

// endLeftovers ends the recorded processes that are still the same ones, and a postmaster of this data folder. It
// returns how many there were.
func (r *record) endLeftovers(dataDir string) int {
	ended := 0
	for _, left := range r.Runs {
		if left.Container != "" {
			if exec.Command("docker", "rm", "-f", left.Container).Run() == nil {
				ended++
			}
		}
		if left.PID > 0 && left.Started != "" && startTime(left.PID) == left.Started {
			endProcess(left.PID, left.Started, syscall.SIGTERM)
			ended++
		}
	}
	r.Runs = map[string]run{}
	for _, dir := range []string{filepath.Join(dataDir, "postgres"), fallbackPostgresDir(dataDir)} {
		if pid, data := postmaster(filepath.Join(dir, "data")); pid > 0 {
			// SIGINT is PostgreSQL's fast shutdown: it rolls back and ends without waiting for clients.
			endProcess(pid, startTime(pid), syscall.SIGINT)
			_ = os.Remove(filepath.Join(data, "postmaster.pid"))
			ended++
		}
	}
	return ended
}

// postmaster gives the pid of the postmaster that runs on a data folder, by the lock file and the process's command
// line, or 0.
func postmaster(data string) (int, string) {
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0, data
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0, data
	}
	command, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || !strings.Contains(string(command), data) {
		return 0, data
	}
	return pid, data
}

// endProcess asks a process to end and kills it after ten seconds.
func endProcess(pid int, started string, ask syscall.Signal) {
	_ = syscall.Kill(pid, ask)
	for range 100 {
		if startTime(pid) != started {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// startTime identifies a process beyond its pid: field 22 of /proc/PID/stat, clock ticks since boot. It is "" for a
// process that has ended, also where its parent has not collected it yet.
func startTime(pid int) string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name in field 2 may hold spaces and brackets, so fields count from behind its last bracket.
	i := strings.LastIndexByte(string(raw), ')')
	fields := strings.Fields(string(raw[i+1:]))
	if i < 0 || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}
