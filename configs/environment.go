package configs

import (
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"graphsnap/engine"
)

// known are variables of ours that set no key of the configuration.
var known = []string{
	"GRAPHSNAP_CONFIG", "GRAPHSNAP_SERVER", "GRAPHSNAP_DATA_DIR", "GRAPHSNAP_CACHE_DIR", "GRAPHSNAP_POSTGRES_REPOSITORY", "GRAPHSNAP_URL",
}

// override applies GRAPHSNAP_<SECTION>_<KEY>, such as GRAPHSNAP_LIVE_URI. Lists and nested sections have no variables.
func override(c *Config, environ []string) (warnings []string, err error) {
	targets := map[string]reflect.Value{}
	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		section := sections.Field(i)
		if section.Kind() != reflect.Struct {
			continue
		}
		prefix := "GRAPHSNAP_" + strings.ToUpper(sections.Type().Field(i).Tag.Get("yaml")) + "_"
		for j := range section.NumField() {
			if k := section.Field(j).Kind(); k == reflect.String || k == reflect.Int || k == reflect.Int64 {
				targets[prefix+strings.ToUpper(section.Type().Field(j).Tag.Get("yaml"))] = section.Field(j)
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
		target, ok := targets[name]
		if !ok {
			warning := "environment variable " + name + " sets nothing"
			if guess := nearest(name, names); guess != "" {
				warning += "; did you mean " + guess + "?"
			}
			warnings = append(warnings, warning)
			continue
		}
		if err := set(target, value); err != nil {
			return nil, engine.Errorf(engine.KindInvalid, "config", "environment variable %s: %v", name, err)
		}
	}
	return warnings, nil
}

func set(target reflect.Value, value string) error {
	if _, span := target.Interface().(Duration); span {
		d, err := parseDuration(value)
		target.SetInt(int64(d))
		return err
	}
	if target.Kind() == reflect.String {
		target.SetString(value)
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return engine.Errorf(engine.KindInvalid, "", "%q is no whole number", value)
	}
	target.SetInt(int64(n))
	return nil
}
