// Package neo4jdb keeps the live graph and the snapshots in Neo4j. It runs the statements of package cypher and gives
// their rows the types of package engine; it is the only importer of the Neo4j driver.
package neo4jdb
