package engine

import "time"

// Frame is a light snapshot: the live graph of one source at one tick, in memory only. Nobody changes it.
type Frame struct {
	Source      string
	At          time.Time // when it was collected; for graphs without a collector, when it was read
	State       LiveState
	Graph       *Graph
	Consistency Consistency
}
