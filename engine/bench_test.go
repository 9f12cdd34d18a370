package engine_test

import (
	"testing"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// BenchmarkDigestGraph times the proof of 10,000 nodes and 50,000 relationships.
func BenchmarkDigestGraph(b *testing.B) {
	g := enginetest.SizedGraph(10_000, 50_000, 0)
	for b.Loop() {
		if _, err := engine.DigestGraph(g); err != nil {
			b.Fatal(err)
		}
	}
}
