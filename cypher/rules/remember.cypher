// Write what rules must not forget; rows are [rule, source, data, at].
// mode: write
// on: snapshots
// params: rows
// columns: none
UNWIND $rows AS row
MERGE (m:RuleMemory {rule: row[0], source: row[1]})
SET m.data = row[2], m.at = row[3]
