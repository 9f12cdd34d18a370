package neo4jdb

import (
	"sort"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/engine"
)

// text reads a string column; "" where it is null.
func text(r *neo4j.Record, column string) string {
	v, _ := r.Get(column)
	s, _ := v.(string)
	return s
}

func integer(r *neo4j.Record, column string) int64 {
	v, _ := r.Get(column)
	n, _ := v.(int64)
	return n
}

func properties(r *neo4j.Record, column string) engine.Properties {
	v, _ := r.Get(column)
	return asProperties(v)
}

func asProperties(v any) engine.Properties {
	m, _ := v.(map[string]any)
	return m
}

// lists reads a column that is a list of lists of n parts each; nil where there is no row.
func lists(r *neo4j.Record, column string, n int) [][]any {
	if r == nil {
		return nil
	}
	v, _ := r.Get(column)
	list, _ := v.([]any)
	out := make([][]any, 0, len(list))
	for _, item := range list {
		if parts, _ := item.([]any); len(parts) == n {
			out = append(out, parts)
		}
	}
	return out
}

// number gives an integer or a float; nil for all else.
func number(v any) *float64 {
	if n, ok := (engine.Properties{"v": v}).Number("v"); ok {
		return &n
	}
	return nil
}

func moment(r *neo4j.Record, column string) time.Time {
	v, _ := r.Get(column)
	t, _ := v.(time.Time)
	return t
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func labels(r *neo4j.Record, column string) []string {
	v, _ := r.Get(column)
	l := texts(v)
	sort.Strings(l)
	return l
}

// freezeProperties gives the properties to store: the user's, escaped, with room for the engine's.
func freezeProperties(p engine.Properties) (map[string]any, error) {
	out := make(map[string]any, len(p)+4)
	for name, v := range p {
		stored, err := toDriver(v)
		if err != nil {
			return nil, err
		}
		out[engine.OwnProperty(name)] = stored
	}
	return out, nil
}

// thawProperties takes the engine's properties away and unescapes the user's. A node has seq and key, a relationship has rk;
// where they stand together somebody added them, and they are kept for verification to see.
func thawProperties(stored engine.Properties) engine.Properties {
	out := make(engine.Properties, len(stored))
	_, rk := stored["rk"]
	_, seq := stored["seq"]
	_, key := stored["key"]
	for name, v := range stored {
		if user, ok := engine.UserProperty(name); ok {
			out[user] = fromDriver(v)
		} else if rk && (seq || key) && name != "h" && name != "hot" {
			out[name] = fromDriver(v)
		}
	}
	return out
}

func freezeLabels(own []string) []string {
	out := make([]string, len(own))
	for i, l := range own {
		out[i] = engine.OwnLabel(l)
	}
	return out
}

// thawLabels takes :Frozen away and unescapes the user's. Other labels of the engine never stand on a frozen node; they are
// kept for verification to see.
func thawLabels(stored []string) []string {
	out := make([]string, 0, len(stored))
	for _, l := range stored {
		if user, ok := engine.UserLabel(l); ok {
			out = append(out, user)
		} else if l != "Frozen" {
			out = append(out, l)
		}
	}
	sort.Strings(out)
	return out
}

// thawNode gives a frozen node; its key is the engine's property.
func thawNode(stored []string, p engine.Properties) engine.Node {
	key, _ := p["key"].(string)
	return engine.Node{Key: key, Labels: thawLabels(stored), Properties: thawProperties(p)}
}

func thawRelationship(relType, from, to string, p engine.Properties) engine.Relationship {
	key, _ := p["rk"].(string)
	return engine.Relationship{Key: key, Type: relType, From: from, To: to, Properties: thawProperties(p)}
}

// stored reads single properties; what is missing is the zero value.
type stored engine.Properties

func (p stored) word(name string) string { v, _ := p[name].(string); return v }

func (p stored) whole(name string) int { v, _ := p[name].(int64); return int(v) }

func (p stored) at(name string) time.Time {
	if t, ok := p[name].(time.Time); ok {
		return t.UTC()
	}
	return time.Time{}
}

func (p stored) float(name string) *float64 {
	if v, ok := engine.Properties(p).Number(name); ok {
		return &v
	}
	return nil
}
