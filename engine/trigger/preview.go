package trigger

import "time"

// mostPreviewed bounds the slots that a preview looks at: a rule by the second may be outside its calendar for days.
const mostPreviewed = 1_000_000

// Describe writes a rule in one line, with its defaults. Kinds: invalid.
func (s Set) Describe(r Rule) (string, error) {
	c, err := s.compile(r)
	if err != nil {
		return "", err
	}
	return c.describe(), nil
}

// Runs gives the next runs of a scheduled rule after a moment: those within its calendar, before jitter. There are fewer than n
// where no more come, and none for other rules.
func (s Set) Runs(r Rule, after time.Time, n int) []time.Time {
	c, err := s.compile(r)
	if err != nil || c.Schedule == nil {
		return nil
	}
	var runs []time.Time
	for range mostPreviewed {
		if after = c.table.next(after); after.IsZero() || len(runs) == n {
			break
		}
		if c.within(after) {
			runs = append(runs, after.In(c.table.zone))
		}
	}
	return runs
}
