package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// worded are values that read themselves from their text.
type worded interface{ fromText(text string) error }

// decode reads a value into a variable, key by key, and notes in the report where each one is written. The words of the
// YAML library name Go types, and its errors end at the first one; both are of no use to who writes the file.
func decode(n *node, into reflect.Value, path string, r *report) {
	r.values[path] = n.at
	if n.kind == nullNode {
		return // a key without a value is left at its default
	}
	if w, ok := into.Addr().Interface().(worded); ok {
		if n.kind != scalarNode {
			r.at(path, "write it as one text", "%s is %s, not a single value", lastKey(path), kindOf(n))
		} else if err := w.fromText(n.text); err != nil {
			message, hint, _ := strings.Cut(err.Error(), "; ")
			r.at(path, hint, "%s", message)
		}
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		decode(n, into.Elem(), path, r)
	case reflect.Struct:
		decodeStruct(n, into, path, r)
	case reflect.Slice:
		if n.kind != listNode {
			hint := "write a list: [a, b], or one line for each, beginning with \"- \""
			if n.kind == scalarNode {
				hint = fmt.Sprintf("write it as a list: [%s]", secretURL.ReplaceAllString(n.text, "${1}xxxxx@"))
			}
			r.at(path, hint, "%s is %s, and a list is needed", lastKey(path), kindOf(n))
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), len(n.items), len(n.items)))
		for i, item := range n.items {
			decode(item, into.Index(i), fmt.Sprintf("%s[%d]", path, i), r)
		}
	case reflect.Map:
		if n.kind != mapNode {
			r.at(path, "write NAME: VALUE, one in a line", "%s is %s, and names with values are needed", lastKey(path), kindOf(n))
			return
		}
		into.Set(reflect.MakeMap(into.Type()))
		for _, e := range n.entries {
			below := join(path, e.name)
			r.keys[below] = e.at
			value := reflect.New(into.Type().Elem()).Elem()
			decode(e.value, value, below, r)
			into.SetMapIndex(reflect.ValueOf(e.name), value)
		}
	default:
		decodeScalar(n, into, path, r)
	}
}

func decodeStruct(n *node, into reflect.Value, path string, r *report) {
	if n.kind != mapNode {
		r.at(path, "keys are "+quoted(keysOf(into.Type())), "%s is %s, and keys with values are needed", lastKey(path), kindOf(n))
		return
	}
	for _, e := range n.entries {
		below := join(path, e.name)
		r.keys[below] = e.at
		field, ok := fieldOf(into, e.name)
		if !ok {
			r.atKey(below, unknownHint(e.name, into.Type()), "unknown key %q", e.name)
			continue
		}
		decode(e.value, field, below, r)
	}
}

func decodeScalar(n *node, into reflect.Value, path string, r *report) {
	if n.kind != scalarNode {
		r.at(path, "write a single value", "%s is %s, not a single value", lastKey(path), kindOf(n))
		return
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(n.text)
		if into.Type() == reflect.TypeFor[Secret]() && len(n.text) > 1 {
			for line := range strings.Lines(n.text) {
				r.secrets = append(r.secrets, strings.TrimSpace(line))
			}
		}
	case reflect.Bool:
		v, err := strconv.ParseBool(strings.ToLower(n.text))
		if err != nil || n.quoted {
			r.at(path, "write true or false, without quotes", "%s is %q, and true or false is needed", lastKey(path), n.text)
		}
		into.SetBool(v)
	case reflect.Int, reflect.Int64:
		v, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, into.Type().Bits())
		if err != nil {
			r.at(path, "write it in digits, such as 10", "%s is %q, and a whole number is needed", lastKey(path), n.text)
		}
		into.SetInt(v)
	case reflect.Float64:
		v, err := strconv.ParseFloat(n.text, 64)
		if err != nil {
			r.at(path, "write it in digits, such as 0.5", "%s is %q, and a number is needed", lastKey(path), n.text)
		}
		into.SetFloat(v)
	}
}

func kindOf(n *node) string {
	switch n.kind {
	case listNode:
		return "a list"
	case mapNode:
		return "a map"
	}
	return fmt.Sprintf("the value %q", secretURL.ReplaceAllString(n.text, "${1}xxxxx@"))
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func lastKey(path string) string {
	if path == "" {
		return "the file"
	}
	return path[strings.LastIndex(path, ".")+1:]
}

// fieldOf gives the field with a YAML name; those of embedded structs count as the struct's own.
func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if inner, ok := fieldOf(v.Field(i), name); ok {
				return inner, true
			}
		} else if f.IsExported() && yamlName(f) == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// keysOf lists the keys of a struct.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Anonymous:
			keys = append(keys, keysOf(f.Type)...)
		case f.IsExported():
			keys = append(keys, yamlName(f))
		}
	}
	return keys
}

// unknownHint says what was probably meant by a key: one that is spelled nearly so here, or one of another section.
func unknownHint(name string, t reflect.Type) string {
	if near := nearest(name, keysOf(t)); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	var sections []string
	collectKeys(reflect.TypeFor[document](), "", func(section, key string) {
		if key == name && !slices.Contains(sections, section) {
			sections = append(sections, section)
		}
	})
	if len(sections) > 0 && len(sections) < 4 {
		return fmt.Sprintf("%q belongs to %s", name, strings.Join(sections, ", "))
	}
	return "keys are " + quoted(keysOf(t))
}

// collectKeys visits every key of a type with the section that it stands in.
func collectKeys(t reflect.Type, section string, visit func(section, key string)) {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		collectKeys(t.Elem(), section, visit)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				collectKeys(f.Type, section, visit)
				continue
			}
			if !f.IsExported() {
				continue
			}
			name := yamlName(f)
			visit(fallback(section, "the top level"), name)
			collectKeys(f.Type, join(section, name), visit)
		}
	}
}

func fallback(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
