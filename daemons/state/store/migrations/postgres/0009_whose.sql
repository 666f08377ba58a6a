-- A file is one partner's: what another one offers under the same identity is another file.
alter table received_file drop constraint received_file_identity;
alter table received_file add constraint received_file_identity
  unique (partner, dataset_name, stamp, originator, destination);

-- How much of a file may have reached the partner, before the session that sends it now. Of what was
-- claimed before, that is not known.
alter table queue_entry add column reached text not null default 'nothing'
  constraint queue_entry_reached check (reached in ('nothing', 'part', 'whole'));
update queue_entry set reached = 'whole' where last_session_id is not null or sent_at is not null;
