package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"graphsnap/engine"
)

const (
	graceTime     = 25 * time.Second // for a child to end before it is killed
	restarts      = 3                // in a row, before a child is given up
	steadyAfter   = time.Minute      // a child that ran this long starts counting anew
	firstRestart  = time.Second      // doubled with each restart in a row
	outputOnError = 2000             // bytes of a log that an error shows
)

// child is one supervised process: started in a process group of its own, so that Ctrl-C reaches only graphsnap,
// restarted when it ends by itself, and ended with its parent.
type child struct {
	name     string
	command  func() *exec.Cmd
	ask      func(*exec.Cmd) // asks the process to end
	started  func(pid int)
	onLost   func(error)
	mu       sync.Mutex
	current  *exec.Cmd
	stopping chan struct{}
	done     chan struct{} // closed when the supervisor has ended
	exited   chan error    // the first exit, for whoever waits for readiness
}

// launch starts the process and its supervisor.
func (c *child) launch() error {
	c.stopping, c.done, c.exited = make(chan struct{}), make(chan struct{}), make(chan error, 1)
	first := make(chan error, 1)
	go c.supervise(first)
	return <-first
}

// supervise stays on one thread: the kernel signals the death of a child's parent when the thread that started it ends.
func (c *child) supervise(first chan<- error) {
	runtime.LockOSThread()
	defer close(c.done)
	for failures := 0; ; {
		cmd := c.command()
		cmd.SysProcAttr = childAttributes(cmd.SysProcAttr)
		err := cmd.Start()
		if first != nil {
			first <- err
			first = nil
			if err != nil {
				return
			}
		}
		begun := time.NewTimer(steadyAfter)
		if err == nil {
			c.mu.Lock()
			c.current = cmd
			c.mu.Unlock()
			c.started(cmd.Process.Pid)
			err = cmd.Wait()
		}
		select {
		case c.exited <- exitError(c.name, err):
		default:
		}
		select {
		case <-c.stopping:
			return
		case <-begun.C:
			failures = 0
		default:
		}
		failures++
		if failures > restarts {
			c.onLost(engine.Errorf(engine.KindUnavailable, "up", "%s ended %d times in a row", c.name, failures).WithCause(err))
			return
		}
		select {
		case <-c.stopping:
			return
		case <-time.After(firstRestart << (failures - 1)):
		}
	}
}

func exitError(name string, err error) error {
	if err == nil {
		return fmt.Errorf("%s ended by itself", name)
	}
	return fmt.Errorf("%s ended: %w", name, err)
}

// stop asks the process to end, waits, and kills it if it does not.
func (c *child) stop(ctx context.Context) error {
	select {
	case <-c.stopping:
	default:
		close(c.stopping)
	}
	c.mu.Lock()
	cmd := c.current
	c.mu.Unlock()
	if cmd != nil {
		c.ask(cmd)
	}
	grace := time.NewTimer(graceTime)
	defer grace.Stop()
	select {
	case <-c.done:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	if cmd != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(5 * time.Second):
		return errors.New("it did not even end when killed")
	}
}

func terminate(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) }

// tail gives the end of a log file for an error message.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > outputOnError {
		_, _ = f.Seek(-outputOnError, io.SeekEnd)
	}
	raw, _ := io.ReadAll(f)
	return string(raw)
}
