-- name: prune_journal
-- Here as below, what goes is chosen once: a plan that chose it anew for each row would take minutes.
with oldest(record) as materialized (select id from journal where at < $1 order by at limit $2)
delete from journal where id in (select record from oldest)

-- name: prune_entries
with oldest(entry) as materialized (
  select id from queue_entry where finished_at < $1 order by finished_at limit $2)
delete from queue_entry where id in (select entry from oldest)

-- name: prune_receipts
-- Before its file, and only if the partner has had it as long as the file has been in place.
with oldest(file) as materialized (
  select received_file.id
  from received_file join receipt as owed on owed.received_file_id = received_file.id
  where received_file.finished_at < $1 and owed.state = 'sent' and owed.sent_at < $1
  order by received_file.finished_at
  limit $2)
delete from receipt where received_file_id in (select file from oldest)

-- name: prune_received_files
-- One that owes a receipt yet stays, and with it the partner's repeats are known.
with oldest(file) as materialized (
  select id from received_file
  where finished_at < $1
    and not exists (select 1 from receipt where received_file_id = received_file.id)
  order by finished_at
  limit $2)
delete from received_file where id in (select file from oldest)

-- name: prune_sessions
-- What is still there and names the session keeps it; so does being a partner's last one.
with oldest(ended) as materialized (
  select id from session
  where ended_at < $1
    and not exists (select 1 from queue_entry where last_session_id = session.id)
    and not exists (select 1 from received_file where last_session_id = session.id)
    and id < (select max(later.id) from session as later where later.partner = session.partner)
  order by ended_at
  limit $2)
delete from session where id in (select ended from oldest)

-- name: prune_requests
with oldest(request) as materialized (
  select id from operator_request where done_at < $1 order by done_at limit $2)
delete from operator_request where id in (select request from oldest)
