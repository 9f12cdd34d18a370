package enginetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"graphsnap/engine"
)

// RuleStore is an engine.RuleStore in memory, as strict as the real one: leases are fenced, firings are unique. Clock is required.
type RuleStore struct {
	Clock engine.Clock

	mu           sync.Mutex
	leases       map[string]engine.Lease
	tokens       map[string]int64
	memories     map[[2]string]engine.RuleMemory
	firings      []engine.Firing
	suppressions []engine.Suppression
	down         bool
}

var _ engine.RuleStore = (*RuleStore)(nil)

// SetDown makes all methods fail as if the database did not answer.
func (s *RuleStore) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Suppressed gives all suppressions so far.
func (s *RuleStore) Suppressed() []engine.Suppression {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.suppressions)
}

// begin locks the store. The caller unlocks.
func (s *RuleStore) begin(ctx context.Context) error {
	s.mu.Lock()
	if s.leases == nil {
		s.leases, s.tokens, s.memories = map[string]engine.Lease{}, map[string]int64{}, map[[2]string]engine.RuleMemory{}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.down {
		return engine.Errorf(engine.KindUnavailable, "rulestore", "the database does not answer")
	}
	return nil
}

// fence refuses what somebody writes who does not hold the lease any more.
func (s *RuleStore) fence(l engine.Lease) error {
	if held := s.leases[l.Name]; held.Token != l.Token || held.Holder != l.Holder {
		return engine.Errorf(engine.KindConflict, "rulestore", "the lease %s has passed from %s to %s", l.Name, l.Holder, held.Holder)
	}
	return nil
}

// beginFenced begins what only the holder of a lease may do; the lock is held in any case.
func (s *RuleStore) beginFenced(ctx context.Context, l engine.Lease) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.fence(l)
}

// AcquireLease takes a free lease or renews one's own.
func (s *RuleStore) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (engine.Lease, bool, error) {
	err := s.begin(ctx)
	defer s.mu.Unlock()
	if err != nil {
		return engine.Lease{}, false, err
	}
	now := s.Clock.Now()
	l, taken := s.leases[name]
	if taken && l.Holder != holder && now.Before(l.Until) {
		return l, false, nil
	}
	if !taken || l.Holder != holder {
		s.tokens[name]++
	}
	l = engine.Lease{Name: name, Holder: holder, Token: s.tokens[name], Until: now.Add(ttl)}
	s.leases[name] = l
	return l, true, nil
}

// ReleaseLease gives a lease back early.
func (s *RuleStore) ReleaseLease(ctx context.Context, l engine.Lease) error {
	err := s.beginFenced(ctx, l)
	defer s.mu.Unlock()
	if err == nil {
		delete(s.leases, l.Name)
	}
	return err
}

// Memories gives what all rules remember.
func (s *RuleStore) Memories(ctx context.Context) ([]engine.RuleMemory, error) {
	err := s.begin(ctx)
	defer s.mu.Unlock()
	var out []engine.RuleMemory
	for _, m := range s.memories {
		m.Data = slices.Clone(m.Data)
		out = append(out, m)
	}
	return out, err
}

func (s *RuleStore) remember(list []engine.RuleMemory) error {
	for _, m := range list {
		if len(m.Data) > 64<<10 {
			return engine.Errorf(engine.KindInvalid, "rulestore", "the memory of %s is %d bytes long", m.Rule, len(m.Data))
		}
	}
	for _, m := range list {
		m.Data = slices.Clone(m.Data)
		s.memories[[2]string{m.Rule, m.Source}] = m
	}
	return nil
}

// Remember writes what rules must not forget.
func (s *RuleStore) Remember(ctx context.Context, l engine.Lease, list []engine.RuleMemory) error {
	err := s.beginFenced(ctx, l)
	defer s.mu.Unlock()
	if err == nil {
		err = s.remember(list)
	}
	return err
}

// Fire writes down a pending firing and the memory of its rule.
func (s *RuleStore) Fire(ctx context.Context, l engine.Lease, f engine.Firing, m engine.RuleMemory) error {
	err := s.beginFenced(ctx, l)
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	for _, other := range s.firings {
		if other.ID == f.ID {
			return engine.Errorf(engine.KindConflict, "rulestore", "the firing %s is there already", f.ID)
		}
	}
	if err := s.remember([]engine.RuleMemory{m}); err != nil {
		return err
	}
	f.State = engine.FiringPending
	f.Tags, f.Affected = slices.Clone(f.Tags), slices.Clone(f.Affected)
	s.firings = append(s.firings, f)
	return nil
}

// FinishFiring sets State, SnapshotID and Failure.
func (s *RuleStore) FinishFiring(ctx context.Context, l engine.Lease, f engine.Firing) error {
	err := s.beginFenced(ctx, l)
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	for i := range s.firings {
		if s.firings[i].ID == f.ID {
			s.firings[i].State, s.firings[i].SnapshotID, s.firings[i].Failure = f.State, f.SnapshotID, f.Failure
			return nil
		}
	}
	return engine.Errorf(engine.KindNotFound, "rulestore", "there is no firing %s", f.ID)
}

// Suppress writes down that rules were met and did not fire.
func (s *RuleStore) Suppress(ctx context.Context, l engine.Lease, list []engine.Suppression) error {
	err := s.beginFenced(ctx, l)
	defer s.mu.Unlock()
	if err == nil {
		s.suppressions = append(s.suppressions, list...)
	}
	return err
}

// Firings gives the firings of a source, newest first; 0 means no limit.
func (s *RuleStore) Firings(ctx context.Context, source string, pending bool, limit int) ([]engine.Firing, error) {
	err := s.begin(ctx)
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var out []engine.Firing
	for _, f := range slices.Backward(s.firings) {
		if (source == "" || f.Source == source) && (!pending || f.State == engine.FiringPending) && (limit == 0 || len(out) < limit) {
			out = append(out, f)
		}
	}
	return out, nil
}
