package neo4jdb

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"graphsnap/engine"
)

// Snapshots is the snapshot database in Neo4j: it implements engine.SnapshotStore.
type Snapshots struct {
	*server
	owner   string // names this process on what it stages
	lease   time.Duration
	removal int // nodes deleted in one transaction
	log     *slog.Logger

	// crash, set by tests only, hears of the places at which the death of this process must do no harm.
	crash func(place string)

	stop  context.CancelFunc
	swept sync.WaitGroup
}

var _ engine.SnapshotStore = (*Snapshots)(nil)

// OpenSnapshots makes the store. It connects at the first use, or by Ready; from Start on it sweeps what crashes left.
// Kinds: invalid.
func OpenSnapshots(c Config, log *slog.Logger) (*Snapshots, error) {
	s, err := open("snapshots", c)
	if err != nil {
		return nil, err
	}
	return &Snapshots{server: s, owner: uuid.NewString(), lease: leaseTime, removal: removeBatch, log: log}, nil
}

// Start sweeps now and again in the background until Close; half of the lease in between keeps leftovers short-lived.
func (s *Snapshots) Start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.swept.Go(func() {
		ticker := time.NewTicker(s.lease / 2)
		defer ticker.Stop()
		for {
			if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("sweep failed, it will be repeated", "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// Close stops sweeping and gives all connections back.
func (s *Snapshots) Close(ctx context.Context) error {
	if s.stop != nil {
		s.stop()
		s.swept.Wait()
	}
	return s.close(ctx)
}

// Ready connects, brings the schema up to date and gives the server's version. Kinds: unavailable, denied, conflict.
func (s *Snapshots) Ready(ctx context.Context) (version string, err error) { return s.version(ctx) }

// mayCrash names a place to the tests that kill the process there.
func (s *Snapshots) mayCrash(place string) {
	if s.crash != nil {
		s.crash(place)
	}
}

// leaseSeconds is the lease as the statements want it.
func (s *Snapshots) leaseSeconds() float64 { return s.lease.Seconds() }
