// Package local runs what a newcomer does not have yet as supervised child processes on loopback: two Neo4j servers, a
// demo PostgreSQL and a workload of real queries with faults that can be switched on. Nothing of it survives its parent.
package local
