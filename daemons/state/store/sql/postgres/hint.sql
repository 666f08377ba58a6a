-- name: hint
-- Wakes whoever listens; nobody relies on it.
select 1 as done from pg_notify('seon_changed', '')
