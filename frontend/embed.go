// Package frontend carries the built viewer inside the binary. Its source is the npm project in this folder; `make
// viewer` builds it into dist, of which only a placeholder is kept in the repository.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files gives the files of the viewer, index.html at the top. A build without the viewer has none.
func Files() (fs.FS, error) { return fs.Sub(dist, "dist") }
