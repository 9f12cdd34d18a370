// Package api serves Graphsnap over REST and WebSocket and holds the Go client of the same routes. It knows the engine
// and the results of analysis, never the graph database.
package api
