package analysis

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRobustFigures(t *testing.T) {
	for name, c := range map[string]struct{ got, want float64 }{
		"median odd":      {Median([]float64{3, 1, 2}), 2},
		"median even":     {Median([]float64{4, 1, 2, 3}), 2.5},
		"median none":     {Median(nil), math.NaN()},
		"quantile ends":   {Quantile([]float64{5, 1}, 1), 5},
		"quantile middle": {Quantile([]float64{0, 10}, 0.25), 2.5},
		"mad":             {MAD([]float64{1, 1, 2, 2, 4, 6, 9}), normalMAD},
		"mad none":        {MAD(nil), math.NaN()},
	} {
		if math.Abs(c.got-c.want) > 1e-12 || math.IsNaN(c.got) != math.IsNaN(c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestMADForgetsHalf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		good := rapid.SliceOfN(rapid.Float64Range(9, 11), 11, 30).Draw(t, "good")
		bad := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 0, len(good)/2-1).Draw(t, "bad")
		all := append(append([]float64(nil), good...), bad...)
		if m := Median(all); m < 9 || m > 11 {
			t.Fatalf("median %v", m)
		}
		if d := MAD(all); d > 2*normalMAD {
			t.Fatalf("MAD %v", d)
		}
	})
}

// day is a load with a daily and a weekly profile; noise is a part of the value.
func day(at time.Time, noise float64, random *rand.Rand) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	load := 100 * (1 + 0.8*math.Sin((hour-9)/24*2*math.Pi))
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		load *= 0.5
	}
	return load * math.Exp(noise*random.NormFloat64())
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func learn(b *Baseline, from time.Time, days int, noise float64, seed uint64) time.Time {
	random := rand.New(rand.NewPCG(seed, 1))
	to := from.Add(time.Duration(days) * 24 * time.Hour)
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		b.Observe(at, day(at, noise, random))
	}
	return to
}

func TestBaselineIsColdUntilItKnows(t *testing.T) {
	var b Baseline
	if !b.Cold(monday) || !b.Observe(monday, 5).Cold {
		t.Fatal("an empty baseline is cold")
	}
	friday := learn(&b, monday, 4, 0.05, 1)
	if v := b.Judge(friday.Add(30*time.Minute), 1); v != (Verdict{Cold: true}) {
		t.Errorf("after 4 days the errors of no whole day of forecasts are known, got %+v", v)
	}
	saturday := learn(&b, friday, 1, 0.05, 2)
	if b.Cold(friday.Add(12 * time.Hour)) {
		t.Error("after 5 working days, a working day is known")
	}
	if !b.Cold(saturday.Add(12 * time.Hour)) {
		t.Error("no weekend was seen yet")
	}
	next := learn(&b, saturday, 2, 0.05, 3)
	if b.Cold(next.Add(5*24*time.Hour)) || b.Cold(next) {
		t.Error("after a week all is known")
	}
	wednesday := learn(&b, next, 9, 0.05, 4) // three Mondays and Tuesdays, and two of the other days
	if b.Young(wednesday.AddDate(0, 0, 6)) || !b.Young(wednesday.AddDate(0, 0, 7)) {
		t.Error("an hour of the week is young until three weeks have shown it")
	}
}

func TestBaselineFollowsTheProfile(t *testing.T) {
	var b Baseline
	end := learn(&b, monday, 28, 0.08, 4)
	none := still()
	for at := end; at.Before(end.Add(7 * 24 * time.Hour)); at = at.Add(17 * time.Minute) {
		want := day(at, 0, none)
		v := b.Judge(at, want)
		edge := at.Hour() == 23 || at.Hour() == 0 // where the weekend begins or ends, the hours beside are smoothed in
		if v.Cold || !edge && math.Abs(math.Log(v.Expected/want)) > 0.15 {
			t.Fatalf("%v: %+v, want about %.1f", at, v, want)
		}
		if !(v.Lower < v.Expected && v.Expected < v.Upper) || math.Abs(v.Deviations) > 3 && !edge {
			t.Fatalf("%v: %+v for the usual value", at, v)
		}
		if high := b.Judge(at, 3*v.Expected); high.Deviations < 5 {
			t.Fatalf("%v: three times the usual is %.1f deviations", at, high.Deviations)
		}
	}
}

func TestBaselineShrugsOffIncidents(t *testing.T) {
	var b Baseline
	end := learn(&b, monday, 28, 0.05, 5)
	noon := end.Add(12 * time.Hour)
	before, _ := b.Expected(noon.Add(7 * 24 * time.Hour))
	random := rand.New(rand.NewPCG(9, 9))
	for at := noon; at.Before(noon.Add(2 * time.Hour)); at = at.Add(time.Minute) {
		b.Observe(at, 10*day(at, 0.05, random))
	}
	b.Observe(noon.Add(3*time.Hour), day(noon.Add(3*time.Hour), 0, random))
	if after, _ := b.Expected(noon.Add(7 * 24 * time.Hour)); math.Abs(after/before-1) > 0.01 {
		t.Errorf("an incident of two hours moved the baseline from %.1f to %.1f", before, after)
	}
}

