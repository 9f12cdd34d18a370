package trigger

import (
	"testing"

	"graphsnap/engine"
)

// Cases show the unit that the engine knows of a metric; it must be the one that rules are written in.
func TestUnitsOfMetricsAreThoseOfTheEngine(t *testing.T) {
	for _, m := range Metrics() {
		for _, name := range append([]string{m.Name}, m.Aliases...) {
			if unit, known := engine.UnitOf(name); !known || unit != m.Unit {
				t.Errorf("%s is measured in %q here, in %q for the engine, which knows it: %v", name, m.Unit, unit, known)
			}
		}
	}
}
