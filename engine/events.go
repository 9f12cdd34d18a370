package engine

import "sync"

// Event is something that happened; exactly one field is set.
type Event struct {
	Tick     *TickWritten
	Progress *CaptureProgress
	Failed   *CaptureFailed
	Created  *Snapshot
	Deleting *DeleteProgress
	Deleted  *SnapshotDeleted
	Pinned   *SnapshotPinned
	Retained *RetentionRun
	Fired    *Firing // how it ended: State is done or failed
	Case     *CaseChanged
}

// TickWritten says that a collection round stands in the live graph, or that it failed: see State.Status.
type TickWritten struct{ State LiveState }

// CaptureProgress says how far a capture is. Total is 0 where it is unknown.
type CaptureProgress struct {
	CaptureID, Source, Stage string
	Done, Total              int
}

// DeleteProgress says how far a deletion is, in elements.
type DeleteProgress struct {
	ID, Source, Stage string
	Done, Total       int
}

// The changes of a case.
const (
	CaseChangeOpened  = "opened"
	CaseChangeUpdated = "updated" // severity, rules or snapshots
	CaseChangeEnded   = "ended"
)

// CaseChanged says what became of a case. Case is without Points.
type CaseChanged struct {
	Change string
	Case   Case
}

// CaptureFailed says why a capture failed.
type CaptureFailed struct {
	CaptureID, Source string
	Err               error
}

// SnapshotDeleted names a deleted snapshot.
type SnapshotDeleted struct{ ID, Source string }

// SnapshotPinned says that a snapshot was pinned, or unpinned where Pin is nil.
type SnapshotPinned struct {
	ID, Source string
	Pin        *Pin
}

// Events hands every event to every subscriber, in order. Subscribers must return quickly: they queue, they do not
// work. The zero value is ready.
type Events struct {
	mu   sync.Mutex
	next int
	subs map[int]func(Event)
}

// Subscribe calls f for each later event until the returned function is called.
func (e *Events) Subscribe(f func(Event)) (unsubscribe func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.subs == nil {
		e.subs = map[int]func(Event){}
	}
	id := e.next
	e.next++
	e.subs[id] = f
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.subs, id)
	}
}

// Publish hands an event to all subscribers. The lock is held meanwhile, which keeps the order for all of them.
func (e *Events) Publish(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id := range e.next {
		if f, ok := e.subs[id]; ok {
			f(ev)
		}
	}
}
