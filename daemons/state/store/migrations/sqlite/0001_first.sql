-- The first schema. What can be said of a row alone is said here, as a constraint, not in a
-- program.

-- Moments are whole microseconds since the Unix epoch, flags are 0 or 1.
-- Statements that both databases share read the clock here: PostgreSQL's has another name.
create view clock as select cast(unixepoch('subsec') * 1000000 as integer) as moment;

create table daemon_lease (
  daemon      text not null primary key,
  holder      text not null,
  address     text not null,
  epoch       integer not null check (epoch > 0),
  acquired_at integer not null,
  renewed_at  integer not null,
  expires_at  integer not null,                -- 0: released or forced
  forced_by   text,
  unique (daemon, epoch)
) strict;

create table session (
  id              integer primary key autoincrement,
  partner         text not null check (partner <> ''),
  daemon          text not null,
  epoch           integer not null check (epoch > 0),
  direction       text not null check (direction in ('in', 'out')),
  transport       text not null check (transport in ('tcp', 'tls', 'isdn')),
  peer_address    text not null,
  level           text check (level in ('1.2', '1.3', '1.4', '2.0')),
  started_at      integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  ended_at        integer,
  end_code        text check (end_code <> ''),
  end_text        text,
  files_sent      integer not null default 0 check (files_sent >= 0),
  files_received  integer not null default 0 check (files_received >= 0),
  octets_sent     integer not null default 0 check (octets_sent >= 0),
  octets_received integer not null default 0 check (octets_received >= 0),
  constraint session_end_has_a_code check ((ended_at is null) = (end_code is null))
) strict;
create index session_open on session (daemon, epoch) where ended_at is null;
create index session_by_partner on session (partner, id);

create table queue_entry (
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
  priority         integer not null default 0,
  passive          integer not null default 0 check (passive in (0, 1)),
  receipt_expected integer not null default 1 check (receipt_expected in (0, 1)),
  restart_refused  integer not null default 0 check (restart_refused in (0, 1)),
  state            text not null check (state in ('held', 'queued', 'ready', 'sending', 'sent',
                     'acknowledged', 'rejected', 'blocked', 'cancelled')),
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
    (claimed_by is null) = (session_id is null) and (claimed_epoch is null) = (session_id is null)),
  constraint queue_entry_claimed_while_sending
    check ((state = 'sending') = (session_id is not null)),
  constraint queue_entry_sent_has_a_time check (state <> 'sent' or sent_at is not null),
  constraint queue_entry_stopped_has_a_code
    check (state not in ('blocked', 'rejected') or error_code is not null),
  constraint queue_entry_finished check ((finished_at is not null) =
    (state in ('acknowledged', 'rejected', 'cancelled')
      or (state = 'sent' and not receipt_expected)))
) strict;
create index queue_entry_by_short_stamp
  on queue_entry (dataset_name, short_stamp, originator, destination);
create index queue_entry_ready on queue_entry (partner, priority desc, id) where state = 'ready';
create index queue_entry_queued on queue_entry (id) where state = 'queued';
create index queue_entry_sending on queue_entry (session_id) where state = 'sending';
create index queue_entry_by_state on queue_entry (state, id);

create table received_file (
  id              integer primary key autoincrement,
  partner         text not null check (partner <> ''),
  dataset_name    text not null check (length(dataset_name) between 1 and 26),
  stamp           text not null check (length(stamp) = 18),
  originator      text not null check (length(originator) between 1 and 25),
  destination     text not null check (length(destination) between 1 and 25),
  format          text not null check (format in ('F', 'V', 'U', 'T')),
  record_length   integer check (record_length > 0),
  description     text not null default '',
  user_data       text not null default '',
  announced_size  integer not null check (announced_size >= 0),
  original_size   integer not null check (original_size >= 0),
  part            text not null unique check (part <> ''),
  durable_octets  integer not null default 0 check (durable_octets >= 0),
  durable_records integer not null default 0 check (durable_records >= 0),
  state           text not null check (state in ('receiving', 'received', 'delivering', 'delivered',
                    'failed')),
  target          text check (target <> ''),
  claimed_by      text,
  claimed_epoch   integer,
  session_id      integer references session (id),
  last_session_id integer not null references session (id),
  delivering_epoch integer check (delivering_epoch > 0),
  error_code      text check (error_code <> ''),
  error_text      text,
  created_at      integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  updated_at      integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  received_at     integer,
  finished_at     integer,
  constraint received_file_identity unique (dataset_name, stamp, originator, destination),
  constraint received_file_record_length_by_format
    check ((format in ('F', 'V')) = (record_length is not null)),
  constraint received_file_claim_whole check (
    (claimed_by is null) = (session_id is null) and (claimed_epoch is null) = (session_id is null)),
  constraint received_file_claimed_while_receiving
    check (state = 'receiving' or session_id is null),
  constraint received_file_received check ((received_at is not null) = (state <> 'receiving')),
  constraint received_file_target check (
    state not in ('delivering', 'delivered') or target is not null),
  constraint received_file_delivering check (
    (state = 'delivering') = (delivering_epoch is not null)),
  constraint received_file_failed_has_a_code check ((state = 'failed') = (error_code is not null)),
  constraint received_file_finished check (
    (finished_at is not null) = (state in ('delivered', 'failed')))
) strict;
create index received_file_to_deliver on received_file (id)
  where state in ('received', 'delivering');
