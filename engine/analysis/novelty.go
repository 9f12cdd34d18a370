package analysis

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// NovelRatio is the ratio from which on a point is new.
const NovelRatio = 0.5

const (
	noveltyDays   = 7 // that are remembered
	minutesOfDay  = 24 * 60
	coarseSeconds = 15 * 60
	coarseDay     = minutesOfDay * 60 / coarseSeconds
	seasonAround  = 2                                    // means to either side of the same time
	coarseRing    = noveltyDays*coarseDay + seasonAround // the means that the season reaches back to
	seasonLeast   = 8
	spreadPoints  = 48
	shapePoints   = 6
	mostValues    = 48 // kept of a day and view
	mostGaps      = 16 // kept of them, the largest: the .99 quantile of 1,440 is the 15th
	leastGaps     = 30
	noveltyWarm   = 750  // points
	largestPoint  = 1e30 // squares of it can still be added up
	largestRatio  = 100.0
	firstRatio    = 5.0 // of the first gap where none was before
)

// The views of Novelty, and how much each of them counts.
const (
	viewValue = iota
	viewSpread
	viewSeason
	viewShape
	viewLevel
	views
)

var viewWeights = [views]float64{viewValue: 1, viewSpread: 0.4, viewSeason: 0.4, viewShape: 0.6, viewLevel: 0.5}

// Novelty says whether a series shows something that it did not show within the last seven days. It sees it in five views, each a
// number u(t) that follows from the points up to t:
//
//	value   x                                                              weight 1
//	spread  standard deviation of the last 48 points                       .4
//	season  x less the median of the means of 15 min at the same time of
//	        the 7 days before, 30 min to either side; from 8 of them on    .4
//	shape   distance of the last 6 means of 15 min from the nearest 6 in
//	        a row before, Euclidean                                        .6
//	level   mean of the last 6 points                                      .5
//
// A view remembers values s and past gaps g:
//
//	g(t) = min |u(t) - s|                    how far from all that was seen
//	ref  = sqrt( q.99(g) · max(g) )          from 30 gaps on
//	r    = g(t) / ref, at most 100           5 where ref is 0 and g is not
//	ratio = max over the views of weight · r
//
// Only ratios count, so that neither the unit nor the zero of the series matters, and nothing is to be tuned. A first point of something
// new is new, those after it are not: they have been seen. How often to speak of that is left to those who ask.
//
// The nearest neighbour as a measure of novelty, judged by the past of the measure itself, is that of conformal anomaly detection
// (Laxhammar & Falkman 2014, "Online learning and sequential anomaly detection in trajectories"); the shape is the left discord of DAMP
// (Lu et al. 2022, "Matrix profile XXIV"). One point a minute is taken. Of each day a view keeps the 48 values that lie furthest apart,
// and the 16 largest gaps; the oldest day is forgotten when an eighth begins. About 18 KB of JSON, whatever comes.
type Novelty struct {
	Minute int64            `json:"minute"` // of the last point
	Points int              `json:"points"` // so far, up to the warm-up
	Last   floats           `json:"last"`   // points, oldest first
	Bin    int64            `json:"bin"`    // number of the 15 min under way
	Sum    float64          `json:"sum"`
	N      int              `json:"n"`
	Coarse floats           `json:"coarse"` // means of 15 min, the last one that of Bin-1; NaN where no point came
	Views  [views][]viewDay `json:"views"`  // oldest first
}

// viewDay is what a view keeps of one day.
type viewDay struct {
	Day    int64  `json:"day"`    // since 1970
	Values floats `json:"values"` // rising
	Gaps   floats `json:"gaps"`   // falling
	N      int    `json:"n"`      // gaps so far
}

// Observe judges a point by what was seen before, and remembers it. ratio is 0 or more, and the point is new from NovelRatio on; known
// is false in the warm-up of 750 points, for a second point of the same minute, for one that is out of order and for one that is no number
// or beyond ±1e30, and these last three are not remembered.
func (n *Novelty) Observe(t time.Time, x float64) (ratio float64, known bool) {
	minute := t.Unix() / 60
	if math.IsNaN(x) || math.Abs(x) > largestPoint || minute <= n.Minute && n.Minute-minute < minutesOfDay {
		return 0, false
	}
	if minute < n.Minute || minute-n.Minute > noveltyDays*minutesOfDay {
		*n = Novelty{} // the clock was set back by more than a day, or nothing came for so long that all is old
	}
	if minute-n.Minute > 3 {
		n.Last = n.Last[:0] // a gap: what the last points were is not what is now
	}
	n.Minute = minute
	x = float64(float32(x)) // as it is kept, so that what comes again is the same
	n.coarsen(t.Unix()/coarseSeconds, x)
	n.Last = append(n.Last, float32(x))
	n.Last = n.Last[max(0, len(n.Last)-spreadPoints):]
	for view, u := range n.seen(x) {
		if !math.IsNaN(u) {
			ratio = max(ratio, viewWeights[view]*n.look(view, minute/minutesOfDay, u))
		}
	}
	if n.Points < noveltyWarm {
		n.Points++
		return 0, false
	}
	return ratio, true
}

