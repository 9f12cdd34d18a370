package engine_test

import (
	"testing"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// BenchmarkManifest times the proof of 10,000 nodes and 50,000 relationships.
func BenchmarkManifest(b *testing.B) {
	g := enginetest.SizedGraph(10_000, 50_000, 0)
	for b.Loop() {
		if _, err := engine.ManifestOf(g); err != nil {
			b.Fatal(err)
		}
	}
}
