// How many transactions of others hold locks in this database; one whose commit is being applied still holds them.
// mode: read
// on: live
// params: none
// columns: busy
SHOW TRANSACTIONS YIELD database, activeLockCount, currentQuery
WHERE activeLockCount > 0 AND NOT currentQuery STARTS WITH 'SHOW TRANSACTIONS'
RETURN count(*) AS busy