// seen gives what the views show just now; NaN where a view shows nothing.
func (n *Novelty) seen(x float64) (u [views]float64) {
	for view := range u {
		u[view] = math.NaN()
	}
	u[viewValue] = x
	if len(n.Last) == spreadPoints {
		mean, sum := n.Last.mean(), 0.0
		for _, v := range n.Last {
			sum += (float64(v) - mean) * (float64(v) - mean)
		}
		u[viewSpread] = math.Sqrt(sum / spreadPoints)
	}
	if len(n.Last) >= shapePoints {
		u[viewLevel] = n.Last[len(n.Last)-shapePoints:].mean()
	}
	var season []float64
	for day := 1; day <= noveltyDays; day++ {
		for step := -seasonAround; step <= seasonAround; step++ {
			if at := len(n.Coarse) - day*coarseDay + step; at >= 0 && at < len(n.Coarse) && !isNaN(n.Coarse[at]) {
				season = append(season, float64(n.Coarse[at]))
			}
		}
	}
	if len(season) >= seasonLeast {
		u[viewSeason] = x - Median(season)
	}
	if n.N == 1 { // 15 min have just ended
		u[viewShape] = n.discord()
	}
	return u
}

// discord gives the distance of the last shape from the nearest one before it that does not overlap it.
func (n *Novelty) discord() float64 {
	nearest := math.Inf(1)
	for i := 0; i+2*shapePoints <= len(n.Coarse); i++ {
		sum := 0.0
		for k := range shapePoints {
			d := float64(n.Coarse[i+k]) - float64(n.Coarse[len(n.Coarse)-shapePoints+k])
			sum += d * d
		}
		if sum < nearest { // NaN is not
			nearest = sum
		}
	}
	if math.IsInf(nearest, 1) {
		return math.NaN()
	}
	return math.Sqrt(nearest)
}

// coarsen takes a point into the means of 15 min.
func (n *Novelty) coarsen(bin int64, x float64) {
	if bin != n.Bin && n.N > 0 {
		n.Coarse = append(n.Coarse, float32(n.Sum/float64(n.N)))
		for missing := n.Bin + 1; missing < bin; missing++ {
			n.Coarse = append(n.Coarse, float32(math.NaN()))
		}
		n.Coarse = slices.Delete(n.Coarse, 0, max(0, len(n.Coarse)-coarseRing))
		n.Sum, n.N = 0, 0
	}
	n.Bin, n.Sum, n.N = bin, n.Sum+x, n.N+1
}

// look gives r of what a view shows, and remembers it.
func (n *Novelty) look(view int, day int64, u float64) (r float64) {
	u = float64(float32(u)) // as it is kept
	days := n.Views[view]
	if len(days) == 0 || days[len(days)-1].Day != day {
		days = append(days, viewDay{Day: day})
		days = slices.Delete(days, 0, max(0, len(days)-noveltyDays))
		n.Views[view] = days
	}
	gap, count := math.Inf(1), 0
	var gaps []float64
	for _, d := range days {
		gap = min(gap, d.Values.distance(u))
		count += d.N
		for _, g := range d.Gaps {
			gaps = append(gaps, float64(g))
		}
	}
	today := &days[len(days)-1]
	today.Values = today.Values.with(float32(u))
	if math.IsInf(gap, 1) {
		return 0
	}
	if count >= leastGaps {
		slices.Sort(gaps)
		high := gaps[max(0, len(gaps)-(count+99)/100)]
		switch ref := math.Sqrt(high * gaps[len(gaps)-1]); {
		case ref > 0:
			r = min(gap/ref, largestRatio)
		case gap > 0:
			r = firstRatio
		}
	}
	today.N++
	at, _ := slices.BinarySearchFunc(today.Gaps, float32(gap), func(a, b float32) int { return -cmp.Compare(a, b) })
	if at < mostGaps {
		today.Gaps = slices.Insert(today.Gaps, at, float32(gap))
		today.Gaps = today.Gaps[:min(len(today.Gaps), mostGaps)]
	}
	return r
}

// floats are kept in half the bytes, as base64 of little-endian bits in JSON, which has no NaN.
type floats []float32

// mean is NaN for none.
func (f floats) mean() float64 {
	sum := 0.0
	for _, v := range f {
		sum += float64(v)
	}
	return sum / float64(len(f))
}

// distance gives how far the nearest of some rising values is; infinite for none.
func (f floats) distance(u float64) float64 {
	at, _ := slices.BinarySearch(f, float32(u))
	d := math.Inf(1)
	for _, i := range []int{at - 1, at} {
		if i >= 0 && i < len(f) {
			d = min(d, math.Abs(u-float64(f[i])))
		}
	}
	return d
}

// with puts a value among rising ones; where they are too many, the one goes whose neighbours are closest to each other, since others
// speak for it. The ends stay.
func (f floats) with(u float32) floats {
	at, known := slices.BinarySearch(f, u)
	if known {
		return f
	}
	f = slices.Insert(f, at, u)
	if len(f) <= mostValues {
		return f
	}
	least := 1
	for i := 2; i < len(f)-1; i++ {
		if f[i+1]-f[i-1] < f[least+1]-f[least-1] {
			least = i
		}
	}
	return slices.Delete(f, least, least+1)
}

func (f floats) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(f))
	for _, v := range f {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

func (f *floats) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	*f = nil
	for ; len(raw) >= 4; raw = raw[4:] {
		*f = append(*f, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return nil
}

func isNaN(v float32) bool { return v != v }
