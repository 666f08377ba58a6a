-- Calls on ISDN that seonsqd wants made: whoever holds a controller takes one, makes the call, runs its
-- session, and says what came of it. A row lives no longer than the question.
create table dial_request (
  id              integer primary key autoincrement,
  partner         text not null check (partner <> ''),
  number          text not null check (number <> ''),
  ping            integer not null check (ping in (0, 1)),
  requested_by    text not null,
  requested_epoch integer not null check (requested_epoch > 0),
  state           text not null default 'open' check (state in ('open', 'taken', 'done')),
  taken_by        text,
  taken_epoch     integer check (taken_epoch > 0),
  connected       integer check (connected in (0, 1)),
  established     integer check (established in (0, 1)),
  outcome_code    text check (outcome_code <> ''),
  outcome_text    text,
  files_sent      integer not null default 0 check (files_sent >= 0),
  files_received  integer not null default 0 check (files_received >= 0),
  octets_sent     integer not null default 0 check (octets_sent >= 0),
  octets_received integer not null default 0 check (octets_received >= 0),
  constraint dial_request_taken check (
    (taken_by is null) = (state = 'open') and (taken_epoch is null) = (state = 'open')),
  constraint dial_request_done check (
    (state = 'done') = (outcome_code is not null)
    and (state = 'done') = (connected is not null)
    and (state = 'done') = (established is not null))
) strict;
create index dial_request_open on dial_request (id) where state = 'open';
