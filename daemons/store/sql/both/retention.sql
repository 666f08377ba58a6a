-- name: prune_journal
delete from journal where id in (select id from journal where at < $1 order by at limit $2)

-- name: prune_entries
delete from queue_entry where id in (
  select id from queue_entry where finished_at < $1 order by finished_at limit $2)

-- name: prune_receipts
-- Before its file, and only if the partner has had it as long as the file has been in place.
delete from receipt where received_file_id in (
  select received_file.id
  from received_file join receipt as owed on owed.received_file_id = received_file.id
  where received_file.finished_at < $1 and owed.state = 'sent' and owed.sent_at < $1
  order by received_file.finished_at
  limit $2)

-- name: prune_received_files
-- One that owes a receipt yet stays, and with it the partner's repeats are known.
delete from received_file where id in (
  select id from received_file
  where finished_at < $1
    and not exists (select 1 from receipt where received_file_id = received_file.id)
  order by finished_at
  limit $2)

-- name: prune_sessions
-- What is still there and names the session keeps it; so does being a partner's last one.
delete from session where id in (
  select id from session
  where ended_at < $1
    and not exists (select 1 from queue_entry where last_session_id = session.id)
    and not exists (select 1 from received_file where last_session_id = session.id)
    and id < (select max(later.id) from session as later where later.partner = session.partner)
  order by ended_at
  limit $2)

-- name: prune_requests
delete from operator_request where id in (
  select id from operator_request where done_at < $1 order by done_at limit $2)
