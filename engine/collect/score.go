package collect

import "math"

// hotspotScore says from 0 to 100 how much an element deserves a look: half for its share of the database's time, three
// tenths for its latency on a logarithmic scale that ends at one second, two tenths for its share of all calls.
func hotspotScore(timeShare, latencyMS, callShare float64) float64 {
	latency := math.Min(1, math.Log10(1+math.Max(0, latencyMS))/3)
	return 100 * (0.5*clamp(timeShare) + 0.3*latency + 0.2*clamp(callShare))
}

// indexEfficiency gives the part of the rows read that an index found, in %; ok is false where nothing was read.
func indexEfficiency(t tableCounters) (percent float64, ok bool) {
	all := t.idxRows + t.seqRows
	if all <= 0 {
		return 0, false
	}
	return 100 * float64(t.idxRows) / float64(all), true
}

// cacheHit gives the part of the blocks that were in shared buffers, in %.
func cacheHit(t tableCounters) (percent float64, ok bool) {
	all := t.hit + t.read
	if all <= 0 {
		return 0, false
	}
	return 100 * float64(t.hit) / float64(all), true
}

func clamp(v float64) float64 { return math.Max(0, math.Min(1, v)) }

func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}
