package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// maxName bounds the name of a rule, which becomes part of the ids of its snapshots.
const maxName = 100

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	classForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)
	notInName = regexp.MustCompile(`[^a-z0-9.]+`)
)

// nameRules gives a name to each rule that has none. It follows from what the rule says alone, so that another order of
// the file, or another rule beside it, leaves what is remembered under the name where it belongs. Only where two rules
// differ by nothing but their duration does it become part of the name.
func nameRules(c *Config, r *report) {
	groups := map[string][]int{}
	for i := range c.Rules {
		rule := &c.Rules[i]
		rule.path = fmt.Sprintf("rules[%d]", i)
		if rule.Name == "" {
			rule.derived = true
			name := rule.deriveName()
			groups[name] = append(groups[name], i)
		}
	}
	dropped := map[int]bool{}
	for name, members := range groups {
		for k, i := range members {
			c.Rules[i].Name = name
			for _, j := range members[:k] {
				if !dropped[j] && c.Rules[j].says(c.Rules[i]) {
					dropped[i] = true // written twice, meant once
				}
			}
		}
	}
	for _, members := range groups {
		left := slices.DeleteFunc(members, func(i int) bool { return dropped[i] })
		if len(left) < 2 {
			continue
		}
		for _, i := range left {
			if span := c.Rules[i].holds(); span > 0 {
				c.Rules[i].Name += "_for_" + slug(span.String())
			}
		}
	}
	rules := make([]Rule, 0, len(c.Rules))
	first := map[string]string{}
	for i, rule := range c.Rules {
		if dropped[i] {
			continue
		}
		if other, twice := first[rule.Name]; twice && rule.Name != "" {
			hint := "each rule needs a name of its own, which tells its snapshots apart"
			if rule.derived {
				hint = "they say nearly the same: leave one out, or give one of them a name"
			}
			r.at(rule.path+".name", hint, "two rules are called %q: this one and that in %s", rule.Name, r.where(other))
		} else {
			first[rule.Name] = rule.path
		}
		rules = append(rules, rule)
	}
	c.Rules = rules
}

// says reports whether two rules say the same.
func (rule Rule) says(other Rule) bool {
	rule.path, other.path = "", ""
	return reflect.DeepEqual(rule, other)
}

// holds gives how long a rule must be met.
func (rule Rule) holds() Duration {
	return max(rule.Threshold.For, rule.Incident.For, rule.Smart.For)
}

// deriveName gives a name such as avg_latency_gt_1000ms.
func (rule Rule) deriveName() string {
	var parts []string
	part := func(texts ...string) {
		for _, text := range texts {
			if text = slug(text); text != "" {
				parts = append(parts, text)
			}
		}
	}
	switch s, t, i, m := rule.Schedule, rule.Threshold, rule.Incident, rule.Smart; {
	case s.Every > 0:
		part("every", s.Every.String())
	case s.Cron != "":
		part("cron", s.Cron)
	case !isZero(t):
		part(t.Metric, t.Scope, t.Condition)
	case !isZero(i):
		words := slices.Clone(i.Severity)
		slices.SortFunc(words, func(a, b string) int { return slices.Index(severities, b) - slices.Index(severities, a) })
		part(append([]string{"incident", i.Detector, i.Condition}, words...)...)
	case !isZero(m):
		part("smart", m.Detector, m.Metric, m.Scope, m.Condition)
	default:
		return ""
	}
	part(rule.When)
	part(rule.Sources...)
	name := strings.Join(parts, "_")
	return strings.Trim(name[:min(len(name), maxName)], "_.")
}

// spelled are signs that would vanish from a name.
var spelled = strings.NewReplacer(
	">=", " ge ", "<=", " le ", "==", " eq ", "!=", " ne ", "->", " to ", ">", " gt ", "<", " lt ", "%", "pct", "/s", "_per_s", "*/", "every", "*", "any", "?", "any",
)

func slug(text string) string {
	text = notInName.ReplaceAllString(strings.ToLower(spelled.Replace(text)), "_")
	for strings.HasSuffix(text, "_any") {
		text = strings.TrimSuffix(text, "_any")
	}
	return strings.Trim(text, "_.")
}

func isZero(v any) bool { return reflect.ValueOf(v).IsZero() }
