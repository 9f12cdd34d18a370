package local

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"graphsnap/engine"
)

// DefaultDataDir is where state is kept: GRAPHSNAP_DATA_DIR, else /var/lib/graphsnap for root, else the user's folder
// for application data.
func DefaultDataDir() string {
	return defaultDir("GRAPHSNAP_DATA_DIR", "/var/lib/graphsnap", "XDG_DATA_HOME", ".local/share")
}

// DefaultCacheDir is where downloads are kept: GRAPHSNAP_CACHE_DIR, else /var/cache/graphsnap for root, else the user's
// cache folder.
func DefaultCacheDir() string {
	return defaultDir("GRAPHSNAP_CACHE_DIR", "/var/cache/graphsnap", "XDG_CACHE_HOME", ".cache")
}

func defaultDir(own, system, xdg, home string) string {
	if dir := os.Getenv(own); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return system
	}
	if dir := os.Getenv(xdg); dir != "" {
		return filepath.Join(dir, "graphsnap")
	}
	if dir, err := os.UserHomeDir(); err == nil {
		return filepath.Join(dir, home, "graphsnap")
	}
	return filepath.Join(os.TempDir(), "graphsnap")
}

// makeDataDir makes the folder traversable for the user that PostgreSQL runs as; secrets in it have mode 0600.
func makeDataDir(dir string) error {
	err := os.MkdirAll(dir, 0o711)
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		return engine.Errorf(engine.KindDenied, "up", "the data folder %s cannot be made", dir).WithCause(err).
			WithHint("choose another with --data-dir")
	}
	return nil
}

// lockDataDir makes sure that one process at a time uses a data folder. The lock goes with the process, however it ends.
func lockDataDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, engine.Errorf(engine.KindDenied, "up", "the data folder %s cannot be written", dir).WithCause(err).WithHint("choose another with --data-dir")
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, engine.Errorf(engine.KindConflict, "up", "another graphsnap uses the data folder %s", dir).
			WithHint("stop it with Ctrl-C in its terminal, or choose another folder with --data-dir and other ports with --port and --port-base")
	}
	return f, nil
}

// secret reads a password from a file of mode 0600, or makes one.
func secret(file string) (password, path string, err error) {
	raw, err := os.ReadFile(file)
	if err == nil && len(strings.TrimSpace(string(raw))) > 0 {
		return strings.TrimSpace(string(raw)), file, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", engine.Errorf(engine.KindDenied, "up", "the password file %s cannot be read", file).WithCause(err)
	}
	password = rand.Text()
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return "", "", engine.Errorf(engine.KindDenied, "up", "the password file %s cannot be written", file).WithCause(err)
	}
	return password, file, nil
}
