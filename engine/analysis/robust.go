package analysis

import (
	"math"
	"slices"
)

// normalMAD makes the median absolute deviation of a normal distribution its standard deviation: 1/Φ⁻¹(3/4).
const normalMAD = 1.4826

// Median gives the middle value, the mean of the two middle ones for an even number, and NaN for none. The values stay as
// they are.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile gives the value that a part q (0-1) of the values does not exceed, interpolated linearly between neighbours
// (Hyndman & Fan 1996, type 7), and NaN for no values.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// MAD gives the median absolute deviation from the median, scaled so that it estimates a standard deviation (Hampel 1974);
// half of the values may be anything. NaN for no values.
func MAD(values []float64) float64 {
	m := Median(values)
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - m)
	}
	return normalMAD * Median(distances)
}

// pushed appends a value to a ring of at most size values, oldest first.
func pushed(ring []float64, v float64, size int) []float64 {
	ring = append(ring, v)
	if n := len(ring) - size; n > 0 {
		ring = append(ring[:0], ring[n:]...)
	}
	return ring
}

// brief keeps six digits, so that what is stored stays small.
func brief(v float64) float64 { return math.Round(v*1e6) / 1e6 }
