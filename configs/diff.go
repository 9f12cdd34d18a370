package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

var indexes = regexp.MustCompile(`\[\d+\]`)

// Change is one difference between two configurations.
type Change struct {
	Path    string // sources.shop.dsn
	Text    string // source shop: dsn changed
	Restart bool   // has no effect before the next start
}

// fixed says whether a path holds what a running server cannot change: its listener, its connections to Neo4j, the form of
// its log.
func fixed(path string) bool {
	section, _, _ := strings.Cut(path, ".")
	return slices.Contains([]string{"server", "live", "snapshots"}, section) || path == "log.format"
}

// Compare says in words what differs between two configurations, section by section. Values are not repeated where they
// may be secret.
func Compare(old, new Config) []Change {
	var list []Change
	a, b := reflect.ValueOf(old), reflect.ValueOf(new)
	for i := range a.NumField() {
		section := yamlName(a.Type().Field(i))
		x, y := a.Field(i), b.Field(i)
		switch x.Kind() {
		case reflect.Slice:
			list = append(list, compareMembers(section, members(x), members(y))...)
		case reflect.Map:
			list = append(list, compareMembers(section, members(x), members(y))...)
		case reflect.Struct:
			for _, c := range fieldChanges(x, y, section) {
				c.Restart = fixed(c.Path)
				list = append(list, c)
			}
		default:
			if !x.Equal(y) {
				list = append(list, Change{Path: section, Text: fmt.Sprintf("%s changed from %v to %v", section, x, y)})
			}
		}
	}
	for i := range list {
		if list[i].Restart {
			list[i].Text += ": needs a restart"
		}
	}
	return list
}

// singular is what one member of a section is called.
var singular = map[string]string{
	"sources": "source", "rules": "rule", "calendars": "calendar", "maintenance": "maintenance window", "templates": "template", "webhooks": "webhook",
}

// members gives the members of a list or map by name.
func members(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			out[key.String()] = v.MapIndex(key)
		}
		return out
	}
	for i := range v.Len() {
		m := v.Index(i)
		name := fmt.Sprint(i + 1)
		if w, ok := m.Interface().(Webhook); ok {
			name = w.Label()
		} else if f := m.FieldByName("Name"); f.IsValid() {
			name = f.String()
		}
		out[name] = m
	}
	return out
}

func compareMembers(section string, old, new map[string]reflect.Value) []Change {
	var list []Change
	what := singular[section]
	for _, name := range names(old) {
		path := join(section, name)
		now, there := new[name]
		if !there {
			list = append(list, Change{Path: path, Text: fmt.Sprintf("%s %s removed", what, name)})
			continue
		}
		for _, c := range fieldChanges(old[name], now, "") {
			c.Restart = section == "sources" && c.Path == "default"
			list = append(list, Change{Path: join(path, c.Path), Text: fmt.Sprintf("%s %s: %s", what, name, c.Text), Restart: c.Restart})
		}
	}
	for _, name := range names(new) {
		if _, there := old[name]; !there {
			list = append(list, Change{Path: join(section, name), Text: fmt.Sprintf("%s %s added", what, name)})
		}
	}
	return list
}

// fieldChanges compares two structs of one type, key by key.
func fieldChanges(a, b reflect.Value, path string) []Change {
	var list []Change
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		below := join(path, yamlName(f))
		x, y := a.Field(i), b.Field(i)
		if x.Kind() == reflect.Struct {
			list = append(list, fieldChanges(x, y, below)...)
			continue
		}
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		text := below + " changed"
		if _, secret := x.Interface().(Secret); !secret && short(x) && short(y) {
			text = fmt.Sprintf("%s changed from %s to %s", below, spoken(x), spoken(y))
		}
		list = append(list, Change{Path: below, Text: text})
	}
	return list
}

func short(v reflect.Value) bool { return len(fmt.Sprint(v.Interface())) <= 60 }

func spoken(v reflect.Value) string {
	text := fmt.Sprint(v.Interface())
	if text == "" || v.Kind() == reflect.Slice && v.Len() == 0 {
		return "nothing"
	}
	return text
}
