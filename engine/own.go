package engine

import "strings"

// ownPrefix marks a user's label or property whose name the engine needs on frozen elements itself. A user's name that
// looks like that already gets one more, so that taking one off gives back exactly what was frozen.
const ownPrefix = "own_"

func isEngineProperty(name string) bool {
	switch strip(name) {
	case "seq", "key", "h", "hot", "rk":
		return true
	}
	return false
}

func isEngineLabel(name string) bool {
	switch strip(name) {
	case "Frozen", "Snapshot", "StagedSnapshot", "DeletingSnapshot", "FailedCapture", "Manifest", "AuditEvent", "Timeline", "Counter", "CaptureBatch", "Migration",
		"Lease", "Firing", "RuleMemory", "Case", "Deployment":
		return true
	}
	return false
}

func strip(name string) string {
	for strings.HasPrefix(name, ownPrefix) {
		name = name[len(ownPrefix):]
	}
	return name
}

// OwnProperty gives the name under which a user's property stands on a frozen element.
func OwnProperty(name string) string {
	if isEngineProperty(name) {
		return ownPrefix + name
	}
	return name
}

// UserProperty is the opposite of OwnProperty; ok is false for the engine's own properties.
func UserProperty(stored string) (name string, ok bool) {
	if !isEngineProperty(stored) {
		return stored, true
	}
	return strings.CutPrefix(stored, ownPrefix)
}

// OwnLabel gives the name under which a user's label stands on a frozen node.
func OwnLabel(label string) string {
	if isEngineLabel(label) {
		return ownPrefix + label
	}
	return label
}

// UserLabel is the opposite of OwnLabel; ok is false for the engine's own labels.
func UserLabel(stored string) (label string, ok bool) {
	if !isEngineLabel(stored) {
		return stored, true
	}
	return strings.CutPrefix(stored, ownPrefix)
}
