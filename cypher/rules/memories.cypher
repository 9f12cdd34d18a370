// What all rules remember.
// mode: read
// on: snapshots
// params: none
// columns: rule, source, data, at
MATCH (m:RuleMemory)
RETURN m.rule AS rule, m.source AS source, m.data AS data, m.at AS at
ORDER BY rule, source
