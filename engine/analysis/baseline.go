package analysis

import (
	"math"
	"time"
)

const (
	hoursOfWeek = 168
	hoursOfDay  = 24

	ringWeeks  = 8  // values kept for an hour of the week
	ringSpread = 14 // values kept for the spread of an hour of the day: two weeks

	minWeeks     = 3  // values from which an hour of the week speaks for itself
	minDays      = 3  // working days, and
	minDaysOff   = 2  // days at the weekend, from which an hour of the day speaks for those it has not seen
	minSpread    = 24 // hours whose spread must be known
	youngSpread  = 7  // days below which an hour of the day counts as restless
	minPoints    = 10 // minutes that an hour must have to count
	learnLimit   = 1.5
	newNormal    = 6 * 60 // minutes outside the band after which they are believed
	driftPerHour = 0.0109 // ln(1.3)/24: a level moves by at most 30 % a day
	minBand      = 0.05   // the band is never narrower than 5 % of the expected value
	smallest     = 0.01   // what is below counts as this, since there is no logarithm of 0
)

// driftWeight is what one hour has in a mean with a half-life of three days.
var driftWeight = 1 - math.Exp2(-1.0/72)

// Baseline learns what a metric that is never negative (latency, load) usually is at each hour of the week.
//
// All is done on y = ln max(x, 0.01), so that deviations are ratios. One point a minute is taken; an hour's value is the median of
// its points. For each hour of the week the last 8 values are kept, m_hw their median; m_hd is the median of all values of the
// same hour of the day on the same kind of day (working days, weekend):
//
//	m = (n·m_hw + 2·m_hd) / (n + 2)        from n >= 3 weeks on, before that m = m_hd, from 3 working or 2 weekend days on
//	e(t) = ¼ m(h-1) + ½ m(h) + ¼ m(h+1)    circular; between the middles of two hours it is interpolated; plus the drift d
//	d   <- d + (1 - 2^(-1/72)) (median of the hour - e + d - d)   half-life 3 days, at most ±30 % a day
//	band = ± max(q, ln 1.05)
//
// q is learnt from what the forecast was wrong by before the value was known, as in split conformal prediction (Papadopoulos
// et al. 2002): each hour gives the .975 quantile of its |y - e|; q is the larger of the median over all hours of the
// last 14 days and the second largest of this hour of the day; while that has fewer than 7, the largest of them
// and the .9 quantile over all hours. A deviation is a third of the band. Points outside 1.5 bands are
// not learnt, so that an incident does not become usual, unless they last for 6 hours.
//
// The back-off and shrinkage follow the seasonal median profiles of Hochenbaum, Vallis & Kejariwal 2017 ("Automatic anomaly
// detection in the cloud via statistical learning"), the robust scale Hampel 1974. About 15 KB of JSON.
type Baseline struct {
	Weeks     [hoursOfWeek][]float64 `json:"weeks"`  // y, oldest first
	Spread    [hoursOfDay][]float64  `json:"spread"` // .975 quantiles of |y - e|
	Drift     float64                `json:"drift"`
	Hour      int64                  `json:"hour"`      // Unix seconds at which the hour under way began
	HourOf    int                    `json:"hour_of"`   // hour of the week of that, Monday 0 o'clock is 0
	Minute    int64                  `json:"minute"`    // of the last point
	Points    []float64              `json:"points"`    // y of the hour under way
	Residuals []float64              `json:"residuals"` // |y - e| of the hour under way
	Outside   int                    `json:"outside"`   // minutes in a row that were not learnt

	cache *profileCache
}

type profileCache struct {
	known  [hoursOfWeek]bool
	ok     [hoursOfWeek]bool
	value  [hoursOfWeek]float64
	pooled float64 // median spread of all hours; NaN where too few are known
	wide   float64 // the .9 quantile of it
}

// Verdict says how a value compares with what is usual at its time.
type Verdict struct {
	Cold         bool    // nothing is known yet about this time of the week, and all else is zero
	Expected     float64 // in the unit of the metric
	Lower, Upper float64 // the usual range
	Deviations   float64 // of the value from the expected one; below it negative; the usual range is 3 to either side
}

// Observe judges a value by what was known before, then learns it. The zone of t says which hour of the week it is. Values that
// are negative, infinite or no numbers are not learnt and give a cold verdict.
func (b *Baseline) Observe(t time.Time, x float64) Verdict {
	if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return Verdict{Cold: true}
	}
	verdict := b.Judge(t, x)
	if start := startOfHour(t); start != b.Hour {
		b.closeHour()
		b.Hour, b.HourOf = start, hourOfWeek(t)
	}
	minute := t.Unix() / 60
	if minute == b.Minute {
		return verdict
	}
	b.Minute = minute
	if !verdict.Cold && math.Abs(verdict.Deviations) > 3*learnLimit && b.Outside < newNormal {
		b.Outside++
		return verdict
	}
	if verdict.Cold || math.Abs(verdict.Deviations) <= 3*learnLimit {
		b.Outside = 0
	}
	y := Logarithm(x)
	if e, ok := b.expected(t); ok {
		b.Residuals = append(b.Residuals, brief(math.Abs(y-e)))
	}
	b.Points = append(b.Points, brief(y))
	return verdict
}

// Judge compares a value with what is usual at its time, and learns nothing.
func (b *Baseline) Judge(t time.Time, x float64) Verdict {
	e, ok := b.expected(t)
	q, known := b.band(t)
	if !ok || !known || math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return Verdict{Cold: true}
	}
	return Verdict{Expected: math.Exp(e), Lower: math.Exp(e - q), Upper: math.Exp(e + q), Deviations: 3 * (Logarithm(x) - e) / q}
}

