package analysis

import (
	"math"
	"time"
)

const (
	predictPoints = 6   // that the slope is fitted over, and steps that it is followed for
	normalPoints  = 240 // residuals that say what is normal
	minNormal     = 30
	minSigma      = 0.02
	mostLeap      = 0.5 // of a rise that a single step may make up
)

// Predictor tells that a metric is on its way over a threshold before it gets there.
//
// Time is cut into steps of a sixth of the lead; x is the mean of a step, r its residual ln x - ln e(t) against the
// seasonal profile e. With σ the scaled MAD of the residuals of normal times, a step is suspicious where the least squares slope
// over the last 6 residuals is above 0 and above twice its standard error, the last residual is more than 2σ above their median
// and 3 of the 5 differences are positive, none of them more than half of the whole rise: what leaps is not on its way. Then r
// is followed in a straight line for 6 steps and e is put back; if that crosses the threshold, and did so one step before, the
// crossing is predicted. A threshold below is the same with the sign turned.
//
// The design is that of a linear trend on the seasonally adjusted logarithm (Holt 1957) with the robust gates of Hampel 1974. State
// of about 3 KB.
type Predictor struct {
	Bin       int64     `json:"bin"` // number of the step under way
	Sum       float64   `json:"sum"`
	N         int       `json:"n"`
	Residuals []float64 `json:"residuals"` // the last 6, oldest first
	Normal    []float64 `json:"normal"`
	Streak    int       `json:"streak"`
	ETA       float64   `json:"eta_s"` // of the last step that crossed, from its end
}

// Threshold is what a metric must not cross.
type Threshold struct {
	Value float64
	Below bool // trouble lies below it
}

// crossed says that a value is on the wrong side.
func (t Threshold) crossed(x float64) bool {
	if t.Below {
		return x <= t.Value
	}
	return x >= t.Value
}

// Observe takes the next value. predicted holds while the crossing is expected within lead, and eta says in how long; it is false
// once the value is over the threshold. expected gives the seasonal profile (Baseline.Expected); while it does not know, nothing
// is predicted.
func (p *Predictor) Observe(t time.Time, x float64, limit Threshold, lead time.Duration, expected func(time.Time) (float64, bool)) (eta time.Duration, predicted bool) {
	step := max(int64(lead/time.Second)/predictPoints, 1)
	if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return 0, false
	}
	if bin := t.Unix() / step; bin != p.Bin {
		if p.N > 0 {
			middle := time.Unix(p.Bin*step+step/2, 0).In(t.Location())
			p.close(middle, step, limit, expected)
		}
		if bin < p.Bin || bin > p.Bin+1 {
			p.Residuals, p.Streak = p.Residuals[:0], 0 // a gap, or the clock was set back
		}
		p.Bin, p.Sum, p.N = bin, 0, 0
	}
	p.Sum, p.N = p.Sum+x, p.N+1
	if p.Streak < 2 || limit.crossed(x) {
		return 0, false
	}
	elapsed := float64(t.Unix() - p.Bin*step)
	return time.Duration(max(p.ETA-elapsed, 0) * float64(time.Second)), true
}

// close judges the step that has ended.
func (p *Predictor) close(middle time.Time, step int64, limit Threshold, expected func(time.Time) (float64, bool)) {
	e, ok := expected(middle)
	if !ok {
		p.Residuals, p.Streak = p.Residuals[:0], 0
		return
	}
	sign := 1.0
	if limit.Below {
		sign = -1
	}
	r := brief(sign * (Logarithm(p.Sum/float64(p.N)) - Logarithm(e)))
	p.Residuals = pushed(p.Residuals, r, predictPoints)
	center, sigma := Median(p.Normal), max(MAD(p.Normal), minSigma)
	known := len(p.Normal) >= minNormal
	if !known || math.Abs(r-center) < 4*sigma {
		p.Normal = pushed(p.Normal, r, normalPoints)
	}
	eta, crosses := 0.0, false
	if known && len(p.Residuals) == predictPoints && r > center+2*sigma {
		eta, crosses = p.follow(middle, step, limit, sign, expected)
	}
	if !crosses {
		p.Streak = 0
		return
	}
	p.Streak, p.ETA = p.Streak+1, math.Round(eta)
}

// follow draws the line of the last residuals out; eta is in seconds from the end of the last step.
func (p *Predictor) follow(middle time.Time, step int64, limit Threshold, sign float64, expected func(time.Time) (float64, bool)) (eta float64, crosses bool) {
	rising, leap := 0, 0.0
	for i := 1; i < predictPoints; i++ {
		d := p.Residuals[i] - p.Residuals[i-1]
		if d > 0 {
			rising++
		}
		leap = max(leap, d)
	}
	level, slope, deviation := line(p.Residuals)
	if rising < 3 || slope <= 0 || slope < 2*deviation || leap > mostLeap*(p.Residuals[predictPoints-1]-p.Residuals[0]) {
		return 0, false
	}
	for k := 1; k <= predictPoints; k++ {
		ahead := middle.Add(time.Duration(int64(k)*step) * time.Second)
		e, ok := expected(ahead)
		if !ok {
			return 0, false
		}
		if limit.crossed(math.Exp(Logarithm(e) + sign*(level+slope*float64(k)))) {
			return (float64(k) - 0.5) * float64(step), true
		}
	}
	return 0, false
}

// line fits a straight line by least squares; level is its value at the last point, slope is per point, deviation the standard
// error of the slope.
func line(y []float64) (level, slope, deviation float64) {
	n := float64(len(y))
	mx, my := (n-1)/2, 0.0
	for _, v := range y {
		my += v / n
	}
	var sxy, sxx float64
	for i, v := range y {
		d := float64(i) - mx
		sxy, sxx = sxy+d*(v-my), sxx+d*d
	}
	slope = sxy / sxx
	rss := 0.0
	for i, v := range y {
		e := v - my - slope*(float64(i)-mx)
		rss += e * e
	}
	return my + slope*(n-1-mx), slope, math.Sqrt(rss / (n - 2) / sxx)
}
