package analysis

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestOnsetBesideAWave: load that goes up and down by a third every ten minutes, and then doubles within a minute; the onset is
// within two frames of the truth, whatever the phase of the wave.
func TestOnsetBesideAWave(t *testing.T) {
	start := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	const step, trueOnset = 5.0, 500.0
	missed := 0
	for phase := 0.0; phase < 600; phase += 10 {
		var times []time.Time
		var values []float64
		met := time.Time{}
		for s := 0.0; s <= 520; s += step {
			at := start.Add(time.Duration(s * float64(time.Second)))
			load := 60 * (1 + 0.3*math.Sin((s+phase)/600*2*math.Pi))
			v := load*(1+1.9*math.Max(0, math.Min(1, (s-trueOnset)/60))) + random.NormFloat64()
			times, values = append(times, at), append(values, v)
			if met.IsZero() && s > trueOnset && s >= trueOnset+15 {
				met = at
			}
		}
		at, ok := Onset(times, values, met)
		if off := at.Sub(start).Seconds() - trueOnset; !ok || math.Abs(off) > 2*step {
			missed++
			t.Logf("phase %.0f: onset %.0f s off, found %t", phase, off, ok)
		}
	}
	if missed > 6 {
		t.Errorf("%d of 60 onsets are more than two frames off", missed)
	}
}
