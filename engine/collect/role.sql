-- The role that graphsnap collects with. Run this as a superuser in the database to be collected from, then give the role
-- a password with `\password graphsnap` and put it into a passfile.
-- The library must be loaded: shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, and a restart.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE ROLE graphsnap LOGIN CONNECTION LIMIT 4;
-- Statistics, sessions, settings and sizes; no row of any table. pg_qualstats, where it is installed, needs no more.
GRANT pg_monitor TO graphsnap;
-- Plans: the server explains a statement only to who may run it. graphsnap runs none: it asks for plans of SELECT in
-- read-only transactions. Without this right there are no plans, and all the rest works. PostgreSQL 14 or newer. Statements
-- that write have no plan, which is by design: seeing it would take the right to write.
GRANT pg_read_all_data TO graphsnap;
