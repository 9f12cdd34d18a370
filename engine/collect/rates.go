package collect

import (
	"math"
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

// counters are the monotone counters of one statement. least and most, the extremes of its execution times, are no
// counters, but as they can only widen while a row lives, they give away a row that began anew.
type counters struct {
	calls, rows  int64
	execMS       float64
	m2           float64 // sum of squared deviations of the execution times from their mean, ms²; 0 where unknown
	least, most  float64 // ms; both 0 where unknown
	blocks, temp int64   // blocks read from outside shared buffers, and temporary blocks written
	wal          int64   // bytes
	effort       effort  // MySQL only
}

// mean gives the mean execution time, ms.
func (c counters) mean() float64 { return share(c.execMS, float64(c.calls)) }

// began says whether the row is another one than before: no counter of a living row falls.
func (c counters) began(before counters) bool {
	fell := c.calls < before.calls || c.rows < before.rows || c.execMS < before.execMS || c.blocks < before.blocks || c.temp < before.temp || c.wal < before.wal || c.effort.fell(before.effort)
	known := c.most > 0 && before.most > 0
	return fell || known && (c.least > before.least || c.most < before.most)
}

// minus gives what happened since before, of the same row. The deviations follow from those of both sides by the
// formula for joining two samples, solved for one of them.
func (c counters) minus(before counters) counters {
	d := counters{
		calls: c.calls - before.calls, rows: c.rows - before.rows, execMS: c.execMS - before.execMS,
		blocks: c.blocks - before.blocks, temp: c.temp - before.temp, wal: c.wal - before.wal, effort: c.effort.minus(before.effort),
	}
	if d.calls > 0 && c.m2 > 0 {
		apart := before.mean() - d.mean()
		d.m2 = max(0, c.m2-before.m2-apart*apart*float64(before.calls)*float64(d.calls)/float64(c.calls))
	}
	return d
}

// plus joins two samples.
func (c counters) plus(o counters) counters {
	sum := counters{
		calls: c.calls + o.calls, rows: c.rows + o.rows, execMS: c.execMS + o.execMS, m2: c.m2 + o.m2,
		blocks: c.blocks + o.blocks, temp: c.temp + o.temp, wal: c.wal + o.wal, effort: c.effort.plus(o.effort),
	}
	if c.calls > 0 && o.calls > 0 {
		apart := c.mean() - o.mean()
		sum.m2 += apart * apart * float64(c.calls) * float64(o.calls) / float64(sum.calls)
	}
	return sum
}

// deviation gives the standard deviation of the execution times, ms.
func (c counters) deviation() float64 { return math.Sqrt(share(c.m2, float64(c.calls))) }

// tableCounters are the monotone counters of one table.
type tableCounters struct {
	seqScan, seqRows, idxScan, idxRows, hit, read, inserts int64
	waits                                                  waits // MySQL only
}

// databaseCounters are the monotone counters of the whole database.
type databaseCounters struct {
	commits, rollbacks, deadlocks int64
	tempBytes, walBytes           int64
	hit, read                     int64 // blocks
	statements                    int64 // MySQL only: by the server's own count, without the collector's
	sessions                      int64 // established; 0 before PostgreSQL 14
}

func (d databaseCounters) atLeast(o databaseCounters) bool {
	return d.commits >= o.commits && d.rollbacks >= o.rollbacks && d.deadlocks >= o.deadlocks && d.tempBytes >= o.tempBytes &&
		d.walBytes >= o.walBytes && d.hit >= o.hit && d.read >= o.read && d.statements >= o.statements && d.sessions >= o.sessions
}

func (d databaseCounters) minus(o databaseCounters) databaseCounters {
	return databaseCounters{
		commits: d.commits - o.commits, rollbacks: d.rollbacks - o.rollbacks, deadlocks: d.deadlocks - o.deadlocks,
		tempBytes: d.tempBytes - o.tempBytes, walBytes: d.walBytes - o.walBytes, hit: d.hit - o.hit, read: d.read - o.read, statements: d.statements - o.statements,
		sessions: d.sessions - o.sessions,
	}
}

func (d databaseCounters) plus(o databaseCounters) databaseCounters {
	return databaseCounters{
		commits: d.commits + o.commits, rollbacks: d.rollbacks + o.rollbacks, deadlocks: d.deadlocks + o.deadlocks,
		tempBytes: d.tempBytes + o.tempBytes, walBytes: d.walBytes + o.walBytes, hit: d.hit + o.hit, read: d.read + o.read, statements: d.statements + o.statements,
		sessions: d.sessions + o.sessions,
	}
}

// reading is what one collection round saw.
type reading struct {
	at         time.Time                 // by the database's clock, read with the counters
	epoch      time.Time                 // start of the server; counters may begin anew with it
	forgotten  int64                     // statements that pg_stat_statements evicted so far
	reset      time.Time                 // when pg_stat_statements was reset as a whole
	statements map[statementID]counters  // nil where they could not be read
	nested     map[statementID]counters  // statements that ran inside functions or for constraints; their callers carry the time
	since      map[statementID]time.Time // when each row began, where the server says so
	hidden     map[uint32]bool           // users whose statements this user may not see
	tables     map[string]tableCounters  // by row: what is renamed, or moves between parents, stays the same row
	owner      map[string]string         // the node that a row of tables belongs to; nil where rows go by the node's key
	indexes    map[string]int64          // scans, by row
	database   databaseCounters
}

// delta is what happened between two readings.
type delta struct {
	seconds      float64
	statements   map[statementID]statementDelta
	nested       map[statementID]statementDelta
	tables       map[string]tableCounters // by node key
	indexes      map[string]int64
	database     databaseCounters
	quality      quality            // of the database's counters
	tableQuality map[string]quality // lower_bound only
}

type statementDelta struct {
	counters
	quality quality
}

// difference gives what happened from a to b. Each row decides for itself whether its counters began anew, because none
// of the server's marks of a reset covers all cases: a counter that fell was reset, and what it shows now is a lower
// bound. A row that was absent before counts from 0: exactly, unless rows were evicted or all were reset meanwhile. A row
// that was there but could not be seen has no difference at all, only a lifetime.
func difference(a, b *reading) *delta {
	d := &delta{
		seconds:      b.at.Sub(a.at).Seconds(),
		tables:       make(map[string]tableCounters, len(b.tables)),
		indexes:      make(map[string]int64, len(b.indexes)),
		tableQuality: map[string]quality{},
		quality:      exact,
	}
	restarted := !a.epoch.Equal(b.epoch)
	d.statements = a.statementDeltas(b, a.statements, b.statements)
	d.nested = a.statementDeltas(b, a.nested, b.nested)
	for row, now := range b.tables {
		key := row
		if b.owner != nil {
			key = b.owner[row]
		}
		if before, known := a.tables[row]; known {
			switch {
			case !now.atLeast(before):
				d.tableQuality[key] = lowerBound
			default:
				now = now.minus(before)
				if restarted {
					d.tableQuality[key] = lowerBound
				}
			}
		}
		d.tables[key] = d.tables[key].plus(now)
	}
	for row, now := range b.indexes {
		if before, known := a.indexes[row]; known && now >= before {
			now -= before
		}
		d.indexes[row] = now
	}
	if b.database.atLeast(a.database) {
		d.database = b.database.minus(a.database)
	} else {
		d.database, d.quality = b.database, lowerBound
	}
	if restarted {
		d.quality = lowerBound
	}
	return d
}

// statementDeltas gives what one kind of statements did from a to b.
func (a *reading) statementDeltas(b *reading, past, present map[statementID]counters) map[statementID]statementDelta {
	deltas := make(map[statementID]statementDelta, len(present))
	if past == nil {
		return deltas
	}
	restarted := !a.epoch.Equal(b.epoch)
	disturbed := restarted || a.forgotten != b.forgotten || !a.reset.Equal(b.reset)
	for id, now := range present {
		before, known := past[id]
		s := statementDelta{counters: now, quality: exact}
		began, told := b.since[id]
		switch {
		case !known && a.hidden[id.user]:
			continue
		case !known:
			if disturbed && (!told || began.Before(a.at)) {
				s.quality = lowerBound
			}
		case told && began.After(a.at) || !told && !a.reset.Equal(b.reset) || now.began(before):
			s.quality = lowerBound
		default:
			s.counters = now.minus(before)
			// After a crash, or out and in again, the counters may have passed their old values. Extremes that did not move
			// prove that the row is the same.
			evicted := a.forgotten != b.forgotten && !told && (now.least != before.least || now.most != before.most)
			if restarted || evicted {
				s.quality = lowerBound
			}
		}
		if s.calls > 0 {
			deltas[id] = s
		}
	}
	return deltas
}

func (t tableCounters) atLeast(o tableCounters) bool {
	return t.seqScan >= o.seqScan && t.seqRows >= o.seqRows && t.idxScan >= o.idxScan && t.idxRows >= o.idxRows && t.hit >= o.hit && t.read >= o.read && t.inserts >= o.inserts &&
		!t.waits.fell(o.waits)
}

func (t tableCounters) minus(o tableCounters) tableCounters {
	return tableCounters{t.seqScan - o.seqScan, t.seqRows - o.seqRows, t.idxScan - o.idxScan, t.idxRows - o.idxRows, t.hit - o.hit, t.read - o.read, t.inserts - o.inserts, t.waits.minus(o.waits)}
}

func (t tableCounters) plus(o tableCounters) tableCounters {
	return tableCounters{t.seqScan + o.seqScan, t.seqRows + o.seqRows, t.idxScan + o.idxScan, t.idxRows + o.idxRows, t.hit + o.hit, t.read + o.read, t.inserts + o.inserts, t.waits.plus(o.waits)}
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
	total := &delta{
		statements: map[statementID]statementDelta{}, nested: map[statementID]statementDelta{}, tables: map[string]tableCounters{}, indexes: map[string]int64{},
		tableQuality: map[string]quality{}, quality: exact,
	}
	for _, d := range deltas {
		total.seconds += d.seconds
		total.quality = worst(total.quality, d.quality)
		total.database = total.database.plus(d.database)
		addStatements(total.statements, d.statements)
		addStatements(total.nested, d.nested)
		for key, t := range d.tables {
			total.tables[key] = total.tables[key].plus(t)
		}
		for key, n := range d.indexes {
			total.indexes[key] += n
		}
		for key, q := range d.tableQuality {
			total.tableQuality[key] = q
		}
	}
	return total
}

func addStatements(total, more map[statementID]statementDelta) {
	for id, s := range more {
		have, ok := total[id]
		if !ok {
			have.quality = exact
		}
		total[id] = statementDelta{have.plus(s.counters), worst(have.quality, s.quality)}
	}
}