func TestBaselineBelievesANewNormal(t *testing.T) {
	var b Baseline
	end := learn(&b, monday, 28, 0.05, 6)
	random := rand.New(rand.NewPCG(2, 2))
	at := end
	for ; at.Before(end.Add(14 * 24 * time.Hour)); at = at.Add(time.Minute) {
		b.Observe(at, 2*day(at, 0.05, random))
	}
	noon := at.Add(12 * time.Hour)
	if v := b.Judge(noon, 2*day(noon, 0, random)); math.Abs(v.Deviations) > 3 {
		t.Errorf("two weeks at twice the load, and it is still unusual: %+v", v)
	}
}

func TestStateSurvivesJSON(t *testing.T) {
	var b Baseline
	end := learn(&b, monday, 70, 0.1, 7)
	raw, err := json.Marshal(&b)
	if err != nil || len(raw) > 32<<10 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	var again Baseline
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 3))
	for at := end; at.Before(end.Add(3 * 24 * time.Hour)); at = at.Add(time.Minute) {
		x := day(at, 0.2, random)
		if v, w := b.Observe(at, x), again.Observe(at, x); v != w {
			t.Fatalf("%v: %+v, after a restart %+v", at, v, w)
		}
	}
}

func TestBaselineTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Baseline
		at := monday
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			at = at.Add(time.Duration(rapid.IntRange(-7200, 90000).Draw(t, "step")) * time.Second)
			v := b.Observe(at, rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), -1, 1e308})).Draw(t, "x"))
			if math.IsNaN(v.Expected) || math.IsNaN(v.Deviations) || v.Lower > v.Upper {
				t.Fatalf("%+v", v)
			}
		}
		if _, err := json.Marshal(&b); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPredictorWarnsBeforeTheCrossing(t *testing.T) {
	const lead = 5 * time.Minute
	flat := func(time.Time) (float64, bool) { return 100, true }
	for name, c := range map[string]struct {
		limit  Threshold
		growth float64 // of the logarithm, per minute
	}{
		"up":         {Threshold{Value: 1000}, 0.1},
		"up fast":    {Threshold{Value: 1000}, 0.3},
		"up slowly":  {Threshold{Value: 300}, 0.04},
		"down":       {Threshold{Value: 20, Below: true}, -0.1},
		"down floor": {Threshold{Value: 5, Below: true}, -0.2},
	} {
		var p Predictor
		random := rand.New(rand.NewPCG(4, 4))
		at := monday
		for ; at.Before(monday.Add(time.Hour)); at = at.Add(5 * time.Second) {
			if _, predicted := p.Observe(at, 100*math.Exp(0.05*random.NormFloat64()), c.limit, lead, flat); predicted {
				t.Fatalf("%s: predicted at a flat level", name)
			}
		}
		var warned time.Time
		var eta time.Duration
		start := at
		for ; ; at = at.Add(5 * time.Second) {
			x := 100 * math.Exp(c.growth*at.Sub(start).Minutes()+0.05*random.NormFloat64())
			if c.limit.crossed(x) {
				break
			}
			if left, predicted := p.Observe(at, x, c.limit, lead, flat); predicted && warned.IsZero() {
				warned, eta = at, left
			}
		}
		ahead := at.Sub(warned)
		if warned.IsZero() || ahead < 30*time.Second || ahead > 2*lead {
			t.Errorf("%s: warned %v ahead", name, ahead)
		}
		if eta <= 0 || eta > lead+lead/6 || math.Abs((eta-ahead).Seconds()) > 0.5*ahead.Seconds()+60 {
			t.Errorf("%s: ETA %v, it took %v", name, eta, ahead)
		}
	}
}

func TestPredictorIsSilent(t *testing.T) {
	cold := func(time.Time) (float64, bool) { return 0, false }
	known := func(at time.Time) (float64, bool) { return day(at, 0, still()), true }
	var p, q Predictor
	random := rand.New(rand.NewPCG(5, 5))
	for at := monday; at.Before(monday.Add(3 * 24 * time.Hour)); at = at.Add(10 * time.Second) {
		x := day(at, 0.05, random)
		if _, predicted := p.Observe(at, x, Threshold{Value: 150}, 5*time.Minute, cold); predicted {
			t.Fatal("predicted while cold")
		}
		// The profile itself crosses no threshold that lies above its peak, however steep the morning is.
		if _, predicted := q.Observe(at, x, Threshold{Value: 300}, 5*time.Minute, known); predicted {
			t.Fatalf("predicted at %v on a usual day", at)
		}
	}
}

