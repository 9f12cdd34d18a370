package collect

// effort is what MySQL counts of a statement beyond calls, rows and time.
type effort struct {
	examined, errors, fullJoins, noIndex, diskTables int64
	lockMS                                           float64
}

func (e effort) fell(before effort) bool {
	return e.examined < before.examined || e.errors < before.errors || e.fullJoins < before.fullJoins || e.noIndex < before.noIndex ||
		e.diskTables < before.diskTables || e.lockMS < before.lockMS
}

func (e effort) minus(o effort) effort {
	return effort{
		examined: e.examined - o.examined, errors: e.errors - o.errors, fullJoins: e.fullJoins - o.fullJoins, noIndex: e.noIndex - o.noIndex,
		diskTables: e.diskTables - o.diskTables, lockMS: e.lockMS - o.lockMS,
	}
}

func (e effort) plus(o effort) effort {
	return effort{
		examined: e.examined + o.examined, errors: e.errors + o.errors, fullJoins: e.fullJoins + o.fullJoins, noIndex: e.noIndex + o.noIndex,
		diskTables: e.diskTables + o.diskTables, lockMS: e.lockMS + o.lockMS,
	}
}

// waits are the counters of a table's input and output and of its table locks.
type waits struct {
	written      int64 // rows inserted, updated or deleted
	ioMS, lockMS float64
}

func (w waits) fell(before waits) bool {
	return w.written < before.written || w.ioMS < before.ioMS || w.lockMS < before.lockMS
}

func (w waits) minus(o waits) waits {
	return waits{w.written - o.written, w.ioMS - o.ioMS, w.lockMS - o.lockMS}
}

func (w waits) plus(o waits) waits {
	return waits{w.written + o.written, w.ioMS + o.ioMS, w.lockMS + o.lockMS}
}
