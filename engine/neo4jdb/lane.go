package neo4jdb

import "sync"

// lane runs work on several goroutines until one fails.
type lane struct {
	work  chan func() error
	done  sync.WaitGroup
	fail  chan struct{} // closed by the first failure
	once  sync.Once
	cause error // why it failed; read after fail was closed or done.Wait
	ended sync.Once
}

func newLane(n int) *lane {
	l := &lane{work: make(chan func() error), fail: make(chan struct{})}
	for range n {
		l.done.Go(func() {
			for work := range l.work {
				if err := work(); err != nil {
					l.once.Do(func() { l.cause = err; close(l.fail) })
				}
			}
		})
	}
	return l
}

// send hands over work as soon as a goroutine is free.
func (l *lane) send(work func() error) error {
	select {
	case <-l.fail:
		return l.cause
	default:
	}
	select {
	case l.work <- work:
		return nil
	case <-l.fail:
		return l.cause
	}
}

// end waits until all work is done. Nothing may be sent afterwards but to a lane that failed.
func (l *lane) end() error {
	l.ended.Do(func() { close(l.work) })
	l.done.Wait()
	return l.cause
}
