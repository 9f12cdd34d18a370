// The open case of a source; no row where there is none.
// mode: read
// on: snapshots
// params: source
// columns: id
MATCH (c:Case {open_source: $source})
RETURN c.case_id AS id
