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

// milliseconds are those of the units of time.
var milliseconds = map[string]float64{"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}

// ParseCondition reads "> 1000ms", ">= 5 %", "< 200/s" or "> 5" for a metric; the value is turned into the metric's own unit. A
// metric that is not known takes the value as it is written: Set.Check names it. Kinds: invalid.
func ParseCondition(text, metric string) (Condition, error) {
	const op = "condition"
	m := conditionForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Condition{}, engine.Errorf(engine.KindInvalid, op, "%q is no condition", text).
			WithHint("write an operator, a number and a unit, such as \"> 1000ms\", \">= 5%%\" or \"> 500/s\"")
	}
	v, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		return Condition{}, engine.Errorf(engine.KindInvalid, op, "%q is out of range", m[2]).WithHint("write a number below 1e308")
	}
	unit, known := engine.UnitOf(metric)
	c := Condition{Op: m[1], Value: v, Unit: m[3]}
	if !known || c.Unit == "" {
		return c, nil
	}
	scale, asTime := milliseconds[c.Unit]
	switch {
	case asTime && unit == "ms":
		c.Value *= scale
	case asTime && unit == "s":
		c.Value *= scale / 1000
	case c.Unit == "%" && (unit == "%" || canonical(metric) == MetricConnections):
	case c.Unit == "%" && unit == "ratio":
		c.Value /= 100
	case c.Unit == "/s" && strings.HasSuffix(unit, "/s") && unit != "ms/s":
	default:
		return Condition{}, engine.Errorf(engine.KindInvalid, op, "%s is not measured in %s", metric, c.Unit).WithHint("%s", unitHint(metric, unit))
	}
	if c.Value > maxValue || c.Value < -maxValue {
		return Condition{}, engine.Errorf(engine.KindInvalid, op, "%q is out of range", text).WithHint("write a number below 1e300")
	}
	return c, nil
}

const maxValue = 1e300

func unitHint(metric, unit string) string {
	switch unit {
	case "ms", "s":
		return "it is a time: write a number with ms, s, min or h; without a unit it is taken as " + unit
	case "%":
		return "it is a percentage: write a number with % or without a unit"
	case "ratio":
		return "it is a ratio: write a number from 0 to 1, or one with %"
	case "":
		return "write the number without a unit"
	}
	return "its unit is " + unit + ": write the number without a unit"
}

// Holds says whether a value meets the condition.
func (c Condition) Holds(v float64) bool {
	switch c.Op {
	case ">":
		return v > c.Value
	case ">=":
		return v >= c.Value
	case "<":
		return v < c.Value
	case "<=":
		return v <= c.Value
	case "==":
		return v == c.Value
	case "!=":
		return v != c.Value
	}
	return false
}

// below says that small values are the bad ones.
func (c Condition) below() bool { return c.Op == "<" || c.Op == "<=" }

// text writes the condition with the unit of its metric, "> 1000 ms".
func (c Condition) text(unit string) string { return c.Op + " " + amount(c.Value, unit) }

// check finds what no condition may be.
func (c Condition) check(op, metric string) error {
	switch c.Op {
	case ">", ">=", "<", "<=", "==", "!=":
	default:
		return engine.Errorf(engine.KindInvalid, op, "there is no operator %q", c.Op).WithHint("operators are >, >=, <, <=, == and !=")
	}
	if _, known := engine.UnitOf(metric); !known && c.Unit != "" {
		return engine.Errorf(engine.KindInvalid, op, "the unit of %s is not known, so %q cannot be turned into it", metric, c.Unit).
			WithHint("write the number alone, as the property holds it")
	}
	return nil
}
