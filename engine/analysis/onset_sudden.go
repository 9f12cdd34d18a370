package analysis

import (
	"math"
	"time"
)

// What a sudden onset is looked for in, and what it must stand out of.
const (
	recentOnset  = 3 * time.Minute
	suddenBefore = 6   // points in front of it
	suddenNoise  = 6.0 // robust deviations of what is in front
	suddenShare  = 0.4 // of the distance of the last point from the line before
)

// suddenRamps are the lengths, in seconds, of changes that are sudden but for the window that the metric is a mean of.
var suddenRamps = []float64{0, 15, 30, 60}

// suddenOnset looks for a change that is much faster than what goes on anyway: y = a + c·t + b·clamp((t-s)/w, 0, 1) by least squares
// over the last minutes. The line before the change takes up waves of the load, which may be larger than the first points of the
// change. ok is false where the change does not stand out of the line and its noise.
func suddenOnset(times []time.Time, values []float64, metBy time.Time) (onset time.Time, ok bool) {
	var x, y []float64
	var at []time.Time
	for i, t := range times {
		if t.After(metBy) || metBy.Sub(t) > recentOnset || math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
			continue
		}
		x, y, at = append(x, t.Sub(metBy).Seconds()), append(y, values[i]), append(at, t)
	}
	if len(x) < suddenBefore+1 {
		return time.Time{}, false
	}
	y = medianOfThree(y)
	best, rss := [3]float64{}, math.Inf(1)
	first := -1 // the first point of the change
	for i := suddenBefore - 1; i < len(x)-1; i++ {
		for _, start := range []float64{x[i], (x[i] + x[i+1]) / 2} {
			for _, length := range suddenRamps {
				fit, left, solved := lineAndRamp(x, y, start, length)
				if solved && left < rss {
					best, rss, first = fit, left, i+1
				}
			}
		}
	}
	if first < 0 {
		return time.Time{}, false
	}
	var rest []float64
	for i := range first {
		rest = append(rest, y[i]-best[0]-best[1]*x[i])
	}
	last := len(x) - 1
	away := y[last] - best[0] - best[1]*x[last] // from where the line would have led
	floor := 0.02 * math.Abs(Median(y[:first])) // figures that never move have no noise
	if math.Abs(away) < suddenNoise*max(MAD(rest), floor/3, 1e-12) || best[2]*away <= 0 {
		return time.Time{}, false
	}
	// A line that bends into the change has taken up a part of it: then it is no sudden one.
	if drift := math.Abs(best[1]) * (x[first] - x[0]); math.Abs(away) < suddenShare*math.Abs(y[last]-Median(y[:first])) || drift > 2*math.Abs(away) {
		return time.Time{}, false
	}
	return at[first], true
}

// lineAndRamp fits a + c·x + b·along(x) by least squares and gives a, c, b and the sum of the squared residuals.
func lineAndRamp(x, y []float64, start, length float64) (fit [3]float64, rss float64, solved bool) {
	var m [3][4]float64
	for i := range x {
		row := [3]float64{1, x[i], along(x[i], start, length)}
		for j := range 3 {
			for k := range 3 {
				m[j][k] += row[j] * row[k]
			}
			m[j][3] += row[j] * y[i]
		}
	}
	for p := range 3 {
		pivot := p
		for r := p + 1; r < 3; r++ {
			if math.Abs(m[r][p]) > math.Abs(m[pivot][p]) {
				pivot = r
			}
		}
		m[p], m[pivot] = m[pivot], m[p]
		if math.Abs(m[p][p]) < 1e-9 {
			return fit, 0, false
		}
		for r := range 3 {
			if r == p {
				continue
			}
			f := m[r][p] / m[p][p]
			for k := p; k < 4; k++ {
				m[r][k] -= f * m[p][k]
			}
		}
	}
	for p := range 3 {
		fit[p] = m[p][3] / m[p][p]
	}
	for i := range x {
		d := y[i] - fit[0] - fit[1]*x[i] - fit[2]*along(x[i], start, length)
		rss += d * d
	}
	return fit, rss, true
}
