-- A received file may be rejected by a person or a program, with a reason for its partner. SQLite cannot
-- change what a table checks, so that the table is made anew.
create table operator_request_anew (
  id           integer primary key autoincrement,
  daemon       text not null,
  kind         text not null check (kind in ('hold', 'release', 'cancel', 'unblock', 'close', 'resend',
                 'abort_session', 'call_partner', 'ping_partner', 'release_receipt', 'reject_file')),
  subject_id   integer,
  partner      text check (partner <> ''),
  reason       integer check (reason between 0 and 99),
  reason_text  text,
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
  constraint operator_request_reason check (
    (kind = 'reject_file') = (reason is not null) and (reason is null) = (reason_text is null)),
  constraint operator_request_taken check (state <> 'taken' or taken_epoch is not null),
  constraint operator_request_done check (
    (state = 'done') = (done_at is not null) and (state = 'done') = (outcome_text is not null))
) strict;
insert into operator_request_anew (id, daemon, kind, subject_id, partner, requested_by, state,
  taken_epoch, outcome_code, outcome_text, created_at, done_at)
select id, daemon, kind, subject_id, partner, requested_by, state, taken_epoch, outcome_code,
  outcome_text, created_at, done_at
from operator_request;
delete from sqlite_sequence where name = 'operator_request_anew';
insert into sqlite_sequence (name, seq)
select 'operator_request_anew', seq from sqlite_sequence where name = 'operator_request';
drop table operator_request;
alter table operator_request_anew rename to operator_request;
create index operator_request_waiting on operator_request (daemon, id) where state <> 'done';
create index operator_request_ended on operator_request (done_at) where done_at is not null;

-- A receipt that a session has ever claimed may be there: nothing else can be said of its file any more.
-- Of those of before only the held ones are known to be here.
alter table receipt add column may_have_left integer not null default 0
  check (may_have_left in (0, 1));
update receipt set may_have_left = 1 where not held;

-- Since when a signed receipt waits for a session that can carry it.
alter table receipt add column deferred_at integer
  check (deferred_at is null or not_before is not null);

-- What keeps a claimed entry, or a received file, from getting on.
alter table queue_entry add column hindrance_code text check (hindrance_code <> '');
alter table queue_entry add column hindrance_text text
  check ((hindrance_text is null) = (hindrance_code is null));
alter table received_file add column hindrance_code text check (hindrance_code <> '');
alter table received_file add column hindrance_text text
  check ((hindrance_text is null) = (hindrance_code is null));

-- When a package is unwrapped: as it came, and after a pause if that was not possible, so that it holds
-- up no later one of its partner. Receivers of the version before say nothing of it: at once.
alter table received_file add column unwrap_at integer not null default 0;
update received_file set unwrap_at = received_at where state = 'unwrapping';
drop index received_file_unwrapping;
create index received_file_unwrapping on received_file (partner, unwrap_at, id)
  where state = 'unwrapping';

-- Packages that need other keys and certificates are claimed by themselves: those that wait for one hold
-- up no other. Daemons of the version before go on by `work` until they are replaced.
alter table queue_entry add column lane text generated always as (
  case
    when packaging = '00 00 0 0 N' or (package is not null and reached <> 'nothing') then 'look'
    when substr(packaging, 1, 2) = '01' then 'encrypt'
    when substr(packaging, 1, 2) = '02' then 'sign'
    when substr(packaging, 1, 2) = '03' then 'sign_and_encrypt'
    else 'package' end) virtual;
create index queue_entry_lanes on queue_entry (partner, lane, priority desc, id)
  where state = 'queued';
