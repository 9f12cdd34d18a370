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

// Element gives a figure of an element: the value of a relationship, or the named property of a node. Nil is unknown.
func (f *Frame) Element(key, property string) *float64 {
	if f.Graph == nil {
		return nil
	}
	for _, r := range f.Graph.Relationships {
		if r.Key == key {
			return finite(numberPtr(r.Properties, "value"))
		}
	}
	for _, n := range f.Graph.Nodes {
		if n.Key == key {
			return finite(numberPtr(n.Properties, property))
		}
	}
	return nil
}
