package analysis

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wonted feeds days of a load with a daily profile, and gives how often each day showed something new.
func wonted(n *Novelty, from time.Time, days int, random *rand.Rand) (end time.Time, novel []int) {
	novel = make([]int, days)
	for i := range days * 24 * 60 {
		at := from.Add(time.Duration(i) * time.Minute)
		if ratio, known := n.Observe(at, day(at, 0.05, random)); known && ratio >= NovelRatio {
			novel[i/(24*60)]++
		}
	}
	return from.AddDate(0, 0, days), novel
}

func restoredNovelty(t *testing.T, n *Novelty) *Novelty {
	t.Helper()
	raw, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	again := &Novelty{}
	if err := json.Unmarshal(raw, again); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestNoveltyShowsWhatIsNew(t *testing.T) {
	n := &Novelty{}
	end, novel := wonted(n, monday, 8, rand.New(rand.NewPCG(1, 1)))
	t.Logf("new points a day: %v", novel)
	if last := novel[7]; last > 15 {
		t.Errorf("on the eighth day %d usual minutes are new", last)
	}
	// The eighth day after Monday is a Tuesday: its noon is far from both ends of the range.
	for name, c := range map[string]struct {
		hour   int
		change func(x float64, minute int) float64
		within int // minutes
	}{
		"beyond all that was seen":          {15, func(x float64, _ int) float64 { return 3 * x }, 1},
		"nothing":                           {9, func(float64, int) float64 { return 0 }, 1},
		"the load of the peak in the night": {3, func(float64, int) float64 { return 170 }, 1},
		"that of the night at noon":         {15, func(float64, int) float64 { return 25 }, 1},
		"noise has grown":                   {9, func(x float64, minute int) float64 { return x * (1 + 0.4*float64(minute%2*2-1)) }, 15},
		"not a sound":                       {9, func(float64, int) float64 { return 60 }, 48},
	} {
		again := restoredNovelty(t, n)
		random := rand.New(rand.NewPCG(2, 2))
		found, before := -1, 0
		for i := range 24 * 60 {
			at := end.Add(time.Duration(i) * time.Minute)
			x := day(at, 0.05, random)
			minute := i - c.hour*60
			if minute >= 0 {
				x = c.change(x, minute)
			}
			ratio, known := again.Observe(at, x)
			switch {
			case !known:
				t.Fatalf("%s: nothing is known at %v", name, at)
			case ratio >= NovelRatio && minute < 0:
				before++
			case ratio >= NovelRatio && found < 0:
				found = minute
			}
		}
		t.Logf("%s: after %d minutes; %d new ones before", name, found, before)
		if found < 0 || found >= c.within {
			t.Errorf("%s: new after %d minutes, want fewer than %d", name, found, c.within)
		}
	}
}

func TestNoveltyIsSilentInTheWarmUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &Novelty{}
		wild := rapid.SliceOfN(rapid.Float64Range(-1e12, 1e12), 20, 20).Draw(t, "x")
		for i := range noveltyWarm + 1 {
			_, known := n.Observe(monday.Add(time.Duration(i)*time.Minute), wild[i%len(wild)])
			if known != (i == noveltyWarm) {
				t.Fatalf("point %d: known %t", i, known)
			}
		}
	})
}

// ratios gives those of a noisy wave of a day and a half with a few steps in it.
func ratios(x func(i int, plain float64) float64, points int, seed uint64) (out []float64) {
	n, random := &Novelty{}, rand.New(rand.NewPCG(seed, 3))
	for i := range points {
		plain := 10*math.Sin(float64(i)/1440*2*math.Pi) + random.NormFloat64()
		if i > 1000 && i%300 < 5 {
			plain += 8
		}
		ratio, _ := n.Observe(monday.Add(time.Duration(i)*time.Minute), x(i, plain))
		out = append(out, ratio)
	}
	return out
}

// TestNoveltyKnowsNoUnit: neither the unit nor the zero of a series changes what is new in it.
func TestNoveltyKnowsNoUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		plain := ratios(func(_ int, x float64) float64 { return x }, 1700, seed)
		if slices.Max(plain) < NovelRatio {
			t.Fatal("the steps are not new, so this shows nothing")
		}
		power := math.Exp2(float64(rapid.IntRange(-20, 20).Draw(t, "power")))
		if scaled := ratios(func(_ int, x float64) float64 { return power * x }, 1700, seed); !slices.Equal(plain, scaled) {
			t.Fatalf("times %v it is something else", power)
		}
		// Other factors and shifts round differently, which may let another one of two values go that are as close.
		factor := rapid.Float64Range(0.01, 100).Draw(t, "factor")
		shift := factor * rapid.Float64Range(-50, 50).Draw(t, "shift")
		for i, r := range ratios(func(_ int, x float64) float64 { return factor*x + shift }, 1700, seed) {
			if math.Abs(r-plain[i]) > 0.1+0.1*plain[i] {
				t.Fatalf("times %v plus %v, point %d: %v, plain %v", factor, shift, i, r, plain[i])
			}
		}
	})
}

