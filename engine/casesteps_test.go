package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestChooseFrames(t *testing.T) {
	// Frames are named by the seconds before the trigger at noon.
	for name, c := range map[string]struct {
		held  []int
		onset int
		most  int
		want  string
	}{
		"an hour's pace":              {[]int{600, 540, 480, 420, 360, 300, 240, 180, 120, 60}, 90, 5, "[600 480 300 120 60]"},
		"a long rise":                 {[]int{100, 90, 80, 70, 60, 50, 40, 30, 20, 10}, 55, 5, "[100 90 80 60 30]"},
		"the onset is the trigger":    {[]int{50, 40, 30, 20, 10}, 0, 5, "[50 40 30 20 10]"},
		"the onset is long ago":       {[]int{50, 40, 30, 20, 10}, 500, 5, "[50 30 20]"},
		"few frames":                  {[]int{20, 10}, 15, 5, "[20 10]"},
		"one before, many between":    {[]int{60, 50, 40, 30, 20, 10}, 55, 5, "[60 50 30]"},
		"a frame of the trigger":      {[]int{20, 10, 0, -10}, 15, 5, "[20 10]"},
		"no frames":                   {nil, 10, 5, "[]"},
		"three at most":               {[]int{60, 50, 40, 30, 20, 10}, 25, 3, "[60 30 10]"},
		"two at most, still in order": {[]int{60, 50, 40, 30, 20, 10}, 25, 2, "[30 10]"},
	} {
		var frames []FrameInfo
		for _, s := range c.held {
			frames = append(frames, FrameInfo{At: noon.Add(-time.Duration(s) * time.Second)})
		}
		got := []int{}
		for _, f := range chooseFrames(frames, noon.Add(-time.Duration(c.onset)*time.Second), noon, c.most) {
			got = append(got, int(noon.Sub(f.At)/time.Second))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

func TestFollowUpSteps(t *testing.T) {
	offsets := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}
	for open, want := range map[time.Duration]string{
		-time.Second: "0 0s", 0: "0 0s", 29 * time.Second: "0 0s", 30 * time.Second: "1 30s", 119 * time.Second: "2 1m0s", 5 * time.Minute: "4 5m0s",
		9*time.Minute + 59*time.Second: "4 5m0s", 10 * time.Minute: "5 10m0s", 61 * time.Minute: "15 1h0m0s",
	} {
		step, due := followUpStep(open, offsets, 5*time.Minute)
		if got := fmt.Sprint(step, due); got != want {
			t.Errorf("after %s: %s, want %s", open, got, want)
		}
	}
	if step, _ := followUpStep(time.Hour, []time.Duration{}, 0); step != 0 {
		t.Errorf("without a plan there is step %d", step)
	}
}

func TestPeakFollowsTheSideOfTheThreshold(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	high, low := &Case{Threshold: v(100)}, &Case{Threshold: v(100)}
	for i, x := range []float64{120, 500, 90, 300} {
		high.rise(v(x), noon.Add(time.Duration(i)*time.Second))
	}
	for i, x := range []float64{80, 10, 200, 30} {
		low.rise(v(x), noon.Add(time.Duration(i)*time.Second))
	}
	low.rise(nil, noon)
	if *high.PeakValue != 500 || *low.PeakValue != 10 || !low.PeakAt.Equal(noon.Add(time.Second)) {
		t.Errorf("the peaks are %g and %g", *high.PeakValue, *low.PeakValue)
	}
}

func TestDeploymentSlugsKeepTheirSide(t *testing.T) {
	for what, want := range map[string]string{
		"checkout v2": "checkout_v2_pre_deploy", "Zürich/Kasse 1.2.3": "z_rich_kasse_1_2_3_pre_deploy", strings.Repeat("long name ", 20): "long_name_long_name_long_name_pre_deploy",
		"日本": "manual_pre_deploy",
	} {
		if got := deploymentSlug(what, "pre_deploy"); got != want || !IsSnapshotID(SnapshotID(noon, got, TriggerManual)) {
			t.Errorf("%q gives %s, want %s", what, got, want)
		}
		if id := SnapshotID(noon, deploymentSlug(what, "post_deploy"), TriggerManual); !strings.HasSuffix(id, "_post_deploy") {
			t.Errorf("%q gives %s", what, id)
		}
	}
}

func TestPackedGraphsAreTheSame(t *testing.T) {
	g := BenchGraph{Nodes: 200, Relationships: 1000, Step: 3}.Graph()
	g.Nodes[0].Properties["list"] = []any{int64(1), int64(2)}
	g.Nodes[0].Properties["exact"] = 0.1
	g.Nodes[0].Properties["at"] = noon
	g.Nodes[0].Properties["day"] = Date("2026-01-31")
	g.Nodes[0].Properties["bytes"] = []byte{0, 255}
	packed, err := packGraph(g)
	if err != nil {
		t.Fatal(err)
	}
	back, err := unpackGraph(packed)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ManifestOf(g)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ManifestOf(back)
	if err != nil || got.Root() != want.Root() || got.State() != want.State() {
		t.Errorf("the graph has another hash: %v", err)
	}
	if _, err := unpackGraph(packed[:len(packed)/2]); err == nil {
		t.Error("half a graph can be unpacked")
	}
}

func BenchmarkPackGraph(b *testing.B) {
	for _, size := range [][2]int{{100, 500}, {1000, 5000}, {10000, 50000}} {
		g := BenchGraph{Nodes: size[0], Relationships: size[1], Step: 1}.Graph()
		b.Run(fmt.Sprintf("%d/%d", size[0], size[1]), func(b *testing.B) {
			n := 0
			for range b.N {
				packed, err := packGraph(g)
				if err != nil {
					b.Fatal(err)
				}
				n = len(packed)
			}
			b.ReportMetric(float64(n)/float64(size[0]+size[1]), "B/element")
			b.ReportMetric(float64(n), "B/frame")
		})
	}
}
