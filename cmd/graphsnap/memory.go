package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"graphsnap/engine"
)

// memoryGoal is from where on the garbage collector works harder, bytes: what lives at 100,000 nodes and 500,000
// relationships is well below, but left alone the collector lets the heap grow to twice of that.
const memoryGoal = 400 << 20

// limitMemory sets the goal, unless GOMEMLIMIT says otherwise.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
}

// processMemory reads the resident memory of this process from Linux.
type processMemory struct{}

// residentMemory gives a way to watch memory, or nil where the system has none.
func residentMemory() engine.BenchMemory {
	if _, err := os.Stat("/proc/self/clear_refs"); err != nil {
		return nil
	}
	return processMemory{}
}

// Reset sets the high-water mark back to what is resident now.
func (processMemory) Reset() {
	debug.FreeOSMemory()
	// 5 is the kernel's word for it, see proc(5); where it is refused the mark only is too high.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// Peak gives the high-water mark, bytes.
func (processMemory) Peak() int64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}
