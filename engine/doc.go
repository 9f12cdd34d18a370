// Package engine is the domain of Graphsnap: the live performance graph, the capture that freezes it into an
// immutable snapshot, the timeline of snapshots and the comparison of two of them. It knows no database driver, no
// HTTP and no SQL; the interfaces it needs from them stand in store.go.
package engine