create index received_file_receiving on received_file (session_id) where state = 'receiving';
create index received_file_by_partner on received_file (partner, id);

create table receipt (
  id               integer primary key autoincrement,
  received_file_id integer not null unique references received_file (id),
  kind             text not null check (kind in ('EERP', 'NERP')),
  partner          text not null check (partner <> ''),
  dataset_name     text not null check (length(dataset_name) between 1 and 26),
  stamp            text not null check (length(stamp) = 18),
  originator       text not null check (length(originator) between 1 and 25),
  destination      text not null check (length(destination) between 1 and 25),
  user_data        text not null default '',
  reason           integer check (reason between 0 and 99),
  reason_text      text,
  state            text not null default 'queued' check (state in ('queued', 'sending', 'sent')),
  held             integer not null default 0 check (held in (0, 1)),
  not_before       integer,
  claimed_by       text,
  claimed_epoch    integer,
  session_id       integer references session (id),
  created_at       integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  sent_at          integer,
  constraint receipt_reason_of_a_nerp check ((kind = 'NERP') = (reason is not null)),
  constraint receipt_claim_whole check (
    (claimed_by is null) = (session_id is null) and (claimed_epoch is null) = (session_id is null)),
  constraint receipt_claimed_while_sending check ((state = 'sending') = (session_id is not null)),
  constraint receipt_sent_has_a_time check ((state = 'sent') = (sent_at is not null)),
  constraint receipt_held_only_while_queued check (state = 'queued' or not held)
) strict;
create index receipt_queued on receipt (partner, id) where state = 'queued';
create index receipt_sending on receipt (session_id) where state = 'sending';

-- No foreign keys: the journal is only ever appended to, and outlives what it tells of.
create table journal (
  id           integer primary key autoincrement,
  at           integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  kind         text not null check (kind <> ''),
  daemon       text,
  epoch        integer,
  session_id   integer,
  partner      text,
  entry_id     integer,
  code         text,
  text         text,
  dataset_name text,
  octets       integer,
  details      text
) strict;
create index journal_at on journal (at);
create index journal_by_partner on journal (partner, id);
create index journal_by_kind on journal (kind, id);

create table operator_request (
  id           integer primary key autoincrement,
  daemon       text not null,
  kind         text not null check (kind in ('hold', 'release', 'cancel', 'unblock',
                 'abort_session', 'call_partner', 'ping_partner', 'release_receipt')),
  subject_id   integer,
  partner      text check (partner <> ''),
  requested_by text not null,
  state        text not null default 'open' check (state in ('open', 'taken', 'done')),
  taken_epoch  integer,
  outcome_code text,
  outcome_text text,
  created_at   integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  done_at      integer,
  constraint operator_request_subject check (
    (kind in ('call_partner', 'ping_partner')) = (partner is not null)
    and (kind in ('call_partner', 'ping_partner')) = (subject_id is null)),
  constraint operator_request_taken check (state <> 'taken' or taken_epoch is not null),
  constraint operator_request_done check (
    (state = 'done') = (done_at is not null) and (state = 'done') = (outcome_text is not null))
) strict;
create index operator_request_waiting on operator_request (daemon, id) where state <> 'done';
