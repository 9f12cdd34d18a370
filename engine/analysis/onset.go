package analysis

import (
	"math"
	"time"
)

// onsetRamps are the lengths, in seconds, over which a metric may have gone from usual to unusual: at once, or over the
// window that it is a mean of. Collectors of ours show means of the last 60 s.
var onsetRamps = []float64{0, 15, 30, 60, 120, 300}

// minOnset is how many points an onset needs to be looked for.
const minOnset = 5

// Onset gives the time of the first point at which a metric had left its usual range, on the way to what it was at metBy, when a
// rule found it unusual. times rise; points after metBy are not looked at. ok is false where there are too few points, or
// the metric did not change before metBy.
//
// The first point beyond a band of noise comes late where the metric is a mean over a sliding window, since that rises slowly. So
// each time s and each length w of onsetRamps is tried as y = a + b·clamp((t-s)/w, 0, 1) by weighted least squares, the best s is
// taken, and the first point after it is the onset. Points are smoothed by a median of three (which moves neither steps nor ramps),
// and weigh 1/(1+f)² in a second pass, f being how far along the ramp they are in units of the level before, as noise grows with the
// level. This is the broken-line regression of Hinkley 1971 ("Inference in two-phase regression") with a bounded ramp.
//
// The last three minutes are tried by themselves first, see suddenOnset.
func Onset(times []time.Time, values []float64, metBy time.Time) (onset time.Time, ok bool) {
	if at, ok := suddenOnset(times, values, metBy); ok {
		return at, true
	}
	return onsetIn(times, values, metBy)
}

// onsetIn looks for an onset from a level among all given points.
func onsetIn(times []time.Time, values []float64, metBy time.Time) (onset time.Time, ok bool) {
	var x, y []float64
	for i, t := range times {
		if !t.After(metBy) && !math.IsNaN(values[i]) && !math.IsInf(values[i], 0) {
			x, y = append(x, t.Sub(times[0]).Seconds()), append(y, values[i])
		}
	}
	if len(x) < minOnset {
		return time.Time{}, false
	}
	y = medianOfThree(y)
	weights := make([]float64, len(y))
	for i := range weights {
		weights[i] = 1
	}
	best := bestRamp(x, y, weights)
	for range 2 {
		if !best.found {
			return time.Time{}, false
		}
		// Noise is taken to be proportional to the level, but never to less than the level before the ramp or a tenth of the rise.
		floor := max(math.Abs(best.a), 0.1*math.Abs(best.b), 1e-9)
		for i := range weights {
			level := max(math.Abs(best.at(x[i])), floor)
			weights[i] = floor * floor / (level * level)
		}
		best = bestRamp(x, y, weights)
	}
	if !best.found {
		return time.Time{}, false
	}
	// A change that does not stand out of the noise is none.
	var rest []float64
	for i := range x {
		if x[i] <= best.start {
			rest = append(rest, y[i]-best.a)
		}
	}
	if len(rest) < 2 || math.Abs(best.at(x[len(x)-1])-best.a) < 2*max(MAD(rest), 1e-12) {
		return time.Time{}, false
	}
	for i := range x {
		if x[i] > best.start {
			return times[0].Add(time.Duration(x[i] * float64(time.Second))), true
		}
	}
	return time.Time{}, false
}

type ramp struct {
	start, length, a, b, rss float64
	found                    bool
}

func (r ramp) at(x float64) float64 { return r.a + r.b*along(x, r.start, r.length) }

func along(x, start, length float64) float64 {
	switch {
	case x <= start:
		return 0
	case length == 0 || x >= start+length:
		return 1
	}
	return (x - start) / length
}

// bestRamp tries every start at and between the points.
func bestRamp(x, y, weights []float64) ramp {
	best := ramp{rss: math.Inf(1)}
	for i := 1; i < len(x)-1; i++ {
		for _, start := range []float64{x[i], (x[i] + x[i+1]) / 2} {
			for _, length := range onsetRamps {
				var sw, sf, sy, sff, sfy, syy float64
				for j := range x {
					f, w := along(x[j], start, length), weights[j]
					sw, sf, sy = sw+w, sf+w*f, sy+w*y[j]
					sff, sfy, syy = sff+w*f*f, sfy+w*f*y[j], syy+w*y[j]*y[j]
				}
				d := sw*sff - sf*sf
				if d < 1e-12 {
					continue
				}
				b := (sw*sfy - sf*sy) / d
				a := (sy - b*sf) / sw
				rss := syy - a*sy - b*sfy
				if rss < best.rss {
					best = ramp{start: start, length: length, a: a, b: b, rss: rss, found: true}
				}
			}
		}
	}
	return best
}

// medianOfThree takes single points out that stand alone. The ends stay.
func medianOfThree(y []float64) []float64 {
	out := append([]float64(nil), y...)
	for i := 1; i < len(y)-1; i++ {
		out[i] = max(min(y[i-1], y[i]), min(max(y[i-1], y[i]), y[i+1]))
	}
	return out
}
