// Export a snapshot by APOC as JSON, a row a batch; only where the server has APOC.
// mode: read
// on: apoc
// params: seq
// columns: data
CALL apoc.export.json.query(
  'MATCH (n:Frozen) WHERE n.seq = $seq AND n.key IS NOT NULL OPTIONAL MATCH (n)-[r]->(:Frozen) RETURN n, collect(r) AS rels',
  null, {stream: true, params: {seq: $seq}}) YIELD data
RETURN data
