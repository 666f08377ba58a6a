-- A partner that only sends takes no files in that session: what is queued for it waits.
alter table session add column sends_only integer not null default 0
  check (sends_only in (0, 1));
alter table dial_request add column sends_only integer not null default 0
  check (sends_only in (0, 1));
