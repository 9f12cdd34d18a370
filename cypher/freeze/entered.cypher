// Whether a batch stands in the ledger: it tells a batch that was written already from one that is refused.
// mode: read
// on: snapshots
// params: seq, no
// columns: no
MATCH (b:CaptureBatch {seq: $seq, no: $no})
RETURN b.no AS no
