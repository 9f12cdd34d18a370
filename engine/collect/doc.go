// Package collect turns the statistics of a SQL database into ticks of the live graph: tables become nodes, and the
// joins of its normalised statements become metric relationships. It only reads, and resets no counter.
package collect
