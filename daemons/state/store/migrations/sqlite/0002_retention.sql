-- What is finished goes after a while (`spec.retention`): rows are found by the time of their end.
create index queue_entry_finished on queue_entry (finished_at) where finished_at is not null;
create index received_file_finished on received_file (finished_at) where finished_at is not null;
create index session_ended on session (ended_at) where ended_at is not null;
create index operator_request_ended on operator_request (done_at) where done_at is not null;

-- A session goes last, and each table that names it is asked; without these, by reading all of it.
create index queue_entry_by_last_session on queue_entry (last_session_id)
  where last_session_id is not null;
create index received_file_by_last_session on received_file (last_session_id);
drop index queue_entry_sending;
create index queue_entry_by_session on queue_entry (session_id) where session_id is not null;
drop index received_file_receiving;
create index received_file_by_session on received_file (session_id) where session_id is not null;
drop index receipt_sending;
create index receipt_by_session on receipt (session_id) where session_id is not null;
