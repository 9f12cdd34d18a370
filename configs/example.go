package configs

import (
	_ "embed"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

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

func parseExample() (ast.Node, error) {
	file, err := parser.ParseBytes([]byte(Example), 0)
	if err != nil || len(file.Docs) == 0 {
		return nil, engine.Errorf(engine.KindInternal, "config", "the example cannot be read").WithCause(err)
	}
	return file.Docs[0].Body, nil
}
