-- What is done to a file before it is sent: it is packaged, or only looked at. Each is claimed by
-- itself, so that packages that cannot be made hold up no other file of the partner.
alter table queue_entry add column work text generated always as (
  case when packaging = '00 00 0 0 N' or (package is not null and reached <> 'nothing')
    then 'look' else 'package' end) stored;

drop index queue_entry_queued;
create index queue_entry_queued on queue_entry (partner, work, priority desc, id)
  where state = 'queued';
