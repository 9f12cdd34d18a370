package collect

import (
	"time"
)

// quality says how far a value can be trusted.
type quality string

const (
	exact      quality = "exact"
	lowerBound quality = "lower_bound" // a reset was seen: at least this much happened
)

func worst(a, b quality) quality {
	if a == lowerBound || b == lowerBound {
		return lowerBound
	}
	return exact
}

// statementID identifies a row of pg_stat_statements within one database.
type statementID struct {
	user  uint32
	query int64
}

// counters are the monotone counters of one statement.
type counters struct {
	calls, rows int64
	execMS      float64
}

// tableCounters are the monotone counters of one table.
type tableCounters struct {
	seqScan, seqRows, idxScan, idxRows, hit, read int64
}

// databaseCounters are the monotone counters of the whole database.
type databaseCounters struct {
	commits, rollbacks, deadlocks int64
}

// reading is what one collection round saw.
type reading struct {
	at         time.Time // by the database's clock, read with the counters
	epoch      time.Time // start of the server; counters may begin anew with it
	forgotten  int64     // statements that pg_stat_statements evicted so far
	reset      time.Time // when pg_stat_statements was reset as a whole
	statements map[statementID]counters
	tables     map[string]tableCounters
	database   databaseCounters
}

// delta is what happened between two readings.
type delta struct {
	seconds    float64
	statements map[statementID]statementDelta
	tables     map[string]tableCounters
	database   databaseCounters
	quality    quality // of the database's counters
}

type statementDelta struct {
	counters
	quality quality
}

// difference gives what happened from a to b. Each row decides for itself whether its counters began anew, because none
// of the server's marks of a reset covers all cases: a counter that fell was reset, and what it shows now is a lower
// bound. A row that was absent before counts from 0: exactly, unless rows were evicted or all were reset meanwhile.
func difference(a, b *reading) *delta {
	d := &delta{
		seconds:    b.at.Sub(a.at).Seconds(),
		statements: make(map[statementID]statementDelta, len(b.statements)),
		tables:     make(map[string]tableCounters, len(b.tables)),
		quality:    exact,
	}
	disturbed := !a.epoch.Equal(b.epoch) || a.forgotten != b.forgotten || !a.reset.Equal(b.reset)
	for id, now := range b.statements {
		before, known := a.statements[id]
		s := statementDelta{counters: now, quality: exact}
		switch {
		case !known:
			if disturbed {
				s.quality = lowerBound
			}
		case now.calls < before.calls || now.rows < before.rows || now.execMS < before.execMS:
			s.quality = lowerBound
		default:
			s.counters = counters{now.calls - before.calls, now.rows - before.rows, now.execMS - before.execMS}
			if !a.epoch.Equal(b.epoch) {
				s.quality = lowerBound // after a crash the counters may have passed their old values
			}
		}
		if s.calls > 0 {
			d.statements[id] = s
		}
	}
	for key, now := range b.tables {
		before, known := a.tables[key]
		if known && now.atLeast(before) {
			now = now.minus(before)
		}
		d.tables[key] = now
	}
	d.database = b.database
	if b.database.commits >= a.database.commits && b.database.rollbacks >= a.database.rollbacks && b.database.deadlocks >= a.database.deadlocks {
		d.database = databaseCounters{b.database.commits - a.database.commits, b.database.rollbacks - a.database.rollbacks, b.database.deadlocks - a.database.deadlocks}
	} else {
		d.quality = lowerBound
	}
	return d
}

func (t tableCounters) atLeast(o tableCounters) bool {
	return t.seqScan >= o.seqScan && t.seqRows >= o.seqRows && t.idxScan >= o.idxScan && t.idxRows >= o.idxRows && t.hit >= o.hit && t.read >= o.read
}

func (t tableCounters) minus(o tableCounters) tableCounters {
	return tableCounters{t.seqScan - o.seqScan, t.seqRows - o.seqRows, t.idxScan - o.idxScan, t.idxRows - o.idxRows, t.hit - o.hit, t.read - o.read}
}

func (t tableCounters) plus(o tableCounters) tableCounters {
	return tableCounters{t.seqScan + o.seqScan, t.seqRows + o.seqRows, t.idxScan + o.idxScan, t.idxRows + o.idxRows, t.hit + o.hit, t.read + o.read}
}

// window adds up the deltas of the last rounds. Adding deltas, rather than comparing the ends of the window, keeps a
// reset inside it from hiding what happened before.
type window struct {
	length time.Duration
	last   *reading
	deltas []*delta
}

// add takes a reading and gives the sum over the window, or nil after the first one: one reading has no rates.
func (w *window) add(r *reading) *delta {
	before := w.last
	w.last = r
	if before == nil || !r.at.After(before.at) {
		return nil
	}
	w.deltas = append(w.deltas, difference(before, r))
	var seconds float64
	for i := len(w.deltas) - 1; i >= 0; i-- {
		seconds += w.deltas[i].seconds
		// One round more than the window is kept until the window is full without it.
		if seconds > w.length.Seconds() && i < len(w.deltas)-1 {
			w.deltas = w.deltas[i+1:]
			break
		}
	}
	return sum(w.deltas)
}

// forget begins anew, for a server whose counters are not those of before.
func (w *window) forget() { w.last, w.deltas = nil, nil }

func sum(deltas []*delta) *delta {
	total := &delta{statements: map[statementID]statementDelta{}, tables: map[string]tableCounters{}, quality: exact}
	for _, d := range deltas {
		total.seconds += d.seconds
		total.quality = worst(total.quality, d.quality)
		total.database.commits += d.database.commits
		total.database.rollbacks += d.database.rollbacks
		total.database.deadlocks += d.database.deadlocks
		for id, s := range d.statements {
			have, ok := total.statements[id]
			if !ok {
				have.quality = exact
			}
			have.calls, have.rows, have.execMS = have.calls+s.calls, have.rows+s.rows, have.execMS+s.execMS
			have.quality = worst(have.quality, s.quality)
			total.statements[id] = have
		}
		for key, t := range d.tables {
			total.tables[key] = total.tables[key].plus(t)
		}
	}
	return total
}
