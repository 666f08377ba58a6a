-- An entry is prepared between `queued` and `ready`: claimed by a tenure, and by no session. SQLite
-- cannot change what a table checks, so that the table is made anew.
create table queue_entry_anew (
  id               integer primary key autoincrement,
  partner          text not null check (partner <> ''),
  dataset_name     text not null check (length(dataset_name) between 1 and 26),
  stamp            text not null check (length(stamp) = 18),
  short_stamp      text not null check (length(short_stamp) = 18), -- as levels 1.2 and 1.3 carry it
  originator       text not null check (length(originator) between 1 and 25),
  destination      text not null check (length(destination) between 1 and 25),
  format           text not null check (format in ('F', 'V', 'U', 'T')),
  record_length    integer check (record_length > 0),
  description      text not null default '',
  user_data        text not null default '',
  payload          text not null check (payload <> ''),
  octets           integer not null check (octets >= 0),
  original_octets  integer not null check (original_octets >= 0),
  packaging        text not null default '00 00 0 0 N' check (length(packaging) = 11),
  hash             text check (hash <> ''),
  priority         integer not null default 0,
  passive          integer not null default 0 check (passive in (0, 1)),
  receipt_expected integer not null default 1 check (receipt_expected in (0, 1)),
  restart_refused  integer not null default 0 check (restart_refused in (0, 1)),
  state            text not null check (state in ('held', 'queued', 'preparing', 'ready', 'sending',
                     'sent', 'acknowledged', 'rejected', 'blocked', 'cancelled')),
  attempts         integer not null default 0 check (attempts >= 0),
  not_before       integer,
  claimed_by       text,
  claimed_epoch    integer,
  session_id       integer references session (id),
  last_session_id  integer references session (id),
  error_code       text check (error_code <> ''),
  error_text       text,
  comment          text,
  created_at       integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  updated_at       integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  sent_at          integer,
  finished_at      integer,
  constraint queue_entry_identity unique (dataset_name, stamp, originator, destination),
  constraint queue_entry_record_length_by_format
    check ((format in ('F', 'V')) = (record_length is not null)),
  constraint queue_entry_claim_whole check (
    (claimed_by is null) = (claimed_epoch is null)),
  constraint queue_entry_claimed_while_at_work check (
    (state in ('preparing', 'sending')) = (claimed_by is not null)),
  constraint queue_entry_in_a_session_while_sending check (
    (state = 'sending') = (session_id is not null)),
  constraint queue_entry_sent_has_a_time check (state <> 'sent' or sent_at is not null),
  constraint queue_entry_stopped_has_a_code
    check (state not in ('blocked', 'rejected') or error_code is not null),
  constraint queue_entry_finished check ((finished_at is not null) =
    (state in ('acknowledged', 'rejected', 'cancelled')
      or (state = 'sent' and not receipt_expected)))
) strict;

insert into queue_entry_anew (id, partner, dataset_name, stamp, short_stamp, originator, destination,
  format, record_length, description, user_data, payload, octets, original_octets, packaging, hash,
  priority, passive, receipt_expected, restart_refused, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, comment, created_at,
  updated_at, sent_at, finished_at)
select id, partner, dataset_name, stamp, short_stamp, originator, destination,
  format, record_length, description, user_data, payload, octets, original_octets, packaging, hash,
  priority, passive, receipt_expected, restart_refused, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, comment, created_at,
  updated_at, sent_at, finished_at
from queue_entry;

-- No number is given twice, also if its entry is gone: the journal still tells of it.
delete from sqlite_sequence where name = 'queue_entry_anew';
insert into sqlite_sequence (name, seq)
select 'queue_entry_anew', seq from sqlite_sequence where name = 'queue_entry';

drop table queue_entry;
alter table queue_entry_anew rename to queue_entry;

create index queue_entry_by_short_stamp
  on queue_entry (dataset_name, short_stamp, originator, destination);
create index queue_entry_by_state on queue_entry (state, id);
-- The next to be prepared is the first in it.
create index queue_entry_queued on queue_entry (priority desc, id) where state = 'queued';
create index queue_entry_ready on queue_entry (partner, priority desc, id) where state = 'ready';
create index queue_entry_due on queue_entry (partner, passive, coalesce(not_before, created_at))
  where state = 'ready';
create index queue_entry_by_session on queue_entry (session_id) where session_id is not null;
create index queue_entry_by_last_session on queue_entry (last_session_id)
  where last_session_id is not null;
create index queue_entry_finished on queue_entry (finished_at) where finished_at is not null;
