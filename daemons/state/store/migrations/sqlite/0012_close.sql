-- People may close an entry whose receipt does not come, and have one sent again. SQLite cannot change
-- what a table checks, so that the table is made anew.
create table operator_request_anew (
  id           integer primary key autoincrement,
  daemon       text not null,
  kind         text not null check (kind in ('hold', 'release', 'cancel', 'unblock', 'close', 'resend',
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
insert into operator_request_anew
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
