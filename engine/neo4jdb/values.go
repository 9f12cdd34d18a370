package neo4jdb

import (
	"regexp"
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
	m, _ := v.(map[string]any)
	return m
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

// The engine's own names on frozen elements. A user's label or property of the same name gets the prefix own_, one more
// where the user's name looks like that already, so that thawing gives back exactly what was frozen.
var (
	engineProperty = regexp.MustCompile(`^(own_)*(seq|key|h|hot|rk)$`)
	engineLabel    = regexp.MustCompile(`^(own_)*(Frozen|Snapshot|StagedSnapshot|DeletingSnapshot|FailedCapture|Manifest|AuditEvent|Timeline|Counter|CaptureBatch|Migration)$`)
)

const ownPrefix = "own_"

// freezeProperties gives the properties to store: the user's, escaped, with room for the engine's.
func freezeProperties(p engine.Properties) (map[string]any, error) {
	out := make(map[string]any, len(p)+4)
	for name, v := range p {
		if isEngineProperty(name) {
			name = ownPrefix + name
		}
		stored, err := toDriver(v)
		if err != nil {
			return nil, err
		}
		out[name] = stored
	}
	return out, nil
}

// isEngineProperty is engineProperty, and quick for the names that cannot be meant.
func isEngineProperty(name string) bool {
	switch {
	case name == "":
		return false
	case name[0] != 's' && name[0] != 'k' && name[0] != 'h' && name[0] != 'r' && name[0] != 'o':
		return false
	}
	return engineProperty.MatchString(name)
}

// thawProperties takes the engine's properties away and unescapes the user's.
func thawProperties(stored engine.Properties) engine.Properties {
	out := make(engine.Properties, len(stored))
	for name, v := range stored {
		if isEngineProperty(name) {
			if len(name) <= len(ownPrefix) || name[:len(ownPrefix)] != ownPrefix {
				continue
			}
			name = name[len(ownPrefix):]
		}
		out[name] = fromDriver(v)
	}
	return out
}

func freezeLabels(own []string) []string {
	out := make([]string, len(own))
	for i, l := range own {
		if engineLabel.MatchString(l) {
			l = ownPrefix + l
		}
		out[i] = l
	}
	return out
}

func thawLabels(stored []string) []string {
	out := make([]string, 0, len(stored))
	for _, l := range stored {
		if engineLabel.MatchString(l) {
			if len(l) <= len(ownPrefix) || l[:len(ownPrefix)] != ownPrefix {
				continue
			}
			l = l[len(ownPrefix):]
		}
		out = append(out, l)
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
