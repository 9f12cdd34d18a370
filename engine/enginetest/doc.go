// Package enginetest holds what tests of several packages share: real Neo4j servers in containers, a real PostgreSQL, the
// exam that every snapshot store must pass, an in-memory store to compare with, and random graphs.
package enginetest
