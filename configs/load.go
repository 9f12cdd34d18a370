package configs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"graphsnap/engine"
)

// Find gives the file to load: the named one, else GRAPHSNAP_CONFIG, else the first of ./graphsnap.yaml, the user's
// ~/.config/graphsnap/graphsnap.yaml and /etc/graphsnap/graphsnap.yaml that exists, else "".
func Find(named string) string {
	if named != "" {
		return named
	}
	if file := os.Getenv("GRAPHSNAP_CONFIG"); file != "" {
		return file
	}
	places := []string{"graphsnap.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(dir, "graphsnap", "graphsnap.yaml"))
	}
	for _, file := range append(places, "/etc/graphsnap/graphsnap.yaml") {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// maxFile bounds a configuration file, bytes.
const maxFile = 1 << 20

// Load reads a file, or only defaults where the name is "", then the environment, and checks the whole. warnings name
// what is accepted and yet may not be what was meant. An error says line, column and what to write instead; all problems
// of the file are in it, the first in full. Kinds: invalid, not_found.
func Load(file string, environ []string) (c Config, warnings []string, err error) {
	var raw []byte
	if file != "" {
		if raw, err = readFile(file); err != nil {
			return Default(), nil, err
		}
	}
	return parse(raw, file, environ)
}

// readFile reads a configuration file whole. Kinds: invalid, not_found.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		kind := engine.KindInvalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = engine.KindNotFound
		}
		return nil, engine.Errorf(kind, "config", "%s cannot be read", file).WithCause(err).WithHint("`graphsnap config example` prints one to begin with")
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil || len(raw) > maxFile {
		return nil, engine.Errorf(engine.KindInvalid, "config", "%s is no configuration: it cannot be read or has more than 1 MiB", file).
			WithHint("does the name lead to the right file?")
	}
	return raw, nil
}

// Parse reads the text of a configuration over the defaults and checks it; name stands in errors. It does not look at the
// environment. Kinds: invalid.
func Parse(raw []byte, name string) (c Config, warnings []string, err error) {
	return parse(raw, name, nil)
}

func parse(raw []byte, name string, environ []string) (Config, []string, error) {
	r := newReport(name, raw)
	d := document{Config: Default()}
	tree, p := parseTree(raw)
	if p != nil {
		r.problems = append(r.problems, *p)
		return d.Config, nil, r.err()
	}
	if tree != nil {
		decode(tree, reflect.ValueOf(&d).Elem(), "", r)
	}
	// What could not be read has no value yet: nothing can be said of its sense.
	if err := r.err(); err != nil {
		return Default(), nil, err
	}
	c := d.merge(r)
	override(&c, environ, r)
	check(&c, r)
	return c, r.warnings, r.err()
}

// ReadPassword gives the password of a database, from its file where it has one. Kinds: denied.
func (d Database) ReadPassword() (string, error) {
	return readSecret(string(d.Password), d.PasswordFile)
}

// readSecret gives a secret, from its file where there is one. Kinds: denied.
func readSecret(secret, file string) (string, error) {
	if file == "" {
		return secret, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", engine.Errorf(engine.KindDenied, "config", "the file %s with a secret cannot be read", file).WithCause(err).
			WithHint("give this user the right to read it, or correct its name")
	}
	return strings.TrimSpace(string(raw)), nil
}
