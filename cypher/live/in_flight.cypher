// How many transactions are committing (or waiting, or being ended): a read may see a part of them. The asking one is
// running, and so is one that has only written: nothing of it can be seen yet.
// mode: read
// on: live
// params: none
// columns: in_flight
SHOW TRANSACTIONS YIELD status
WHERE NOT status STARTS WITH 'Running'
RETURN count(*) AS in_flight
