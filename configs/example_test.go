package configs

import (
	"reflect"
	"testing"
)

// TestExampleHoldsEveryKey: the example loads, has every key of the configuration, and the defaults of what is no example.
func TestExampleHoldsEveryKey(t *testing.T) {
	c, warnings, err := Parse([]byte(Example), "example")
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	tree, p := parseTree([]byte(Example))
	if p != nil {
		t.Fatal(p.message)
	}
	r := newReport("example", []byte(Example))
	decode(tree, reflect.ValueOf(&document{}).Elem(), "", r)
	have := map[string]bool{}
	for path := range r.keys {
		have[indexes.ReplaceAllString(path, "")] = true
	}
	for _, name := range []string{"calendars.business_hours", "templates.orders", "retention.classes"} {
		if !have[name] {
			t.Errorf("%s is missing", name)
		}
	}
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		switch typ.Kind() {
		case reflect.Slice:
			walk(typ.Elem(), path)
		case reflect.Map:
			walk(typ.Elem(), path+map[string]string{"calendars": ".business_hours", "templates": ".orders"}[path])
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				if !f.IsExported() {
					continue
				}
				below := join(path, yamlName(f))
				if !have[below] && below != "snapshots.default_source" {
					t.Errorf("the example has no %s", below)
				}
				walk(f.Type, below)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")

	want := Default()
	for _, part := range []struct {
		name      string
		got, want any
	}{
		{"server", c.Server, want.Server}, {"live", c.Live, want.Live}, {"snapshots", c.Snapshots, want.Snapshots}, {"collect", c.Collect, want.Collect},
		{"log", c.Log, want.Log}, {"zone", c.Zone, want.Zone}, {"recorder", c.Recorder, want.Recorder}, {"storage", c.Storage, want.Storage}, {"export", c.Export, want.Export},
	} {
		if !reflect.DeepEqual(part.got, part.want) {
			t.Errorf("%s in the example is %+v, the default %+v", part.name, part.got, part.want)
		}
	}
	if len(c.Sources) != 1 || !c.Sources[0].Default {
		t.Errorf("sources are %+v", c.Sources)
	}
}
