package configs

import (
	_ "embed"

	"github.com/goccy/go-yaml"

	"graphsnap/engine"
)

// Example is a configuration with every key and a comment on each.
//
//go:embed graphsnap.example.yaml
var Example string

// YAML gives a configuration as text, with secrets hidden.
func (c Config) YAML() (string, error) {
	raw, err := yaml.Marshal(c)
	if err != nil {
		return "", engine.Errorf(engine.KindInternal, "config", "the configuration cannot be written").WithCause(err)
	}
	return string(raw), nil
}
