-- name: hint
-- SQLite has no such thing: the file is touched after the commit.
select 1 as done
