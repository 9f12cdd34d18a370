// One transaction of the writer whose throughput is measured beside captures.
// mode: write
// on: live
// params: source, no
// columns: none
MERGE (n:BenchWriter {no: $no % 100})
SET n.v = $no, n.source = $source
