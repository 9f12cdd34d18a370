package configs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cronField is one field of a cron expression.
type cronField struct {
	name      string
	low, high int
	words     []string // words[i] stands for low+i
}

var cronFields = []cronField{
	{"second", 0, 59, nil}, {"minute", 0, 59, nil}, {"hour", 0, 23, nil}, {"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 6, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

var cronDescriptors = []string{"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}

// checkCron explains what is wrong with a cron expression, naming the field. The library that runs it says less.
func checkCron(text string) error {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "@") {
		if span, ok := strings.CutPrefix(text, "@every "); ok {
			return fmt.Errorf("%q is no cron expression; write every: %s", text, strings.TrimSpace(span))
		}
		if !slices.Contains(cronDescriptors, text) {
			return fmt.Errorf("%q is no cron expression; %s", text, guess(text, cronDescriptors, "write six fields, or one of"))
		}
		return nil
	}
	if strings.Contains(text, "TZ=") {
		return fmt.Errorf("the cron expression %q names a zone; write the zone in its own key: zone: Europe/Prague", text)
	}
	fields := strings.Fields(text)
	switch len(fields) {
	case 5:
		fields = append([]string{"0"}, fields...)
	case 6:
	default:
		return fmt.Errorf("the cron expression %q has %d fields; write six: second minute hour day-of-month month day-of-week, such as \"0 */5 * * * *\"", text, len(fields))
	}
	var sets [6][]int
	for i, f := range cronFields {
		set, err := f.parse(fields[i])
		if err != nil {
			return fmt.Errorf("the field %s of the cron expression %q is wrong: %w", f.name, text, err)
		}
		sets[i] = set
	}
	if days, months := sets[3], sets[4]; fields[5] == "*" || fields[5] == "?" {
		for _, m := range months {
			// 29 February comes in leap years.
			if days[0] <= time.Date(2024, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
				return nil
			}
		}
		return fmt.Errorf("the cron expression %q never comes: no month in it has day %d; correct day of month or month", text, days[0])
	}
	return nil
}

// parse gives the values that a field stands for, rising. Errors are "what; hint".
func (f cronField) parse(text string) ([]int, error) {
	set := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		low, high := f.low, f.high
		if span != "*" && span != "?" {
			from, to, ranged := strings.Cut(span, "-")
			var err error
			if low, err = f.value(from); err != nil {
				return nil, err
			}
			if high = low; ranged {
				if high, err = f.value(to); err != nil {
					return nil, err
				}
			} else if stepped {
				high = f.high
			}
			if high < low {
				return nil, fmt.Errorf("the range %s runs backwards; write %s-%s, or two ranges with a comma", span, to, from)
			}
		}
		step := 1
		if stepped {
			v, err := strconv.Atoi(stepText)
			if err != nil || v < 1 {
				return nil, fmt.Errorf("%q is no step; write /1 or more, such as */5", stepText)
			}
			step = v
		}
		for v := low; v <= high; v += step {
			set[v] = true
		}
	}
	list := make([]int, 0, len(set))
	for v := range set {
		list = append(list, v)
	}
	slices.Sort(list)
	return list, nil
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.words, strings.ToLower(text)); i >= 0 {
		return f.low + i, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < f.low || v > f.high {
		allowed := fmt.Sprintf("write %d to %d, *, a range such as %d-%d or a step such as */5", f.low, f.high, f.low, f.low+4)
		if f.words != nil {
			allowed = fmt.Sprintf("write %d to %d or %s to %s", f.low, f.high, f.words[0], f.words[len(f.words)-1])
		}
		return 0, fmt.Errorf("%q is not in it; %s", text, allowed)
	}
	return v, nil
}
