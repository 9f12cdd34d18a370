package enginetest

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"graphsnap/engine"
)

// CaseStore is the reference of engine.CaseStore, as simple as it can be.
type CaseStore struct {
	Snapshots engine.SnapshotStore    // tells which snapshots there are
	Held      func(engine.Lease) bool // whether a lease is held; all are where nil
	// Fail, where it is not nil, is asked before each write; what it gives is the answer, and nothing is written.
	Fail func(what string) error

	mu    sync.Mutex
	cases []*engine.Case
	trail []string // actions
}

var _ engine.CaseStore = (*CaseStore)(nil)

func (m *CaseStore) may(what string, l *engine.Lease) error {
	if m.Fail != nil {
		if err := m.Fail(what); err != nil {
			return err
		}
	}
	if l != nil && m.Held != nil && !m.Held(*l) {
		return engine.Errorf(engine.KindConflict, "lease", "the lease %q has passed to another", l.Name)
	}
	return nil
}

func (m *CaseStore) find(id string) *engine.Case {
	for _, c := range m.cases {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func noCase(id string) error {
	return engine.Errorf(engine.KindNotFound, "case", "there is no case %q", id)
}

func cloneCase(c *engine.Case) *engine.Case {
	out := *c
	out.Rules, out.Affected, out.Snapshots, out.Points = slices.Clone(c.Rules), slices.Clone(c.Affected), slices.Clone(c.Snapshots), slices.Clone(c.Points)
	return &out
}

// Actions gives what was written, in order.
func (m *CaseStore) Actions() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.trail)
}

// OpenCase keeps a new case.
func (m *CaseStore) OpenCase(_ context.Context, l engine.Lease, c *engine.Case) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("open", &l); err != nil {
		return err
	}
	for _, other := range m.cases {
		if other.ID == c.ID || (other.Source == c.Source && other.State == engine.CaseOpen) {
			return engine.Errorf(engine.KindConflict, "open case", "the case %s is open already", other.ID)
		}
	}
	m.cases = append(m.cases, cloneCase(c))
	m.trail = append(m.trail, engine.ActionCaseOpened)
	return nil
}

// UpdateCase keeps all but the snapshots.
func (m *CaseStore) UpdateCase(_ context.Context, l engine.Lease, c *engine.Case) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("update", &l); err != nil {
		return err
	}
	was := m.find(c.ID)
	switch {
	case was == nil:
		return noCase(c.ID)
	case was.State != engine.CaseOpen:
		return engine.Errorf(engine.KindConflict, "case", "the case %s has ended", c.ID)
	case c.State == engine.CaseEnded:
		m.trail = append(m.trail, engine.ActionCaseEnded)
	case was.Severity != c.Severity || !slices.Equal(was.Rules, c.Rules) || was.Note != c.Note:
		m.trail = append(m.trail, engine.ActionCaseUpdated)
	}
	now := cloneCase(c)
	now.Snapshots = was.Snapshots
	now.Points = engine.ThinPoints(now.Points, engine.MaxCasePoints)
	*was = *now
	return nil
}

// LinkCase keeps a snapshot of a case.
func (m *CaseStore) LinkCase(ctx context.Context, caseID, snapshotID, role string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("link", nil); err != nil {
		return err
	}
	c := m.find(caseID)
	if c == nil {
		return noCase(caseID)
	}
	s, err := m.Snapshots.Get(ctx, snapshotID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Snapshots, func(x engine.CaseSnapshot) bool { return x.ID == snapshotID }) {
		c.Snapshots = append(c.Snapshots, engine.CaseSnapshot{ID: snapshotID, Role: role, At: s.Timestamp})
		m.trail = append(m.trail, engine.ActionCaseUpdated)
	}
	return nil
}

// CloseCase ends an open case.
func (m *CaseStore) CloseCase(_ context.Context, id, _, reason string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("close", nil); err != nil {
		return err
	}
	c := m.find(id)
	switch {
	case c == nil:
		return noCase(id)
	case c.State != engine.CaseOpen:
		return engine.Errorf(engine.KindConflict, "case", "the case %s has ended", id)
	}
	c.State, c.EndReason, c.EndedAt = engine.CaseEnded, reason, at
	m.trail = append(m.trail, engine.ActionCaseEnded)
	return nil
}

// Cases gives one page; the cursor is the id of the last row.
func (m *CaseStore) Cases(ctx context.Context, f engine.CaseFilter) ([]engine.Case, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sorted := slices.Clone(m.cases)
	sort.Slice(sorted, func(i, j int) bool {
		if !sorted[i].OpenedAt.Equal(sorted[j].OpenedAt) {
			return sorted[i].OpenedAt.After(sorted[j].OpenedAt)
		}
		return strings.Compare(sorted[i].ID, sorted[j].ID) > 0
	})
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	var rows []engine.Case
	begun := f.Cursor == ""
	for _, c := range sorted {
		if !begun {
			begun = c.ID == f.Cursor
			continue
		}
		if (f.Source != "" && f.Source != c.Source) || (f.State != "" && f.State != c.State) || (f.Severity != "" && f.Severity != c.Severity) ||
			c.OpenedAt.Before(f.Since) || (!f.Until.IsZero() && !c.OpenedAt.Before(f.Until)) {
			continue
		}
		if len(rows) == limit {
			return rows, rows[limit-1].ID, nil
		}
		row := m.shown(ctx, c)
		row.Points = nil
		rows = append(rows, *row)
	}
	return rows, "", nil
}

// Case gives one in full.
func (m *CaseStore) Case(ctx context.Context, id string) (*engine.Case, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.find(id)
	if c == nil {
		return nil, noCase(id)
	}
	return m.shown(ctx, c), nil
}

func (m *CaseStore) shown(ctx context.Context, c *engine.Case) *engine.Case {
	out := cloneCase(c)
	for i := range out.Snapshots {
		_, err := m.Snapshots.Get(ctx, out.Snapshots[i].ID)
		out.Snapshots[i].Exists = err == nil
	}
	slices.SortStableFunc(out.Snapshots, func(a, b engine.CaseSnapshot) int { return a.At.Compare(b.At) })
	return out
}