// TestNoveltyIsCausal: what comes later changes nothing, and neither does a restart.
func TestNoveltyIsCausal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, cut := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(800, 1600).Draw(t, "cut")
		later := rapid.Float64Range(-1e6, 1e6).Draw(t, "later")
		one := ratios(func(_ int, x float64) float64 { return x }, 1700, seed)
		two := ratios(func(i int, x float64) float64 {
			if i >= cut {
				return x + later
			}
			return x
		}, 1700, seed)
		if !slices.Equal(one[:cut], two[:cut]) || !slices.Equal(one[:cut], ratios(func(_ int, x float64) float64 { return x }, cut, seed)) {
			t.Fatal("a point was judged by what came after it")
		}
	})
}

func TestNoveltySurvivesJSON(t *testing.T) {
	n := &Novelty{}
	end, _ := wonted(n, monday, 3, rand.New(rand.NewPCG(4, 4)))
	n.Observe(end.Add(20*time.Minute), 100) // so that a mean of 15 min is missing
	n.Observe(end.Add(50*time.Minute), 100)
	again, random := restoredNovelty(t, n), rand.New(rand.NewPCG(5, 5))
	for i := range 24 * 60 {
		at := end.Add(time.Duration(i+60) * time.Minute)
		x := day(at, 0.2, random)
		r, known := n.Observe(at, x)
		if s, alike := again.Observe(at, x); r != s || known != alike {
			t.Fatalf("%v: %v, after a restart %v", at, r, s)
		}
	}
}

// TestNoveltyIsBounded: what it keeps stays small, whatever comes.
func TestNoveltyIsBounded(t *testing.T) {
	n, random, at := &Novelty{}, rand.New(rand.NewPCG(6, 6)), monday
	most := 0
	for i := range 30 * 24 * 60 {
		at = at.Add(time.Minute)
		if random.IntN(5000) == 0 {
			at = at.Add(time.Duration(random.IntN(500)) * time.Hour)
		}
		n.Observe(at, math.Exp(20*random.NormFloat64()))
		if i%1440 == 0 {
			raw, err := json.Marshal(n)
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, len(raw))
		}
	}
	t.Logf("at most %d bytes", most)
	if most > 20<<10 || most < 10<<10 {
		t.Errorf("at most %d bytes of JSON", most)
	}
}

func TestNoveltyTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, at := &Novelty{}, monday
		n.Points = rapid.SampledFrom([]int{0, noveltyWarm}).Draw(t, "points")
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			at = at.Add(time.Duration(rapid.OneOf(rapid.IntRange(0, 120), rapid.IntRange(-200_000, 2_000_000)).Draw(t, "step")) * time.Second)
			x := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 10), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), -1, 1e308})).Draw(t, "x")
			before, err := json.Marshal(n)
			if err != nil {
				t.Fatal(err)
			}
			ratio, known := n.Observe(at, x)
			if math.IsNaN(ratio) || ratio < 0 || ratio > largestRatio || !known && ratio != 0 {
				t.Fatalf("%v %t", ratio, known)
			}
			after, err := json.Marshal(n)
			if err != nil {
				t.Fatal(err)
			}
			if bad := math.IsNaN(x) || math.Abs(x) > largestPoint; bad && (known || string(before) != string(after)) {
				t.Fatalf("%v was remembered", x)
			}
		}
	})
}

// TestNoveltyOverGaps: after an hour without points, the last ones are not taken for those just before.
func TestNoveltyOverGaps(t *testing.T) {
	n := &Novelty{}
	end, _ := wonted(n, monday, 3, rand.New(rand.NewPCG(7, 7)))
	n.Observe(end.Add(time.Hour), 100)
	if len(n.Last) != 1 {
		t.Errorf("%d last points after a gap", len(n.Last))
	}
	if k := len(n.Coarse); k < 4 || !isNaN(n.Coarse[k-1]) || isNaN(n.Coarse[k-5]) {
		t.Errorf("%v", n.Coarse[k-6:])
	}
	// A second point of a minute and one that comes late are left out.
	for _, late := range []time.Duration{time.Hour + 10*time.Second, 30 * time.Minute} {
		if _, known := n.Observe(end.Add(late), 1e6); known || len(n.Last) != 1 {
			t.Errorf("a point at %v was taken", late)
		}
	}
	// After weeks of silence all is old, and after a clock that was days ahead all is wrong.
	for _, at := range []time.Time{end.AddDate(0, 0, 8), monday} {
		again := restoredNovelty(t, n)
		if _, known := again.Observe(at, 100); known || again.Points != 1 {
			t.Errorf("at %v it still knew: %d points", at, again.Points)
		}
	}
}
