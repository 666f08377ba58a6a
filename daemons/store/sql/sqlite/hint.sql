-- name: hint
-- SQLite has no such thing: who waits looks at `pragma data_version`.
select 1 as done
