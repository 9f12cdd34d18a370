package collect

import "math"

// trendPoints is the number of ticks that a trend looks back.
const trendPoints = 12

// The trends of a metric.
const (
	increasing = "increasing"
	decreasing = "decreasing"
	stable     = "stable"
	volatile   = "volatile"
)

// trends remembers the last values of each metric.
type trends map[string][]float64

// add takes a value and gives the trend with it. Values that are not added in a round are forgotten by keep.
func (t trends) add(key string, value float64) string {
	values := append(t[key], value)
	if len(values) > trendPoints {
		values = values[len(values)-trendPoints:]
	}
	t[key] = values
	return trendOf(values)
}

// keep forgets the metrics that are no more.
func (t trends) keep(alive map[string]bool) {
	for key := range t {
		if !alive[key] {
			delete(t, key)
		}
	}
}

// trendOf fits a line by least squares. It is increasing or decreasing when the line moves by more than 15 % of the mean
// over the points, explains more than the scatter around it, and most steps go its way; volatile when the scatter exceeds 30 % of the mean; else
// stable. Fewer than four points are stable: no opinion.
func trendOf(values []float64) string {
	n := float64(len(values))
	if n < 4 {
		return stable
	}
	var sx, sy, sxx, sxy float64
	for i, y := range values {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	mean := sy / n
	if mean == 0 {
		return stable
	}
	slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	var residual float64
	for i, y := range values {
		r := y - (mean + slope*(float64(i)-sx/n))
		residual += r * r
	}
	along := 0.0
	for i := 1; i < len(values); i++ {
		if (values[i]-values[i-1])*slope > 0 {
			along++
		}
	}
	steady := along >= 0.6*(n-1)
	scatter := math.Sqrt(residual/n) / math.Abs(mean)
	move := slope * (n - 1) / math.Abs(mean)
	switch {
	case steady && move > 0.15 && move > 2*scatter:
		return increasing
	case steady && -move > 0.15 && -move > 2*scatter:
		return decreasing
	case scatter > 0.30:
		return volatile
	}
	return stable
}