// TestPredictorTakesNoLeapForAWay: a batch that begins leads to a new level, not to the threshold.
func TestPredictorTakesNoLeapForAWay(t *testing.T) {
	flat := func(time.Time) (float64, bool) { return 100, true }
	wrong := 0
	for seed := range uint64(300) {
		var p Predictor
		random := rand.New(rand.NewPCG(seed, 8))
		leap, warned := monday.Add(time.Hour+time.Duration(random.IntN(60))*time.Second), false
		for at := monday; at.Before(leap.Add(10 * time.Minute)); at = at.Add(5 * time.Second) {
			over := min(max(at.Sub(leap).Seconds()/60, 0), 1) // the mean over 60 s
			_, predicted := p.Observe(at, (100+120*over)*math.Exp(0.05*random.NormFloat64()), Threshold{Value: 600}, 5*time.Minute, flat)
			warned = warned || predicted
		}
		if warned {
			wrong++
		}
	}
	t.Logf("%d of 300 leaps", wrong)
	if wrong > 15 {
		t.Errorf("%d of 300 leaps to 220 were taken for a way to 600", wrong)
	}
}

// still is a source of randomness for what has no noise.
func still() *rand.Rand { return rand.New(rand.NewPCG(0, 0)) }

// TestOnset draws series as collectors give them, a mean over the last window seconds of a noisy metric that changes at once, and
// looks how far the onset found is from the first frame that holds the change.
func TestOnset(t *testing.T) {
	const step = 5
	for name, c := range map[string]struct{ window, noise, factor, within float64 }{
		"step":                     {5, 0.05, 3, 1},
		"window of 60 s, 27 times": {60, 0.40, 27, 1},
		"window of 60 s, 5 times":  {60, 0.10, 5, 1},
		"window of 60 s, double":   {60, 0.12, 2, 1},
		"window of 30 s, a tenth":  {30, 0.05, 0.1, 1},
	} {
		missed := 0
		for seed := range uint64(200) {
			random := rand.New(rand.NewPCG(seed, 11))
			begin := 400 + random.Float64()*5 // s
			var raw []float64
			for s := range 600 {
				v := 45 * math.Exp(c.noise*random.NormFloat64()*2)
				if float64(s) >= begin {
					v *= c.factor
				}
				raw = append(raw, v)
			}
			var times []time.Time
			var values []float64
			var first, metBy time.Time
			for s := 60; s <= 600; s += step {
				sum := 0.0
				for k := s - int(c.window); k < s; k++ {
					sum += raw[k] / c.window
				}
				at := monday.Add(time.Duration(s) * time.Second)
				times, values = append(times, at), append(values, sum)
				if first.IsZero() && float64(s) > begin {
					first = at
				}
				if half := 45 + 45*(c.factor-1)*0.6; metBy.IsZero() && float64(s) > begin && (c.factor > 1 && sum > half || c.factor < 1 && sum < half) {
					metBy = at
				}
			}
			got, ok := Onset(times, values, metBy.Add(30*time.Second))
			if !ok || math.Abs(got.Sub(first).Seconds()) > c.within*step {
				missed++
			}
		}
		if missed > 10 {
			t.Errorf("%s: %d of 200 onsets were more than %.0f frames off", name, missed, c.within)
		} else {
			t.Logf("%s: %d of 200 off", name, missed)
		}
	}
}

func TestOnsetFindsNoneWhereThereIsNone(t *testing.T) {
	var times []time.Time
	var values []float64
	for i := range 60 {
		times, values = append(times, monday.Add(time.Duration(i)*5*time.Second)), append(values, 10)
	}
	if at, ok := Onset(times, values, times[59]); ok {
		t.Errorf("a constant began to change at %v", at)
	}
	if _, ok := Onset(times[:3], values[:3], times[2]); ok {
		t.Error("three points have no onset")
	}
	if _, ok := Onset(nil, nil, monday); ok {
		t.Error("no points have no onset")
	}
}

func TestOnsetFromNothing(t *testing.T) {
	var times []time.Time
	var values []float64
	for i := range 60 {
		times = append(times, monday.Add(time.Duration(i)*5*time.Second))
		values = append(values, 7*math.Max(0, math.Min(1, float64(i-40)/12))) // nothing until 200 s, then it fills a window of 60 s
	}
	if at, ok := Onset(times, values, times[52]); !ok || !at.Equal(times[41]) {
		t.Errorf("%v %v, want %v", at, ok, times[41])
	}
}
