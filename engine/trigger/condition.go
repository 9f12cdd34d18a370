package trigger

import (
	"regexp"
	"strconv"
	"strings"

	"graphsnap/engine"
)

// Condition compares a metric with a value, as in "> 1000ms".
type Condition struct {
	Op    string  // > >= < <= == !=
	Value float64 // in the metric's own unit
	Unit  string  // as it was written; "" where there was none
}

var conditionForm = regexp.MustCompile(`^(>=|<=|==|!=|>|<)\s*(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(ms|s|min|h|%|/s|)$`)

// ParseCondition reads "> 1000ms", ">= 5 %", "< 200/s" or "> 5" for a metric; times are turned into its unit. Kinds: invalid.
func ParseCondition(text, metric string) (Condition, error) {
	m := conditionForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Condition{}, engine.Errorf(engine.KindInvalid, "condition", "%q is no condition", text).
			WithHint("write an operator, a number and a unit, such as \"> 1000ms\", \">= 5%%\" or \"> 500/s\"")
	}
	v, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		return Condition{}, engine.Errorf(engine.KindInvalid, "condition", "%q is no number", m[2])
	}
	return Condition{Op: m[1], Value: v, Unit: m[3]}, nil
}
