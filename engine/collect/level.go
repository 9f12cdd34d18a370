package collect

import "math"

// levels keeps gauges still that only tremble: a value moves when it differs from the one shown before by more than a
// tolerance. Evidence would else differ in every diff, and hide what matters.
type levels struct {
	shown map[string]float64
	used  map[string]bool // in this round
}

func newLevels() levels { return levels{map[string]float64{}, map[string]bool{}} }

// of gives the value to show. tolerance is a part of the larger of both values, 0-1; 0 and not 0 always differ.
func (l levels) of(key string, value, tolerance float64) float64 {
	l.used[key] = true
	before, known := l.shown[key]
	if known && (before == 0) == (value == 0) && math.Abs(value-before) <= tolerance*math.Max(math.Abs(value), math.Abs(before)) {
		return before
	}
	value = significant(value)
	l.shown[key] = value
	return value
}

// keep forgets the gauges that were not shown in this round.
func (l levels) keep() {
	for key := range l.shown {
		if !l.used[key] {
			delete(l.shown, key)
		}
	}
	clear(l.used)
}

// significant rounds fractions to three digits, more than a gauge of a sample has.
func significant(v float64) float64 {
	if v == math.Trunc(v) || math.IsInf(v, 0) || math.IsNaN(v) {
		return v // counts and bytes stay what they are
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