// Expected gives what is usual at a time, in the metric's unit; ok is false while the baseline is cold for it.
func (b *Baseline) Expected(t time.Time) (value float64, ok bool) {
	e, ok := b.expected(t)
	return math.Exp(e), ok
}

// Cold says that too little was seen to judge values at this time: fewer than three working days (two days at the weekend) with
// this hour of the day, or fewer than a day of forecasts whose error is known.
func (b *Baseline) Cold(t time.Time) bool {
	_, ok := b.expected(t)
	_, known := b.band(t)
	return !ok || !known
}

// Young says that the hour of the week of a time was seen in fewer than three weeks, so that what is known of it is what the same hour of
// other days showed.
func (b *Baseline) Young(t time.Time) bool { return len(b.Weeks[hourOfWeek(t)]) < minWeeks }

// closeHour learns the hour that has ended.
func (b *Baseline) closeHour() {
	if len(b.Points) >= minPoints {
		m := Median(b.Points)
		if e, ok := b.smooth(b.HourOf); ok {
			step := driftWeight * (m - e - b.Drift)
			b.Drift = brief(b.Drift + min(max(step, -driftPerHour), driftPerHour))
		}
		b.Weeks[b.HourOf] = pushed(b.Weeks[b.HourOf], brief(m), ringWeeks)
		if len(b.Residuals) >= minPoints {
			day := b.HourOf % hoursOfDay
			b.Spread[day] = pushed(b.Spread[day], brief(Quantile(b.Residuals, 0.975)), ringSpread)
		}
		b.cache = nil
	}
	b.Points, b.Residuals = b.Points[:0], b.Residuals[:0]
}

// expected gives e with the drift.
func (b *Baseline) expected(t time.Time) (float64, bool) {
	hour := hourOfWeek(t)
	e, ok := b.smooth(hour)
	if !ok {
		return 0, false
	}
	part := float64(t.Unix()-startOfHour(t))/3600 - 0.5
	other := hour + 1
	if part < 0 {
		other, part = hour-1, -part
	}
	if o, ok := b.smooth((other + hoursOfWeek) % hoursOfWeek); ok {
		e += part * (o - e)
	}
	return e + b.Drift, true
}

// smooth gives the profile at an hour of the week, smoothed over its neighbours.
func (b *Baseline) smooth(hour int) (float64, bool) {
	m, ok := b.profile(hour)
	if !ok {
		return 0, false
	}
	sum, weight := 2*m, 2.0
	for _, beside := range []int{hour + hoursOfWeek - 1, hour + 1} {
		if v, ok := b.profile(beside % hoursOfWeek); ok {
			sum, weight = sum+v, weight+1
		}
	}
	return sum / weight, true
}

// profile gives the median of an hour of the week, backed by that of the hour of the day.
func (b *Baseline) profile(hour int) (float64, bool) {
	c := b.cached()
	if !c.known[hour] {
		c.known[hour] = true
		c.value[hour], c.ok[hour] = b.estimate(hour)
	}
	return c.value[hour], c.ok[hour]
}

func (b *Baseline) estimate(hour int) (float64, bool) {
	first, last, enough := 0, 5, minDays
	if hour >= 5*hoursOfDay {
		first, last, enough = 5, 7, minDaysOff
	}
	var days []float64
	for day := first; day < last; day++ {
		days = append(days, b.Weeks[day*hoursOfDay+hour%hoursOfDay]...)
	}
	if len(days) < enough {
		return 0, false
	}
	own, n := b.Weeks[hour], float64(len(b.Weeks[hour]))
	if len(own) < minWeeks {
		return Median(days), true
	}
	return (n*Median(own) + 2*Median(days)) / (n + 2), true
}

// band gives q.
func (b *Baseline) band(t time.Time) (float64, bool) {
	pooled := b.cached().pooled
	if math.IsNaN(pooled) {
		return 0, false
	}
	q := max(pooled, math.Log1p(minBand))
	if own := b.Spread[t.Hour()]; len(own) > 0 {
		largest, second := math.Inf(-1), math.Inf(-1)
		for _, v := range own {
			if v > largest {
				largest, second = v, largest
			} else {
				second = max(second, v)
			}
		}
		q = max(q, second)
		if len(own) < youngSpread {
			q = max(q, largest)
		}
	}
	if len(b.Spread[t.Hour()]) < youngSpread {
		q = max(q, b.cached().wide) // this hour may be one of the restless ones
	}
	return q, true
}

func (b *Baseline) cached() *profileCache {
	if b.cache == nil {
		b.cache = &profileCache{}
		var all []float64
		for _, ring := range b.Spread {
			all = append(all, ring...)
		}
		b.cache.pooled = math.NaN()
		if len(all) >= minSpread {
			b.cache.pooled, b.cache.wide = Median(all), Quantile(all, 0.9)
		}
	}
	return b.cache
}

// Logarithm is what deviations are measured on: ln max(x, 0.01).
func Logarithm(x float64) float64 { return math.Log(max(x, smallest)) }

// hourOfWeek counts from Monday 0 o'clock in the zone of t.
func hourOfWeek(t time.Time) int { return (int(t.Weekday())+6)%7*hoursOfDay + t.Hour() }

// startOfHour gives the Unix seconds at which the hour of t began, in zones with half hours too.
func startOfHour(t time.Time) int64 { return t.Unix() - int64(t.Minute())*60 - int64(t.Second()) }
