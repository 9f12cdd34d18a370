package configs

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// known are variables of ours that set no key of the configuration.
var known = []string{
	"GRAPHSNAP_CONFIG", "GRAPHSNAP_SERVER", "GRAPHSNAP_DATA_DIR", "GRAPHSNAP_CACHE_DIR", "GRAPHSNAP_POSTGRES_REPOSITORY", "GRAPHSNAP_URL",
}

// override applies GRAPHSNAP_<SECTION>_<KEY>, such as GRAPHSNAP_LIVE_URI. Lists and nested sections have no variables.
func override(c *Config, environ []string, r *report) {
	type target struct {
		value reflect.Value
		path  string
	}
	targets := map[string]target{}
	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		section := sections.Field(i)
		if section.Kind() != reflect.Struct {
			continue
		}
		name := yamlName(sections.Type().Field(i))
		prefix := "GRAPHSNAP_" + strings.ToUpper(name) + "_"
		for j := range section.NumField() {
			if k := section.Field(j).Kind(); k == reflect.String || k == reflect.Int || k == reflect.Int64 {
				key := yamlName(section.Type().Field(j))
				targets[prefix+strings.ToUpper(key)] = target{section.Field(j), join(name, key)}
			}
		}
	}
	names := make([]string, 0, len(targets))
	for name := range targets {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "GRAPHSNAP_") || slices.Contains(known, name) || strings.HasPrefix(name, "GRAPHSNAP_TEST_") {
			continue
		}
		t, ok := targets[name]
		if !ok {
			warning := "environment variable " + name + " sets nothing"
			if guess := nearest(name, names); guess != "" {
				warning += "; did you mean " + guess + "?"
			}
			r.warn("%s", warning)
			continue
		}
		// From here on this is where the value is written.
		r.keys[t.path], r.values[t.path] = place{env: name}, place{env: name}
		if err := set(t.value, value); err != nil {
			noteWorded(r, t.path, err)
		}
	}
}

func set(target reflect.Value, value string) error {
	if w, ok := target.Addr().Interface().(worded); ok {
		return w.fromText(value)
	}
	if target.Kind() == reflect.String {
		target.SetString(value)
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%q is no whole number; write it in digits, such as 10", value)
	}
	target.SetInt(int64(n))
	return nil
}
