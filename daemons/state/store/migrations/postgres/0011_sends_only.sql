-- A partner that only sends takes no files in that session: what is queued for it waits.
alter table session add column sends_only boolean not null default false;
alter table dial_request add column sends_only boolean not null default false;
