package main

import (
	"fmt"
	"time"

	"graphsnap/configs"
)

// surgeOver is how many times the rate of the demo its traffic must exceed to be a surge; its wave goes up to 1.3 times.
const surgeOver = 1.6

// demoRules are the rules of the demo where the configuration has none: what an incident is, and a snapshot every five minutes.
// Configurations of real databases begin without rules, because only their owners know what is usual there.
func demoRules(rate float64) []configs.Rule {
	demo := []string{demoSource}
	return []configs.Rule{
		{Name: "every_5m", Sources: demo, Schedule: configs.Schedule{Every: configs.Duration(5 * time.Minute), SkipUnchanged: true}},
		{Name: "bottleneck", Sources: demo, Incident: configs.Incident{Detector: "bottleneck", Severity: configs.Words{"critical", "high"}}},
		{Name: "deadlocks", Sources: demo, Incident: configs.Incident{Detector: "deadlocks", Condition: "> 0"}},
		{Name: "error_rate", Sources: demo, Incident: configs.Incident{Detector: "error_rate", Condition: "> 5%"}},
		{Name: "lock_chain", Sources: demo, Incident: configs.Incident{Detector: "lock_chain", Condition: "> 1s"}},
		{
			Name: "traffic_surge", Sources: demo, Case: true, Severity: "high",
			Threshold: configs.Threshold{Metric: "queries_per_sec", Condition: fmt.Sprintf("> %.0f/s", surgeOver*rate), Clear: fmt.Sprintf("< %.0f/s", 1.4*rate)},
		},
	}
}
