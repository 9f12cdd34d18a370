// Package analysis is the mathematics of Graphsnap: pure, streaming where time goes on, without input, output, clock or log.
// What has to outlive a restart is a struct that encodes to JSON of a few kilobytes.
package analysis
